//! What was asked to be erased, and what became of it.

use super::{ErasuresRequest, Keeper, KeeperError, Page};
use crate::access::{Action, Identity};
use crate::erasure::{Asked, ErasureState, Listed, erasures};
use crate::model::{ConversationKey, FieldError, Offset};
use crate::relay::RelayError;

impl Keeper {
    /// The erasures of the shop, in the order in which they were asked for, one entry for each
    /// conversation; of what the shop keeps no longer, what is not done.
    pub async fn erasures(
        &self,
        identity: &Identity,
        request: &ErasuresRequest,
    ) -> Result<Page<Asked>, KeeperError> {
        identity.require(Action::Hold)?;
        let state = self.state().await?;
        let page = listed(&state, request, |one| one.shop == identity.shop)?;
        self.read(&state, page).await
    }

    /// One erasure, in each conversation that it is about.
    pub async fn erasure(
        &self,
        identity: &Identity,
        id: &str,
        request: &ErasuresRequest,
    ) -> Result<Page<Asked>, KeeperError> {
        identity.require(Action::Hold)?;
        let state = self.state().await?;
        let is_it = |one: &Listed| one.shop == identity.shop && one.id == id;
        if !state.listed.iter().any(is_it) {
            return Err(KeeperError::NoErasure { id: id.to_string() });
        }
        let page = listed(&state, request, is_it)?;
        self.read(&state, page).await
    }

    /// What was asked: of what waits it is in memory, of what is done in the records.
    async fn read(
        &self,
        state: &ErasureState,
        Page { items, next }: Page<Listed>,
    ) -> Result<Page<Asked>, KeeperError> {
        let done = items.iter().filter_map(|one| Some((one.key(), [one.asked, one.done?])));
        let wanted: Vec<(ConversationKey, Offset)> =
            done.flat_map(|(key, both)| both.map(|offset| (key.clone(), offset))).collect();
        let records = self.records.clone();
        let read = move || Ok::<_, KeeperError>(erasures(&records.at(&wanted)?));
        let read = tokio::task::spawn_blocking(read).await.map_err(RelayError::panicked)?;
        let mut asked: Vec<Asked> = read?;
        asked.extend(items.iter().filter_map(|one| state.pending_at(one.asked).cloned()));
        asked.sort_by_key(|asked| asked.erasure.asked);
        Ok(Page { items: asked, next })
    }
}

/// A page of what is listed and of what verbatim itself asked for.
fn listed(
    state: &ErasureState,
    request: &ErasuresRequest,
    is_chosen: impl Fn(&Listed) -> bool,
) -> Result<Page<Listed>, FieldError> {
    let (page, limit) = (request.page(), request.page().limit()?);
    let is_wanted = |one: &Listed| {
        page.is_behind(one.asked) && is_chosen(one) && !(request.waiting && one.done.is_some())
    };
    let own = state.pending.iter().filter(|asked| asked.is_own()).map(Listed::of);
    let own = own.filter(is_wanted).take(limit + 1);
    let asked = state.listed.iter().filter(|one| is_wanted(one)).take(limit + 1).cloned();
    let mut all: Vec<Listed> = asked.chain(own).collect();
    all.sort_by_key(|one| one.asked);
    Ok(Page::of(all, limit, |one| one.asked))
}
