//! Who looked at what: searches, views, exports and refused attempts become records of kind `access` in
//! their shop's conversation `@access`, ordered, committed to and archived like all else.
//!
//! Invariants: whoever is answered does not wait for the record of it, but for evidence, whose record
//! comes first ([`Trail::recorded`]); what cannot be recorded is counted, and the gap becomes a record
//! as soon as there can be one; what waits is bounded ([`queue`]) and written out at an orderly stop.
//! Records go in line with everybody's events, a few times a second, and so mostly into a frame that is
//! synced anyway. A power cut loses what was done in the last moment; the chat itself it does not.
//! It decides neither what is an access nor who may read of it.

mod looks;
mod queue;
mod writer;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::access::{Identity, operator};
use crate::model::{
    ACCESS_CONVERSATION, Access, AccessEntry, AccessOutcome, Ack, CanonicalEvent, Event, Kind,
    Micros, Origin, Role, Sender, access_id_at,
};
use crate::relay::{Relay, RelayError};
use looks::Looks;
use queue::Queue;
use utoipa::ToSchema;

/// Who sends the records: verbatim itself.
const SENDER: &str = "verbatim";

/// The trail, for whoever answers questions.
#[derive(Clone)]
pub struct Trail {
    relay: Relay,
    queue: Arc<Mutex<Queue>>,
    looks: Arc<Mutex<Looks>>,
}

/// How the trail stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrailStatus {
    /// Accesses that wait to be recorded.
    pub waiting: u64,
    /// Accesses that could not be recorded since the start; a record says so of each shop's.
    pub unrecorded: u64,
}

/// An access whose answer is on its way: recorded once it is dropped, with the rows that were handed out
/// by then.
pub struct UnderWay {
    trail: Trail,
    identity: Arc<Identity>,
    access: Option<Access>,
    rows: u64,
}

impl Trail {
    /// The trail of what `relay` takes. Somebody must [`Trail::write_on`].
    pub fn new(relay: Relay) -> Trail {
        Trail { relay, queue: Arc::default(), looks: Arc::default() }
    }

    /// Records an access soon. It does not wait. That a command asked for a shop of which there is nothing is not
    /// recorded: by its trail alone a mistyped name would become a shop.
    pub fn record(&self, identity: &Identity, access: Access) {
        if *identity == operator(&identity.shop) && !self.relay.has_shop(&identity.shop) {
            return;
        }
        self.queue.lock().add(&identity.shop, entry(identity, access), Micros::now());
    }

    /// Records an access of a page that is looked at on and on: when it is opened, and every five minutes.
    pub fn record_look(&self, identity: &Identity, access: Access) {
        if self.looks.lock().begin(identity, &access, Instant::now()) {
            self.record(identity, access);
        }
    }

    /// Records an access now: the ack comes once the record is on stable storage. For what must not be
    /// handed out without its record.
    ///
    /// # Errors
    /// As [`Relay::append_one`]: nothing was recorded then, or nobody knows.
    pub async fn recorded(&self, identity: &Identity, access: Access) -> Result<Ack, RelayError> {
        let (shop, entry) = (&identity.shop, entry(identity, access));
        let event = event_of(shop, &entry, Micros::now());
        Ok(self.relay.append_one(Arc::new(operator(shop)), event).await?.ack)
    }

    /// An access that is recorded when its answer has been written, or broke off.
    pub fn begin(&self, identity: Arc<Identity>, access: Access) -> UnderWay {
        UnderWay { trail: self.clone(), identity, access: Some(access), rows: 0 }
    }

    pub fn status(&self) -> TrailStatus {
        let queue = self.queue.lock();
        TrailStatus { waiting: queue.len() as u64, unrecorded: queue.unrecorded() }
    }
}

impl UnderWay {
    /// So many more rows were handed out.
    pub fn add(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// The answer is whole.
    pub fn finish(mut self) {
        self.record(AccessOutcome::Allowed);
    }

    /// Nothing of the shop was in it: it is not recorded.
    pub fn forget(mut self) {
        self.access = None;
    }

    fn record(&mut self, outcome: AccessOutcome) {
        if let Some(access) = self.access.take() {
            let access = Access { rows: Some(self.rows), outcome, ..access };
            self.trail.record(&self.identity, access);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.record(AccessOutcome::BrokeOff);
    }
}

fn entry(identity: &Identity, access: Access) -> AccessEntry {
    let roles = identity.roles.iter().map(|role| <&str>::from(role).to_string()).collect();
    AccessEntry::new(identity.subject.clone(), roles, access)
}

/// The event of an entry. Its id begins with the time of the access, so that in the order of ids they
/// stand in time.
fn event_of(shop: &str, entry: &AccessEntry, at: Micros) -> CanonicalEvent {
    let id = format!("{}-{}", access_id_at(at), hex::encode(rand::random::<[u8; 8]>()));
    let sender = Sender { id: SENDER.to_string(), role: Role::System, name: None };
    let mut event = Event::new(id, ACCESS_CONVERSATION.to_string(), Kind::Access, sender);
    event.sent_at = Some(at.to_string());
    // What it writes is JSON.
    event.data = RawValue::from_string(entry.to_data()).ok();
    CanonicalEvent::new(shop, Origin::Live, None, event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::TokenRole;
    use crate::model::{AccessAction, Purpose, Via};

    #[test]
    fn a_record_is_an_event_like_any_other_and_says_who() {
        let identity = Identity {
            subject: "anna".to_string(),
            shop: "s".to_string(),
            roles: vec![TokenRole::Dispute, TokenRole::Human],
        };
        let access = Access::new(AccessAction::View, Via::Api, Purpose::default());
        let event = event_of("s", &entry(&identity, access), Micros(1_700_000_000_000_000));
        event.event().check().unwrap();
        let data = event.event().data.as_ref().unwrap().get();
        let read = AccessEntry::from_data(data).unwrap();
        assert_eq!(
            (read.sub.as_str(), read.roles.join(" ")),
            ("anna", "dispute human".to_string())
        );
        assert!(event.event().id.starts_with("00060a24181e4000-"), "{}", event.event().id);
        assert_eq!(event.event().sent_at.as_deref(), Some("2023-11-14T22:13:20.000000Z"));
    }
}
