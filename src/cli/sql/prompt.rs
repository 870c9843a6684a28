//! Asks at a terminal, one statement after the other. An error ends no session, and Ctrl-C no more than
//! the query that runs.

use std::path::Path;

use anyhow::Context;
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Editor, config::CompletionType};

use super::ask::Asking;
use super::commands::{HELP, Lines, Typed};
use super::history::{History, STATEMENTS_MAX};
use super::names::Names;
use crate::cli::Exit;
use crate::cli::destination::Destination;
use crate::cli::logging::tell;
use crate::cli::rows_out::RowFormat;
use crate::cli::shown::shown;
use crate::cli::target::Target;
use crate::sql::schema;

type LineEditor = Editor<Names, FileHistory>;

/// Asks until there is no more to ask.
pub(super) async fn run(
    target: &Target,
    format: RowFormat,
    history: History,
) -> anyhow::Result<Exit> {
    let file = history.file();
    let mut editor = editor(Names::of(schema().await?).await?)?;
    if let Some(file) = file {
        // Another version's is begun anew.
        let _ = editor.load_history(file);
    }
    tell!("shop {}; \\? says what may be typed, \\q leaves", shown(target.shop(), " "));
    let mut session = Session {
        target,
        asking: Asking { format, expanded: false, destination: Destination::Stdout },
        next_to: None,
        is_timed: true,
    };
    let mut lines = Lines::default();
    loop {
        let prompt = if lines.is_empty() { "verbatim> " } else { "       -> " };
        let read;
        (editor, read) = read_line(editor, prompt).await?;
        let typed = match read {
            Ok(line) => lines.add(&line),
            Err(ReadlineError::Interrupted) => {
                lines.clear();
                continue;
            }
            Err(ReadlineError::Eof) => Typed::Quit,
            Err(error) => return Err(error).context("cannot read from the terminal"),
        };
        if let Typed::Statement(statement) = &typed
            && let Err(error) = keep(&mut editor, statement, file)
        {
            tell!("the statement is not kept: {error}");
        }
        if !session.does(typed).await {
            return Ok(Exit::Yes);
        }
    }
}

/// Kept at once: a terminal may be closed.
fn keep(editor: &mut LineEditor, statement: &str, file: Option<&Path>) -> rustyline::Result<()> {
    editor.add_history_entry(statement)?;
    file.map_or(Ok(()), |file| editor.append_history(file))
}

fn editor(names: Names) -> anyhow::Result<LineEditor> {
    let config = Config::builder()
        .max_history_size(STATEMENTS_MAX)?
        .history_ignore_dups(true)?
        // What begins with a space is not kept, as in shells.
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(names));
    Ok(editor)
}

/// A terminal is waited for on a thread that may.
async fn read_line(
    mut editor: LineEditor,
    prompt: &'static str,
) -> anyhow::Result<(LineEditor, rustyline::Result<String>)> {
    let read = move || {
        let line = editor.readline(prompt);
        (editor, line)
    };
    Ok(tokio::task::spawn_blocking(read).await?)
}

struct Session<'a> {
    target: &'a Target,
    asking: Asking,
    /// Where the next answer goes.
    next_to: Option<Asking>,
    is_timed: bool,
}

impl Session<'_> {
    /// Does what was typed; false where that is to leave.
    async fn does(&mut self, typed: Typed) -> bool {
        match typed {
            Typed::More => {}
            Typed::Statement(statement) => {
                let asking = self.next_to.take().unwrap_or_else(|| self.asking.clone());
                self.ask(&asking, &statement).await;
            }
            Typed::Tables => self.ask(&self.asking.clone(), "SHOW TABLES").await,
            Typed::Columns(table) => {
                self.ask(&self.asking.clone(), &format!("DESCRIBE {table}")).await;
            }
            Typed::Expanded => {
                self.asking.expanded = !self.asking.expanded;
                tell!("one line a {}", if self.asking.expanded { "value" } else { "row" });
            }
            Typed::Timing => {
                self.is_timed = !self.is_timed;
                tell!("timing is {}", if self.is_timed { "on" } else { "off" });
            }
            Typed::NextTo(path) => match RowFormat::of_name(&path) {
                Ok(format) => {
                    let destination = Destination::of(Some(&path));
                    self.next_to = Some(Asking { format, expanded: false, destination });
                    tell!("the next answer goes to `{}`", path.display());
                }
                Err(error) => drop(Exit::failure(&error)),
            },
            Typed::Help => tell!("{HELP}"),
            Typed::Wrong(why) => tell!("{why}"),
            Typed::Quit => return false,
        }
        true
    }

    async fn ask(&self, asking: &Asking, statement: &str) {
        let answered = tokio::select! {
            answered = asking.ask(self.target, statement) => answered,
            _ = tokio::signal::ctrl_c() => {
                tell!("the query was ended");
                return;
            }
        };
        match answered {
            Ok(answered) if self.is_timed => tell!("{answered}"),
            Ok(answered) => tell!("{}", answered.untimed()),
            Err(error) => drop(Exit::failure(&error)),
        }
    }
}
