//! Where rows are written, and how.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::destination::Destination;
use super::rows_out::{RowFormat, tell_of_other_name};

#[derive(Debug, Args)]
pub(super) struct OutArgs {
    /// How rows are written; without it as the name of --out says, or as a table
    #[arg(long, value_enum)]
    format: Option<RowFormat>,
    /// File to write; without it, or with -, standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl OutArgs {
    pub(super) fn destination(&self) -> Destination {
        Destination::of(self.out.as_deref())
    }

    pub(super) fn format(&self) -> anyhow::Result<RowFormat> {
        let destination = self.destination();
        let format = match (self.format, &destination) {
            (Some(format), Destination::Path(path)) => {
                if RowFormat::of_name(path).is_ok_and(|named| named != format) {
                    tell_of_other_name(path, format);
                }
                format
            }
            (Some(format), _) => format,
            (None, Destination::Stdout) => RowFormat::Table,
            (None, Destination::Path(path)) => RowFormat::of_name(path)?,
        };
        let is_binary = format.file().is_some_and(|format| format.is_binary());
        if is_binary && destination == Destination::Stdout && io::stdout().is_terminal() {
            bail!("{format:?} is no text; give --out FILE");
        }
        Ok(format)
    }
}
