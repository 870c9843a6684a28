//! `verbatim replay FILE…`: transcripts or events as live chat, in the order and at the pace of
//! their own times.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use super::feed::{self, Counts, Known};
use super::intake::Intake;
use super::target::TargetArgs;
use super::{Exit, progress, write};
use crate::import::InputFile;
use crate::model::{Event, Micros, Origin};

const EXAMPLES: &str = "\
Examples:
  verbatim replay chats.jsonl --data DATA --speed 10      as live chat, ten times faster than it was
  verbatim replay chats.jsonl --speed 0 --url https://chat.example --token TOKEN     as fast as a relay takes it

Exit codes: 0 all was taken; 1 some was refused, or there was nothing; 2 failure";

/// Events sent in one request when they are due together.
const BATCH_EVENTS: usize = 500;
/// Pause between messages of a transcript without times.
const PAUSE_UNTIMED: Duration = Duration::from_secs(2);
/// How often a relay that does not answer is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Replay {
    /// Transcripts (one conversation a line) or events (one a line), as JSON lines
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How many times faster than the chat was; 0: as fast as the relay takes it
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Seconds to keep trying a relay that does not answer; ids make the repetition harmless
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
    #[command(flatten)]
    target: TargetArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed >= 0.0 => Ok(speed),
        _ => Err("must be a number, 0 or more".to_string()),
    }
}

/// An event and when it is due after the first, at speed 1.
struct Due {
    after: Duration,
    source: String,
    event: Event,
}

impl Replay {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let mut counts = Counts::default();
        let events = self.read(&mut counts)?;
        let mut intake = Intake::open(&self.target).await?;
        let bar = progress::count(events.len() as u64, "replaying");
        let start = Instant::now();
        let mut rest = events.into_iter().peekable();
        while let Some(first) = rest.next() {
            if self.speed > 0.0 {
                let due = start + first.after.div_f64(self.speed);
                tokio::time::sleep_until(due.into()).await;
            }
            let mut batch = vec![first];
            while batch.len() < BATCH_EVENTS
                && let Some(next) = rest.next_if(|next| {
                    self.speed == 0.0 || start + next.after.div_f64(self.speed) <= Instant::now()
                })
            {
                batch.push(next);
            }
            bar.inc(batch.len() as u64);
            self.send(&mut intake, batch, &mut counts).await?;
        }
        bar.finish_and_clear();
        // First: the counts are true whatever becomes of the stores.
        write::json_line(&counts)?;
        intake.catch_up_and_close().await?;
        Ok(Exit::found(counts.rejected == 0 && counts.events > 0))
    }

    /// All events in the order of their times; those without one follow their predecessor.
    fn read(&self, counts: &mut Counts) -> anyhow::Result<Vec<Due>> {
        let bar = progress::files(&self.files, "reading");
        let mut events: Vec<(Micros, String, Event)> = Vec::new();
        for path in &self.files {
            let mut file = InputFile::open(path)?;
            while let Some(line) = file.next_line()? {
                bar.inc(line.bytes);
                let mut last = Micros::default();
                for event in line.events {
                    let source = format!("{}:{}", path.display(), line.number);
                    match event {
                        Err(error) => counts.reject(&source, &error.to_string()),
                        Ok(event) => {
                            let pause = i64::try_from(PAUSE_UNTIMED.as_micros()).unwrap_or(0);
                            last = event.sent_time().unwrap_or(Micros(last.0 + pause));
                            events.push((last, source, event));
                        }
                    }
                }
            }
        }
        bar.finish_and_clear();
        // Stable, so that events of one instant keep the order of the file.
        events.sort_by_key(|(at, ..)| *at);
        let first = events.first().map_or(Micros::default(), |(at, ..)| *at);
        let due = |at: Micros| Duration::from_micros(u64::try_from(at.0 - first.0).unwrap_or(0));
        Ok(events
            .into_iter()
            .map(|(at, source, event)| Due { after: due(at), source, event })
            .collect())
    }

    /// Sends a batch, again and again while the relay does not answer: an event it has kept is
    /// acknowledged once more.
    async fn send(
        &self,
        intake: &mut Intake,
        batch: Vec<Due>,
        counts: &mut Counts,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(self.patience);
        let sources: Vec<String> = batch.iter().map(|due| due.source.clone()).collect();
        let events: Vec<Event> = batch.into_iter().map(|due| due.event).collect();
        loop {
            let mut counted = *counts;
            let source_of = |index: usize| sources[index].clone();
            let batch = events.clone();
            let sent = feed::append(
                intake,
                Origin::Live,
                batch,
                |_| Known::Refused,
                source_of,
                &mut counted,
            );
            match sent.await {
                Ok(_) => {
                    *counts = counted;
                    return Ok(());
                }
                Err(error) if is_down(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(RETRY_EVERY).await;
                    intake.find_owner_again(&self.target);
                }
                Err(error) if is_down(&error) => {
                    bail!(
                        "{error:#}; gave up after {} s with {} events acknowledged",
                        self.patience,
                        counts.acked + counts.duplicates
                    )
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether the relay could not be reached; a refusal is an answer.
fn is_down(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<reqwest::Error>())
}
