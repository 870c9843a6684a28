//! `verbatim import FILE…`

use std::path::PathBuf;

use clap::Args;

use super::feed::{self, Counts};
use super::intake::Intake;
use super::target::TargetArgs;
use super::{Exit, progress, write};
use crate::import::InputFile;
use crate::model::{Event, Origin};

/// Events appended with one sync.
const BATCH_EVENTS: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Transcripts (one conversation a line) or events (one a line), as JSON lines
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        // All are opened first: a mistyped third name must not leave two files imported.
        let files: Vec<InputFile> =
            self.files.iter().map(|path| InputFile::open(path)).collect::<Result<_, _>>()?;
        let intake = Intake::open(&self.target).await?;
        let bar = progress::files(&self.files, "importing");
        let mut counts = Counts::default();
        for (path, mut file) in self.files.iter().zip(files) {
            let before = counts.events;
            let source = |line: usize| format!("{}:{line}", path.display());
            let mut batch: Vec<(usize, Event)> = Vec::new();
            while let Some(line) = file.next_line()? {
                bar.inc(line.bytes);
                for event in line.events {
                    match event {
                        Ok(event) => batch.push((line.number, event)),
                        Err(error) => counts.reject(&source(line.number), &error.to_string()),
                    }
                }
                if batch.len() >= BATCH_EVENTS {
                    self.append(&intake, std::mem::take(&mut batch), source, &mut counts).await?;
                }
            }
            self.append(&intake, batch, source, &mut counts).await?;
            if counts.events == before {
                eprintln!("warning: `{}` holds no events", path.display());
            }
        }
        bar.finish_and_clear();
        // First: the counts are true whatever becomes of the stores.
        write::json_line(&counts)?;
        intake.catch_up_and_close().await?;
        Ok(Exit::found(counts.rejected == 0 && counts.events > 0))
    }

    async fn append(
        &self,
        intake: &Intake,
        batch: Vec<(usize, Event)>,
        source: impl Fn(usize) -> String,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        let (lines, mut events): (Vec<usize>, Vec<Event>) = batch.into_iter().unzip();
        // A long transcript is many events: never more than a batch at once.
        let mut start = 0;
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(BATCH_EVENTS));
            let count = events.len();
            let source_of = |index: usize| source(lines[start + index]);
            feed::append(intake, Origin::Imported, events, source_of, counts).await?;
            start += count;
            events = rest;
        }
        Ok(())
    }
}
