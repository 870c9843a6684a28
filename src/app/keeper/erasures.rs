//! What was asked to be erased, and what became of it.

use super::{Keeper, KeeperError};
use crate::access::{Action, Identity};
use crate::erasure::{Asked, ErasureState, Listed, erasures};
use crate::model::{ConversationKey, Offset};
use crate::relay::RelayError;

impl Keeper {
    /// Every erasure of the shop that was asked for, one entry for each conversation; of what the shop
    /// keeps no longer, what is not done.
    pub async fn erasures(&self, identity: &Identity) -> Result<Vec<Asked>, KeeperError> {
        identity.require(Action::Hold)?;
        let state = self.state().await?;
        let is_of_shop = |listed: &&Listed| listed.shop == identity.shop;
        let mut all = self.read_done(&state, is_of_shop).await?;
        let pending = state.pending.into_iter();
        all.extend(pending.filter(|asked| asked.shop == identity.shop));
        all.sort_by_key(|asked| asked.erasure.asked);
        Ok(all)
    }

    /// One erasure, in each conversation that it is about.
    pub async fn erasure(&self, identity: &Identity, id: &str) -> Result<Vec<Asked>, KeeperError> {
        identity.require(Action::Hold)?;
        let state = self.state().await?;
        let is_it = |listed: &&Listed| listed.shop == identity.shop && listed.id == id;
        if !state.listed.iter().any(|listed| is_it(&listed)) {
            return Err(KeeperError::NoErasure { id: id.to_string() });
        }
        let mut all = self.read_done(&state, is_it).await?;
        let is_pending =
            |asked: &Asked| asked.shop == identity.shop && asked.id == id && !asked.is_own();
        all.extend(state.pending.into_iter().filter(is_pending));
        all.sort_by_key(|asked| asked.erasure.asked);
        Ok(all)
    }

    /// Those of the chosen that are done, as the records say.
    async fn read_done(
        &self,
        state: &ErasureState,
        is_chosen: impl Fn(&&Listed) -> bool,
    ) -> Result<Vec<Asked>, KeeperError> {
        let chosen = state.listed.iter().filter(is_chosen);
        let places = chosen.filter_map(|listed| Some((listed.key(), [listed.asked, listed.done?])));
        let wanted: Vec<(ConversationKey, Offset)> =
            places.flat_map(|(key, both)| both.map(|offset| (key.clone(), offset))).collect();
        let records = self.records.clone();
        let read = move || Ok(erasures(&records.at(&wanted)?));
        tokio::task::spawn_blocking(read).await.map_err(RelayError::panicked)?
    }
}
