//! The last sign of life of an episode: what idleness is counted from, on two clocks.
//!
//! The log's clock, `received_at`, never runs backwards and goes on as long as any conversation
//! does. The conversation's own clock, `occurred_at`, is the same for live chat; for an imported
//! transcript it tells of gaps that lie years back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::model::{Micros, Record, Rules};

/// A record that showed life in a conversation, and the shop's rules when it did. A later change of
/// the rules does not move this deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Activity {
    pub(crate) moment: Moment,
    received_at: Micros,
    pub(crate) rules: Rules,
}

/// `[moment, received µs, rules version, idle hours]`
type Stored = (Moment, i64, u32, u32);

impl Activity {
    pub(crate) fn of(record: &Record, rules: Rules) -> Activity {
        // How long words are kept is no figure's rule, and not stored.
        let rules = Rules { keep_days: 0, ..rules };
        Activity { moment: Moment::of(record), received_at: record.received_at, rules }
    }

    /// When the log's clock ends the episode, unless something happens in it: the first record
    /// received after this does.
    pub(crate) fn deadline(&self) -> Micros {
        after(self.received_at, self.rules.idle())
    }

    /// When the silence had lasted long enough, by the conversation's own clock.
    pub(crate) fn idle_at(&self) -> Moment {
        Moment { at: after(self.moment.at, self.rules.idle()), ..self.moment }
    }

    /// Whether the conversation's own clock shows that it had gone idle before `next`. Never true
    /// when either has no time.
    pub(crate) fn is_idle_until(&self, next: Moment) -> bool {
        self.moment.timed && next.timed && next.at > self.idle_at().at
    }
}

fn after(time: Micros, span: Duration) -> Micros {
    let span_us = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Micros(time.0.saturating_add(span_us))
}

impl From<Stored> for Activity {
    fn from((moment, received_us, version, idle_hours): Stored) -> Activity {
        let rules = Rules { version, idle_hours, keep_days: 0 };
        Activity { moment, received_at: Micros(received_us), rules }
    }
}

impl From<Activity> for Stored {
    fn from(Activity { moment, received_at, rules }: Activity) -> Stored {
        (moment, received_at.0, rules.version, rules.idle_hours)
    }
}
