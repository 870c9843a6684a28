//! `verbatim sql [QUERY]`: a query, or a prompt.

mod ask;
mod commands;
mod history;
mod names;
mod prompt;

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::Exit;
use super::destination::{Destination, interruptible};
use super::out_args::OutArgs;
use super::purpose::PurposeArgs;
use super::rows_out::RowFormat;
use super::target::{Target, TargetArgs};
use crate::cli::logging::tell;
use ask::Asking;
use history::History;

const EXAMPLES: &str = "\
Examples:
  verbatim sql                                        a prompt; \\? says what it knows
  verbatim sql \"select count(*) from messages\"
  verbatim sql -f waits.sql --out waits.parquet       the format is that of the name
  verbatim sql \"select * from turns\" --format jsonl | head
  verbatim schema turns                               what its columns mean

An answer has no bound on its rows. It comes as it is computed; a file has its name only when it is whole.

Exit codes: 0 answered, also where the reader of standard output left; 2 refused, broken off or not written";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Sql {
    /// One statement that reads; without it, it is read from standard input, or asked for at a prompt
    query: Option<String>,
    /// Read it from a file
    #[arg(long, short = 'f', value_name = "FILE", conflicts_with = "query")]
    file: Option<PathBuf>,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    purpose: PurposeArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Sql {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let query = self.query()?;
        let (format, destination) = (self.out.format()?, self.out.destination());
        let asking = Asking { format, expanded: false, destination };
        let is_prompt = query.is_none();
        if is_prompt && (asking.destination != Destination::Stdout || !io::stdout().is_terminal()) {
            bail!("a prompt writes to the terminal; give a query, or -f FILE");
        }
        let target = Target::open(&self.target).await?.on(&self.purpose)?;
        target.refuse_unknown_shop(&self.target).await?;
        let Some(query) = query else {
            let history = History::of(&self.target);
            return prompt::run(&target, asking.format, history).await;
        };
        let answered = interruptible(asking.ask(&target, &query)).await?;
        if asking.format == RowFormat::Table || asking.destination != Destination::Stdout {
            tell!("{answered}");
        }
        Ok(Exit::Yes)
    }

    /// What is asked; none where somebody sits at a terminal.
    fn query(&self) -> anyhow::Result<Option<String>> {
        match (&self.query, &self.file) {
            (Some(query), _) => Ok(Some(query.clone())),
            (None, Some(path)) if path != Path::new("-") => {
                let text = fs::read_to_string(path);
                Ok(Some(text.with_context(|| format!("cannot read `{}`", path.display()))?))
            }
            (None, None) if io::stdin().is_terminal() => Ok(None),
            _ => {
                let mut query = String::new();
                io::stdin().read_to_string(&mut query).context("cannot read standard input")?;
                Ok(Some(query))
            }
        }
    }
}
