//! Holds and erasures as people ask for them: by conversation, by order, by customer. Each becomes a
//! record in every conversation concerned; `erasing` does the rest.
//!
//! Invariants: rights are asked before anything is looked up; the words of whoever asks name what is
//! concerned once, now: a conversation that begins later is not held and not erased by them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use rand::random;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use tokio::sync::Semaphore;

use crate::access::{AccessError, Action, Identity};
use crate::archive::{Archive, ArchiveError, ArchiveReader, ArchiveSnapshot, Reference};
use crate::erasure::{
    Asked, ErasureError, ErasureReader, ErasureState, ErasureStore, Held, VERBATIM, erasures,
    is_held_back, tombstones,
};
use crate::log::{Followed, Store};
use crate::model::{
    Authority, By, CASES_MAX, CanonicalEvent, ConversationKey, EraseData, Erasure, ErrorKind,
    Event, FieldError, HoldData, Kind, Kinded, Micros, Offset, Origin, Pseudonyms, Record, Role,
    Sender, held_by,
};
use crate::records::{Records, RecordsError};
use crate::relay::{Lookup, LookupError, Relay, RelayError};

/// Conversations that one request may be about: each gets a record.
const CONVERSATIONS_MAX: usize = 10_000;

/// What a hold or a release is about: one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Every conversation with this order number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Every conversation that this customer takes part in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is to be erased, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EraseRequest {
    /// One message, with all its versions, of `conversation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// What this customer said, and their id, in all of their conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    pub ground: String,
    /// Says what would be erased, and asks for nothing.
    pub dry_run: bool,
}

/// A conversation that a hold or a release was written into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concerned {
    pub conversation: String,
    pub offset: Offset,
}

