//! When something is due, by what a shop promises.

use serde::{Deserialize, Serialize};

use super::labels::SlaTarget;
use super::moment::Moment;
use crate::model::{Micros, Rules, Sla, SlaClock};

const SECOND_US: i64 = 1_000_000;

/// What a wait is to be answered by: decided when it began, and never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(SlaTarget, Option<i64>)", into = "(SlaTarget, Option<i64>)")]
pub(crate) struct Promise {
    pub(crate) target: SlaTarget,
    /// `None` where nobody can say: the wait has no time, or counts by hours that nobody decided.
    pub(crate) due_at: Option<Micros>,
}

impl Promise {
    /// What `rules` promise to who waits from `since` on; `agent` is who was assigned then. `None` where there is
    /// no such target.
    pub(crate) fn of(
        target: SlaTarget,
        since: Moment,
        agent: Option<&str>,
        rules: &Rules,
    ) -> Option<Promise> {
        let sla = rules.sla.as_ref()?;
        let seconds = match target {
            SlaTarget::FirstReply => sla.first_reply_s,
            SlaTarget::NextReply => sla.next_reply_s,
        }?;
        Some(Promise { target, due_at: due_at(sla, seconds, since, agent, rules) })
    }
}

/// When an episode that began at `since` is to be resolved.
pub(crate) fn resolution_due_at(
    since: Moment,
    agent: Option<&str>,
    rules: &Rules,
) -> Option<Micros> {
    let sla = rules.sla.as_ref()?;
    due_at(sla, sla.resolution_s?, since, agent, rules)
}

fn due_at(
    sla: &Sla,
    seconds: u32,
    since: Moment,
    agent: Option<&str>,
    rules: &Rules,
) -> Option<Micros> {
    if !since.timed {
        return None;
    }
    let target_us = i64::from(seconds) * SECOND_US;
    match sla.clock {
        SlaClock::Calendar => since.at.0.checked_add(target_us).map(Micros),
        SlaClock::Business => {
            let team = agent.and_then(|agent| rules.schedules.teams.of(agent));
            rules.schedules.of(team)?.after_open(since.at, target_us)
        }
    }
}

impl From<(SlaTarget, Option<i64>)> for Promise {
    fn from((target, due_us): (SlaTarget, Option<i64>)) -> Promise {
        Promise { target, due_at: due_us.map(Micros) }
    }
}

impl From<Promise> for (SlaTarget, Option<i64>) {
    fn from(Promise { target, due_at }: Promise) -> (SlaTarget, Option<i64>) {
        (target, due_at.map(|due| due.0))
    }
}
