//! What stops erasures, for the status.

use std::collections::HashSet;

use super::planned::Planned;
use crate::model::ConversationKey;

/// Why erasures wait.
#[derive(Default)]
pub(super) struct Obstacles {
    /// The first of them, by the record that asks: other shops read the status, too.
    pub(super) first: Option<String>,
    pub(super) stuck: HashSet<ConversationKey>,
}

impl Obstacles {
    pub(super) fn add(&mut self, of: &Planned, error: &anyhow::Error) {
        let asked = of.erasures.iter().map(|asked| asked.erasure.asked).min().unwrap_or_default();
        let text = format!("the erasure that offset {asked} asks for waits: {error:#}");
        tracing::debug!(text, "an erasure waits");
        self.first.get_or_insert(text);
        self.stuck.insert(of.key.clone());
    }

    pub(super) fn add_all(&mut self, all: &[Planned], error: &anyhow::Error) {
        all.iter().for_each(|of| self.add(of, error));
    }

    pub(super) fn text(&self) -> Option<String> {
        let others = self.stuck.len().saturating_sub(1);
        let first = self.first.as_ref()?;
        Some(if others == 0 { first.clone() } else { format!("{first}; {others} more wait") })
    }
}
