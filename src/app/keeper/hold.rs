//! Conversations are put on hold, and released.

use std::collections::BTreeSet;

use rand::random;
use serde_json::value::to_raw_value;

use super::{
    Concerned, HoldRequest, Keeper, KeeperError, Page, PageRequest, check_count, event_of,
};
use crate::access::{Action, Identity};
use crate::erasure::Held;
use crate::model::{CASES_MAX, FieldError, HoldData, Kind};
use crate::relay::RelayError;

impl Keeper {
    /// Puts conversations on hold. One that the case holds already is left as it is.
    pub async fn hold(
        &self,
        identity: &Identity,
        request: &HoldRequest,
    ) -> Result<Vec<Concerned>, KeeperError> {
        identity.require(Action::Hold)?;
        let case = request.case.clone().unwrap_or_default();
        if case.trim().is_empty() {
            let rule = "say for whose sake it is held, who then releases it";
            return Err(FieldError::new("case", &case, rule).into());
        }
        let names = self.concerned(identity, request).await?;
        let state = self.state().await?;
        for name in &names {
            let cases = state.cases_of(&identity.shop, name);
            if cases.len() >= CASES_MAX && !cases.contains(&case.as_str()) {
                let rule = format!("be one of at most {CASES_MAX} that hold a conversation");
                return Err(FieldError::new("case", &case, rule).into());
            }
        }
        self.keep(identity, Kind::Hold, names, request).await
    }

    /// Releases what a case holds, of what the request is about: all of it where it says nothing else.
    pub async fn release(
        &self,
        identity: &Identity,
        request: &HoldRequest,
    ) -> Result<Vec<Concerned>, KeeperError> {
        identity.require(Action::Hold)?;
        let is_about_all = [&request.conversation, &request.order, &request.customer]
            .iter()
            .all(|subject| subject.is_none());
        let named =
            if is_about_all { None } else { Some(self.concerned(identity, request).await?) };
        let case = request.case.clone().unwrap_or_default();
        let holds = self.state().await?.holds;
        let held = holds.into_iter().filter(|held| held.shop == identity.shop && held.case == case);
        let names: BTreeSet<String> = held
            .map(|held| held.conversation)
            .filter(|name| named.as_ref().is_none_or(|named| named.contains(name)))
            .collect();
        if names.is_empty() {
            let asked = format!("case `{case}` holds none of them");
            return Err(KeeperError::Nothing { asked });
        }
        self.keep(identity, Kind::Release, names, request).await
    }

    /// What is held in the shop, in the order in which it was put on hold.
    pub async fn holds(
        &self,
        identity: &Identity,
        request: &PageRequest,
    ) -> Result<Page<Held>, KeeperError> {
        identity.require(Action::Hold)?;
        let (holds, limit) = (self.state().await?.holds, request.limit()?);
        let is_wanted = |held: &Held| held.shop == identity.shop && request.is_behind(held.offset);
        Ok(Page::of(holds.into_iter().filter(is_wanted), limit, |held| held.offset))
    }

    async fn keep(
        &self,
        identity: &Identity,
        kind: Kind,
        names: BTreeSet<String>,
        request: &HoldRequest,
    ) -> Result<Vec<Concerned>, KeeperError> {
        let data = HoldData { case: request.case.clone() };
        let data = data.case.is_some().then(|| to_raw_value(&data)).transpose()?;
        let id = format!("{}-{:016x}", kind.as_str(), random::<u64>());
        let event = |name: &String| {
            let mut event = event_of(identity, &id, name, kind);
            event.text.clone_from(&request.reason);
            event.data.clone_from(&data);
            event
        };
        let offsets = self.append(identity, names.iter().map(event).collect()).await?;
        let concerned = names.into_iter().zip(offsets);
        Ok(concerned.map(|(conversation, offset)| Concerned { conversation, offset }).collect())
    }

    /// The conversations that a hold is about, which are there.
    async fn concerned(
        &self,
        identity: &Identity,
        request: &HoldRequest,
    ) -> Result<BTreeSet<String>, KeeperError> {
        let shop = &identity.shop;
        let names = match (&request.conversation, &request.order, &request.customer) {
            (Some(name), None, None) => BTreeSet::from([name.clone()]),
            (None, Some(order), None) => {
                let snapshot = self.archived().await?;
                let (shop, order) = (shop.clone(), order.clone());
                let find = move || snapshot.conversations_of_order(&shop, &order);
                tokio::task::spawn_blocking(find).await.map_err(RelayError::panicked)??
            }
            (None, None, Some(customer)) => {
                self.lookup.conversations_of(shop, customer)?.into_iter().collect()
            }
            _ => {
                let rule = "name one of `conversation`, `order` and `customer`";
                return Err(FieldError::new("", "the request", rule).into());
            }
        };
        check_count(&names)?;
        Ok(names)
    }
}
