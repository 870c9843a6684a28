//! Appends events and counts what becomes of them.

use serde::Serialize;

use super::client::Appended;
use super::intake::Intake;
use crate::model::{Event, Kind, Origin};

/// Refusals printed one by one on stderr; further ones are only counted.
const REFUSALS_SHOWN_MAX: u64 = 20;

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
            eprintln!("{source}: {reason}");
        } else if self.rejected == REFUSALS_SHOWN_MAX + 1 {
            eprintln!("… further refusals are counted, not shown");
        }
    }
}

/// Appends a batch; `source_of` says where the event with this index came from.
pub(super) async fn append(
    intake: &Intake,
    origin: Origin,
    events: Vec<Event>,
    source_of: impl Fn(usize) -> String,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    counts.events += events.len() as u64;
    counts.messages += events.iter().filter(|event| event.kind == Kind::Message).count() as u64;
    let Appended { answers, duplicates } = intake.append(origin, events).await?;
    let kept = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
    counts.acked += kept - duplicates;
    counts.duplicates += duplicates;
    for (index, answer) in answers.iter().enumerate() {
        if let Err(problem) = answer {
            counts.refuse(&source_of(index), &problem.detail);
        }
    }
    Ok(())
}
