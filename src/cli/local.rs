//! Appends in this process, over a data directory that it owns.

use std::convert::Infallible;
use std::sync::Arc;

use super::client::Appended;
use crate::access::{Identity, operator};
use crate::app::App;
use crate::model::{Event, Origin, RulesHistory};
use crate::relay::prepare_event;
use crate::server::Problem;

/// A running verbatim that takes events for one shop.
pub(super) struct Local {
    pub(super) app: App,
    pub(super) shop: String,
}

impl Local {
    /// Whoever may open the directory.
    pub(super) fn identity(&self) -> Identity {
        operator(&self.shop)
    }

    pub(super) async fn append(
        &self,
        origin: Origin,
        events: Vec<Event>,
    ) -> anyhow::Result<Appended> {
        let identity = Arc::new(operator(&self.shop));
        let prepared = events
            .into_iter()
            .map(|event| prepare_event(&identity, origin, event))
            .collect::<Result<_, _>>()?;
        let mut appended = Appended::default();
        for outcome in self.app.relay.append(identity, prepared).await? {
            appended.duplicates += u64::from(outcome.as_ref().is_ok_and(|kept| kept.duplicate));
            let answer = outcome.map(|kept| kept.ack);
            appended.answers.push(answer.map_err(|error| Box::new(Problem::from(error))));
        }
        Ok(appended)
    }

    pub(super) async fn keep_file(&self, sha256: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let body = futures::stream::iter([Ok::<_, Infallible>(bytes)]);
        self.app.attachments.put(&self.identity(), sha256, body).await?;
        Ok(())
    }

    pub(super) fn rules(&self) -> anyhow::Result<RulesHistory> {
        Ok(self.app.records.rules(&self.shop)?)
    }
}
