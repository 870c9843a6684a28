//! The last sign of life of an episode: what idleness is counted from, on two clocks.
//!
//! The log's clock, `received_at`, never runs backwards and goes on as long as any conversation
//! does. The conversation's own clock, `occurred_at`, is the same for live chat; for an imported
//! transcript it tells of gaps that lie years back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::model::{Micros, Record, Rules};

/// A record that showed life in a conversation, and what of the shop's rules decides when it goes idle. A later
/// change of the rules does not move this deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Activity {
    pub(crate) moment: Moment,
    received_at: Micros,
    pub(crate) rules_version: u32,
    idle_hours: u32,
}

/// `[moment, received µs, rules version, idle hours]`
type Stored = (Moment, i64, u32, u32);

impl Activity {
    pub(crate) fn of(record: &Record, rules: &Rules) -> Activity {
        let (rules_version, idle_hours) = (rules.version, rules.idle_hours);
        let (moment, received_at) = (Moment::of(record), record.received_at);
        Activity { moment, received_at, rules_version, idle_hours }
    }

    fn idle(&self) -> Duration {
        Duration::from_hours(self.idle_hours.into())
    }

    /// When the log's clock ends the episode, unless something happens in it: the first record
    /// received after this does.
    pub(crate) fn deadline(&self) -> Micros {
        after(self.received_at, self.idle())
    }

    /// When the silence had lasted long enough, by the conversation's own clock.
    pub(crate) fn idle_at(&self) -> Moment {
        Moment { at: after(self.moment.at, self.idle()), ..self.moment }
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
    fn from((moment, received_us, rules_version, idle_hours): Stored) -> Activity {
        Activity { moment, received_at: Micros(received_us), rules_version, idle_hours }
    }
}

impl From<Activity> for Stored {
    fn from(Activity { moment, received_at, rules_version, idle_hours }: Activity) -> Stored {
        (moment, received_at.0, rules_version, idle_hours)
    }
}
