//! What was asked to be erased, and what became of it.

use std::collections::HashSet;

use super::{Keeper, KeeperError};
use crate::access::{Action, Identity};
use crate::archive::Reference;
use crate::erasure::{Asked, VERBATIM, erasures};
use crate::model::{ConversationKey, Kind, Offset};
use crate::relay::RelayError;

impl Keeper {
    /// Every erasure of the shop that was asked for, one entry for each conversation; of what the shop
    /// keeps no longer, what is not done.
    pub async fn erasures(&self, identity: &Identity) -> Result<Vec<Asked>, KeeperError> {
        identity.require(Action::Hold)?;
        let mut all = self.recorded(identity, None).await?;
        let pending = self.state().await?.pending;
        let own = pending.into_iter().filter(|asked| asked.shop == identity.shop && asked.is_own());
        all.extend(own);
        all.sort_by_key(|asked| asked.erasure.asked);
        Ok(all)
    }

    /// One erasure, in each conversation that it is about.
    pub async fn erasure(&self, identity: &Identity, id: &str) -> Result<Vec<Asked>, KeeperError> {
        identity.require(Action::Hold)?;
        let asked = self.recorded(identity, Some(id.to_string())).await?;
        if asked.is_empty() {
            return Err(KeeperError::NoErasure { id: id.to_string() });
        }
        Ok(asked)
    }

    /// What people asked to be erased, as the records say: all of it, or under this id.
    async fn recorded(
        &self,
        identity: &Identity,
        id: Option<String>,
    ) -> Result<Vec<Asked>, KeeperError> {
        let snapshot = self.archived().await?;
        let (records, shop) = (self.records.clone(), identity.shop.clone());
        let read = move || {
            let all = snapshot.references_of_kind(&shop, Kind::Erase)?;
            let is_asked = |one: &&Reference| {
                one.sender != VERBATIM && id.as_ref().is_none_or(|id| one.id == *id)
            };
            let asked: HashSet<(&str, &str)> = all
                .iter()
                .filter(is_asked)
                .map(|one| (one.conversation.as_str(), one.id.as_str()))
                .collect();
            let is_wanted = |one: &&Reference| {
                let target = one.target.as_deref().unwrap_or_default();
                is_asked(one)
                    || one.sender == VERBATIM && asked.contains(&(&one.conversation, target))
            };
            let wanted: Vec<(ConversationKey, Offset)> = all
                .iter()
                .filter(is_wanted)
                .map(|one| (ConversationKey::new(&shop, &one.conversation), one.offset))
                .collect();
            Ok::<_, KeeperError>(erasures(&records.at(&wanted)?))
        };
        tokio::task::spawn_blocking(read).await.map_err(RelayError::panicked)?
    }
}
