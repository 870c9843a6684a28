//! Holds and erasures as people ask for them: by conversation, by order, by customer. Each becomes a
//! record in every conversation concerned; `erasing` does the rest.
//!
//! Invariants: rights are asked before anything is looked up; the words of whoever asks name what is
//! concerned once, now: a conversation that begins later is not held and not erased by them.

// What people ask for.
mod request;
// Conversations put on hold, and released.
mod hold;
// What is asked to be erased.
mod erase;
// What was asked to be erased.
mod erasures;
// Lists in pages.
mod page;
mod error;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::access::{Action, Identity};
use crate::archive::{Archive, ArchiveError, ArchiveReader, ArchiveSnapshot};
use crate::erasure::{ErasureReader, ErasureState, ErasureStore};
use crate::log::{Followed, Store};
use crate::model::{
    Authority, By, CanonicalEvent, Event, FieldError, Kind, Offset, Origin, Pseudonyms, Role,
    Sender,
};
use crate::records::Records;
use crate::relay::{Lookup, Relay};

pub use error::KeeperError;
pub use page::{ErasuresRequest, Page, PageRequest};
pub use request::{AskedErasure, Concerned, ErasePlan, EraseRequest, HoldRequest};

/// Conversations that one request may be about: each gets a record.
const CONVERSATIONS_MAX: usize = 10_000;

/// Takes what people ask for.
#[derive(Clone)]
pub struct Keeper {
    pub(super) relay: Relay,
    pub(super) records: Records,
    pub(super) lookup: Lookup,
    pub(super) archive: Followed<ArchiveReader>,
    pub(super) erasures: Followed<ErasureReader>,
    pub(super) pseudonyms: Pseudonyms,
    /// One request at a time is planned: each has a conversation in memory, whole.
    pub(super) planning: Arc<Semaphore>,
}

impl Keeper {
    async fn append(
        &self,
        identity: &Identity,
        events: Vec<Event>,
    ) -> Result<Vec<Offset>, KeeperError> {
        let mut canonical = Vec::with_capacity(events.len());
        for event in events {
            event.check()?;
            // Whoever has no voice in chats speaks here as who they are; an administrator is named.
            let is_admin = identity.may(Action::Administer);
            let by = By { role: Authority::Admin, sub: identity.subject.clone() };
            let by = is_admin.then_some(by);
            canonical.push(CanonicalEvent::new(&identity.shop, Origin::Live, by, event));
        }
        let outcomes = self.relay.append(Arc::new(identity.clone()), canonical).await?;
        outcomes.into_iter().map(|outcome| Ok(outcome?.ack.offset)).collect()
    }

    /// What is archived, with all that is acknowledged.
    async fn archived(&self) -> Result<ArchiveSnapshot, KeeperError> {
        let end = self.archive.log_reader().chats_end();
        let snapshot = self.archive.caught_up().await.snapshot().map_err(ArchiveError::from)?;
        require_all(Archive::NAME, snapshot.tail.end(), end)?;
        Ok(snapshot)
    }

    /// What is held and asked for, with all that is acknowledged.
    async fn state(&self) -> Result<ErasureState, KeeperError> {
        let end = self.erasures.log_reader().chats_end();
        let state = self.erasures.caught_up().await.now()?;
        require_all(ErasureStore::NAME, state.cursor, end)?;
        Ok(state)
    }
}

/// Refuses to name what is concerned while a store has not everything that was acknowledged: what it
/// lacks would be left out.
fn require_all(store: &'static str, at: Offset, end: Offset) -> Result<(), KeeperError> {
    if at < end { Err(KeeperError::Behind { store, at, end }) } else { Ok(()) }
}

fn check_count(names: &BTreeSet<String>) -> Result<(), KeeperError> {
    if names.is_empty() {
        return Err(KeeperError::Nothing { asked: "nothing has this name or number".to_string() });
    }
    if names.len() > CONVERSATIONS_MAX {
        let (count, rule) = (names.len(), format!("be at most {CONVERSATIONS_MAX}"));
        return Err(FieldError::new("conversations", count, rule).into());
    }
    Ok(())
}

fn event_of(identity: &Identity, id: &str, conversation: &str, kind: Kind) -> Event {
    let sender = Sender { id: identity.subject.clone(), role: Role::Human, name: None };
    Event::new(id.to_string(), conversation.to_string(), kind, sender)
}