/// What is, or would be, erased of one conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasePlan {
    pub conversation: String,
    /// Records that lose their content.
    pub records: u64,
    pub attachments: u64,
    /// Cases that hold it: it waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedErasure {
    /// By which it is listed; `None` of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub conversations: Vec<ErasePlan>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("no conversation is concerned: {asked}")]
    Nothing { asked: String },
    #[error("there is no erasure `{id}`")]
    NoErasure { id: String },
    #[error("the store `{store}` stands at {at}, the log at {head}: try again")]
    Behind { store: &'static str, at: Offset, head: Offset },
    #[error(transparent)]
    Records(#[from] RecordsError),
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("cannot write it as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Kinded for KeeperError {
    fn kind(&self) -> ErrorKind {
        match self {
            KeeperError::Access(error) => error.kind(),
            KeeperError::Field(_) => ErrorKind::BadInput,
            KeeperError::Nothing { .. } | KeeperError::NoErasure { .. } => ErrorKind::NotFound,
            KeeperError::Behind { .. } => ErrorKind::Retry,
            KeeperError::Records(error) => error.kind(),
            KeeperError::Lookup(error) => error.kind(),
            KeeperError::Archive(error) => error.kind(),
            KeeperError::Erasure(error) => error.kind(),
            KeeperError::Relay(error) => error.kind(),
            KeeperError::Json(_) => ErrorKind::Bug,
        }
    }

    fn told(&self) -> Option<&'static str> {
        match self {
            KeeperError::Relay(error) => error.told(),
            _ => None,
        }
    }

    fn field(&self) -> Option<&FieldError> {
        match self {
            KeeperError::Field(field) => Some(field),
            KeeperError::Relay(error) => error.field(),
            _ => None,
        }
    }
}

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
    /// Puts conversations on hold. One that the case holds already is left as it is.
    pub async fn hold(
        &self,
        identity: &Identity,
        request: &HoldRequest,
    ) -> Result<Vec<Concerned>, KeeperError> {
        identity.require(Action::Hold)?;
        let names = self.concerned(identity, request).await?;
        let state = self.state().await?;
        let case = request.case.clone().unwrap_or_default();
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

    /// What is held in the shop.
    pub async fn holds(&self, identity: &Identity) -> Result<Vec<Held>, KeeperError> {
        identity.require(Action::Hold)?;
        let mut holds = self.state().await?.holds;
        holds.retain(|held| held.shop == identity.shop);
        Ok(holds)
    }

    /// Asks to erase, or says what that would be.
    pub async fn erase(
        &self,
        identity: &Identity,
        request: &EraseRequest,
    ) -> Result<AskedErasure, KeeperError> {
        identity.require(Action::Administer)?;
        let customer = request.customer.as_deref();
        let customer = customer.map(|customer| self.pseudonyms.of(&identity.shop, customer));
        let conversations = self.planned(identity, request, customer.clone()).await?;
        if request.dry_run {
            return Ok(AskedErasure { id: None, conversations });
        }
        let id = format!("erase-{:016x}", random::<u64>());
        let data = match &customer {
            Some(_) => Some(to_raw_value(&EraseData { customer, receipt: None })?),
            None => None,
        };
        let event = |plan: &ErasePlan| {
            let mut event = event_of(identity, &id, &plan.conversation, Kind::Erase);
            event.target.clone_from(&request.message);
            event.text = Some(request.ground.clone());
            event.data.clone_from(&data);
            event
        };
        self.append(identity, conversations.iter().map(event).collect()).await?;
        Ok(AskedErasure { id: Some(id), conversations })
    }

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

    /// What is archived, with all that is acknowledged.
    async fn archived(&self) -> Result<ArchiveSnapshot, KeeperError> {
        let head = self.archive.log_reader().head();
        let snapshot = self.archive.caught_up().await.snapshot().map_err(ArchiveError::from)?;
        require_head(Archive::NAME, snapshot.tail.end(), head)?;
        Ok(snapshot)
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

    /// What would be erased of each conversation concerned. Reads them whole, one after the other.
    async fn planned(
        &self,
        identity: &Identity,
        request: &EraseRequest,
        customer: Option<String>,
    ) -> Result<Vec<ErasePlan>, KeeperError> {
        let turn = self.planning.clone().acquire_owned().await;
        let (keeper, identity, request) = (self.clone(), identity.clone(), request.clone());
        let plan = move || {
            let _turn = turn;
            let names = keeper.to_erase(&identity, &request)?;
            let plan = |name: &String| keeper.plan(&identity, name, &request, customer.clone());
            names.iter().map(plan).collect()
        };
        tokio::task::spawn_blocking(plan).await.map_err(RelayError::panicked)?
    }

    /// What is held and asked for, with all that is acknowledged.
    async fn state(&self) -> Result<ErasureState, KeeperError> {
        let head = self.erasures.log_reader().head();
        let state = self.erasures.caught_up().await.now()?;
        require_head(ErasureStore::NAME, state.cursor, head)?;
        Ok(state)
    }

    fn to_erase(
        &self,
        identity: &Identity,
        request: &EraseRequest,
    ) -> Result<Vec<String>, KeeperError> {
        if request.ground.trim().is_empty() {
            let rule = "say why: it stands in the place of what is erased";
            return Err(FieldError::new("ground", &request.ground, rule).into());
        }
        match (&request.message, &request.conversation, &request.customer) {
            (_, Some(name), None) => Ok(vec![name.clone()]),
            (None, None, Some(customer)) => {
                let names = self.lookup.conversations_of(&identity.shop, customer)?;
                check_count(&names.iter().cloned().collect())?;
                Ok(names)
            }
            _ => {
                let rule =
                    "name a `message` with its `conversation`, a `conversation`, or a `customer`";
                Err(FieldError::new("", "the request", rule).into())
            }
        }
    }

    fn plan(
        &self,
        identity: &Identity,
        name: &str,
        request: &EraseRequest,
        customer: Option<String>,
    ) -> Result<ErasePlan, KeeperError> {
        let records = self.records.conversation(&identity.shop, name)?;
        if let Some(message) = &request.message
            && !records.iter().any(|record| record.event.id == *message)
        {
            let rule = format!("be the id of an event of conversation `{name}`");
            return Err(FieldError::new("message", message, rule).into());
        }
        let erasure = Erasure {
            asked: Offset(u64::MAX),
            at: Micros::now(),
            message: request.message.clone(),
            customer,
            ground: request.ground.clone(),
        };
        let tombstones = tombstones(&records, &[erasure], &self.pseudonyms);
        let attachments_of = |tombstone: &Record| {
            let before = records.iter().find(|record| record.offset == tombstone.offset);
            before.map_or(0, |record| record.event.attachments.len() as u64)
        };
        let cases = held_by(&records);
        let held_by: Vec<String> = if is_held_back(!cases.is_empty(), &tombstones) {
            cases.into_iter().collect()
        } else {
            Vec::new()
        };
        Ok(ErasePlan {
            conversation: name.to_string(),
            records: tombstones.len() as u64,
            attachments: tombstones.iter().map(attachments_of).sum(),
            held_by,
        })
    }
}

/// Refuses to name what is concerned while a store has not everything that was acknowledged: what it
/// lacks would be left out.
fn require_head(store: &'static str, at: Offset, head: Offset) -> Result<(), KeeperError> {
    if at < head { Err(KeeperError::Behind { store, at, head }) } else { Ok(()) }
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
