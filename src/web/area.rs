//! The parts of the pages, and who may see each.

use crate::access::{Action, Identity};

/// A part of the pages with its own rule of who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// Metrics.
    Dashboard,
    /// What people said.
    Conversations,
    /// What is handed to others of it.
    Evidence,
}

impl Area {
    /// The right that opens it.
    pub(super) fn action(self) -> Action {
        match self {
            Area::Dashboard => Action::ReadReports,
            Area::Conversations => Action::ReadConversations,
            Area::Evidence => Action::ExportEvidence,
        }
    }

    /// Whether `identity` may see this area.
    pub(super) fn admits(self, identity: &Identity) -> bool {
        identity.may(self.action())
    }
}
