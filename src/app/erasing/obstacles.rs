//! What stops erasures, for the status.

use std::collections::{BTreeMap, HashSet};

use super::planned::Planned;
use crate::app::background::Said;
use crate::model::ConversationKey;

/// Why erasures wait.
#[derive(Default)]
pub(super) struct Obstacles {
    /// What stops all of them.
    pub(super) of_all: Option<String>,
    /// The first of each shop, by the record that asks.
    first: BTreeMap<String, String>,
    pub(super) stuck: HashSet<ConversationKey>,
}

impl Obstacles {
    pub(super) fn add(&mut self, of: &Planned, error: &anyhow::Error) {
        let asked = of.erasures.iter().map(|asked| asked.erasure.asked).min().unwrap_or_default();
        let text = format!("the erasure that offset {asked} asks for waits: {error:#}");
        tracing::debug!(text, "an erasure waits");
        self.first.entry(of.key.shop.clone()).or_insert(text);
        self.stuck.insert(of.key.clone());
    }

    pub(super) fn add_all(&mut self, all: &[Planned], error: &anyhow::Error) {
        all.iter().for_each(|of| self.add(of, error));
    }

    pub(super) fn said(&self) -> Said {
        let text = |(shop, first): (&String, &String)| {
            let others = self.stuck.iter().filter(|key| key.shop == *shop).count() - 1;
            let rest = if others == 0 { String::new() } else { format!("; {others} more wait") };
            (shop.clone(), format!("{first}{rest}"))
        };
        Said { of_all: self.of_all.clone(), of_shops: self.first.iter().map(text).collect() }
    }
}
