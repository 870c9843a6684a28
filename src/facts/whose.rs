//! Whose a row is, and by which rules it is counted.

use super::span::Opening;
use crate::model::{Record, Rules};

/// A conversation, and the rules of its shop as they are when its row is settled, or now.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) shop: &'a str,
    pub(crate) conversation: &'a str,
    pub(crate) rules: &'a Rules,
}

impl<'a> Whose<'a> {
    /// That of `record`.
    pub(crate) fn of(record: &'a Record, rules: &'a Rules) -> Whose<'a> {
        Whose { shop: &record.shop, conversation: &record.event.conversation, rules }
    }

    /// The team of an agent.
    pub(crate) fn team(&self, agent: Option<&str>) -> Option<String> {
        Some(self.rules.schedules.teams.of(agent?)?.to_string())
    }

    /// The hours of a team, or else of the shop.
    pub(crate) fn opening(&self, team: Option<&str>) -> Opening<'a> {
        Opening::of(&self.rules.schedules, team)
    }
}
