//! Appends events and counts what becomes of them.

use std::time::Duration;

use anyhow::bail;
use serde::Serialize;

use super::client::Appended;
use super::intake::Intake;
use crate::cli::logging::tell;
use crate::model::{Event, Kind, Origin};
use crate::server::Problem;

/// The id is used, with another body; or it was, and is erased.
const CONFLICT: u16 = 409;
const GONE: u16 = 410;

/// Refusals printed one by one on stderr; further ones are only counted.
const REFUSALS_SHOWN_MAX: u64 = 20;

/// How long what is refused for now is tried again while nothing is taken: a minute.
const TRIES_MAX: u32 = 60;
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What becomes of an event whose id stands with another body, or was erased.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is refused: the input can be mended.
    Refused,
    /// It was kept before, as it was then: a source that shows only how things are now says them otherwise
    /// later.
    Kept,
    /// Another body is another event, since the id is not its source's own: it is refused, unless what had
    /// the id was erased.
    Other,
}

impl Known {
    /// Whether a refusal says that the event was kept before, and no more.
    fn was_kept(self, problem: &Problem) -> bool {
        match self {
            Known::Refused => false,
            Known::Kept => matches!(problem.status, CONFLICT | GONE),
            Known::Other => problem.status == GONE,
        }
    }
}

/// What became of a batch, beside what is counted.
#[derive(Default)]
pub(super) struct Fed {
    /// By their places in the batch.
    pub(super) refused: Vec<usize>,
    /// How many were known with another body.
    pub(super) differing: u64,
}

/// What became of the input: `events` = `acked` + `duplicates` + `rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// Events of kind message.
    pub(super) messages: u64,
    pub(super) events: u64,
    /// Kept now.
    pub(super) acked: u64,
    /// Kept before.
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
}

impl Counts {
    /// Counts input that is no event, and prints why.
    pub(super) fn reject(&mut self, source: &str, reason: &str) {
        self.events += 1;
        self.refuse(source, reason);
    }

    fn refuse(&mut self, source: &str, reason: &str) {
        self.rejected += 1;
        if self.rejected <= REFUSALS_SHOWN_MAX {
            tell!("{source}: {reason}");
        } else if self.rejected == REFUSALS_SHOWN_MAX + 1 {
            tell!("… further refusals are counted, not shown");
        }
    }
}

/// Appends a batch, and again what was refused for now: what follows such an event in its conversation
/// waits for it, so that their order stays. `known_of` says what one that is known means, `source_of` where
/// it came from, each of the event with this index.
pub(super) async fn append(
    intake: &Intake,
    origin: Origin,
    events: Vec<Event>,
    known_of: impl Fn(usize) -> Known,
    source_of: impl Fn(usize) -> String,
    counts: &mut Counts,
) -> anyhow::Result<Fed> {
    counts.events += events.len() as u64;
    counts.messages += events.iter().filter(|event| event.kind == Kind::Message).count() as u64;
    let mut fed = Fed::default();
    let mut pending: Vec<usize> = (0..events.len()).collect();
    let mut tries = 0;
    loop {
        let batch = pending.iter().map(|index| events[*index].clone()).collect();
        let Appended { answers, duplicates } = intake.append(origin, batch).await?;
        let kept = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        counts.acked += kept - duplicates;
        counts.duplicates += duplicates;
        let mut held_up = None;
        let mut later = Vec::new();
        for (index, answer) in pending.iter().zip(answers) {
            match answer {
                Ok(_) => {}
                Err(problem) if problem.retry_after.is_some() => {
                    held_up.get_or_insert(problem.detail);
                    later.push(*index);
                }
                Err(problem) if known_of(*index).was_kept(&problem) => {
                    counts.duplicates += 1;
                    fed.differing += 1;
                }
                Err(problem) => {
                    counts.refuse(&source_of(*index), &problem.detail);
                    fed.refused.push(*index);
                }
            }
        }
        let Some(why) = held_up else { return Ok(fed) };
        tries = if later.len() < pending.len() { 0 } else { tries + 1 };
        if tries == 1 {
            tell!("waiting: {why}");
        }
        if tries > TRIES_MAX {
            // No fault of the input, nor of what follows.
            let from = source_of(later[0]);
            bail!("from {from} on not everything was taken: {why}; the same command goes on later");
        }
        tokio::time::sleep(TRY_AGAIN).await;
        pending = later;
    }
}
