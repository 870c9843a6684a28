//! `verbatim completions SHELL`, `verbatim man [DIR]`: made from the commands themselves, so they have what `--help` has.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, Exit, write};
use crate::export::EXPORT_TABLES;
use crate::sql::BUILT_IN;

const NAME: &str = "verbatim";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  verbatim completions bash > /etc/bash_completion.d/verbatim
  verbatim completions zsh > \"${fpath[1]}/_verbatim\"
  verbatim completions fish > ~/.config/fish/completions/verbatim.fish

Exit codes: 0 written; 2 failure";

const MAN_EXAMPLES: &str = "\
Examples:
  verbatim man | man -l -                      the page of the whole
  verbatim man /usr/local/share/man/man1       a page for each command, as a file

Exit codes: 0 written; 2 failure";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct Completions {
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut hinted(), NAME, &mut script);
        write::to_stdout(&script)?;
        Ok(Exit::Yes)
    }
}

/// The commands with the names that every shop knows, which a command line takes as it takes any other: a shop has
/// reports of its own.
fn hinted() -> clap::Command {
    let tables = EXPORT_TABLES.iter().map(|table| table.name);
    let reports = BUILT_IN.iter().map(|(name, _)| *name);
    let command = with_values(Cli::command(), "export", "table", tables.collect());
    with_values(command, "report", "name", reports.collect())
}

fn with_values(
    command: clap::Command,
    of: &'static str,
    argument: &'static str,
    values: Vec<&'static str>,
) -> clap::Command {
    let with = |one: clap::Arg| one.value_parser(PossibleValuesParser::new(values));
    command.mut_subcommand(of, |below| below.mut_arg(argument, with))
}

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct ManPages {
    /// Folder for a page of each command; without it, the page of the whole is written to standard output
    folder: Option<PathBuf>,
}

impl ManPages {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let mut command = Cli::command();
        // What each command is called in full is known only then.
        command.build();
        match &self.folder {
            None => {
                let mut page = Vec::new();
                Man::new(command).render(&mut page)?;
                write::to_stdout(&page)?;
            }
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make `{}`", folder.display()))?;
                let count = pages(command, NAME, folder)?;
                writeln!(io::stderr(), "wrote {count} pages to `{}`", folder.display())?;
            }
        }
        Ok(Exit::Yes)
    }
}

/// Writes the page of a command and of those below it. Returns how many there are.
fn pages(command: clap::Command, name: &str, folder: &Path) -> anyhow::Result<usize> {
    let below: Vec<clap::Command> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
        .cloned()
        .collect();
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    std::fs::write(&path, page).with_context(|| format!("cannot write `{}`", path.display()))?;
    let mut count = 1;
    for command in below {
        let name = format!("{name}-{}", command.get_name());
        count += pages(command, &name, folder)?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacking(command: &clap::Command, name: &str, found: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !help.contains("Examples:\n  verbatim ") || !help.contains("\nExit codes: 0 ") {
            found.push(name.to_string());
        }
        for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            lacking(below, &format!("{name} {}", below.get_name()), found);
        }
    }

    #[test]
    fn every_help_has_examples_and_exit_codes() {
        let mut found = Vec::new();
        lacking(&Cli::command(), NAME, &mut found);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn tables_and_reports_are_completed_and_others_are_taken() {
        for shell in [Shell::Bash, Shell::Zsh] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut hinted(), NAME, &mut script);
            let script = String::from_utf8(script).unwrap();
            for name in ["episodes", "strays", "waiting_by_day", "csat_by_agent"] {
                assert!(script.contains(name), "{name} for {shell}");
            }
        }
        Cli::command().try_get_matches_from([NAME, "report", "own_report"]).unwrap();
    }

    /// A flag without a word behind it leaves the reader to guess.
    #[test]
    fn every_option_says_what_it_does() {
        fn silent(command: &clap::Command, name: &str, found: &mut Vec<String>) {
            let options = command.get_arguments().filter(|option| !option.is_hide_set());
            let untold =
                options.filter(|option| !option.is_positional() && option.get_help().is_none());
            found.extend(untold.map(|option| format!("{name} --{}", option.get_id())));
            for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
                silent(below, &format!("{name} {}", below.get_name()), found);
            }
        }
        let mut found = Vec::new();
        silent(&Cli::command(), NAME, &mut found);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    /// What the helps show is read as it stands there, so that no example is of a flag that there is not.
    #[test]
    fn every_example_is_taken() {
        fn examples(command: &clap::Command, all: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            all.extend(
                help.lines()
                    .filter_map(|line| line.strip_prefix("  verbatim "))
                    .map(str::to_string),
            );
            command.get_subcommands().for_each(|below| examples(below, all));
        }
        let mut all = Vec::new();
        examples(&Cli::command(), &mut all);
        assert!(all.len() > 50, "{}", all.len());
        let mut wrong = Vec::new();
        for example in all {
            // Behind it stands what is said of it, or what a shell does with its output.
            let command = ["   ", " > ", " | "].iter().fold(example.as_str(), |command, end| {
                command.split_once(end).map_or(command, |(command, _)| command)
            });
            let words = shlex::split(command).expect("quotes that are closed");
            let read =
                Cli::command().try_get_matches_from(std::iter::once(NAME.to_string()).chain(words));
            wrong.extend(read.err().map(|error| format!("`verbatim {example}`: {error}")));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
