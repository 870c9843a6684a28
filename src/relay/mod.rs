//! Where chat comes in: an event is checked, given its offset and seq, made durable, acknowledged,
//! and passed on.
//!
//! Invariants: an [`crate::model::Ack`] leaves [`appender`] only after the record's sync; the same
//! id and body always get the same ack; whatever waits or grows has a named bound in the file that
//! enforces it.
//! It speaks no protocol: HTTP and WebSocket are the server's.
//! It does not know the archive, the facts or the index: it takes messages while they are down.

// From bytes to a checked event.
mod prepare;
// The one task that appends.
mod appender;
// Where holds wait while an erasure is committed, and what names a file while one is removed.
mod gate;
// What one sender sends, in order.
mod line;
// What waits for its answers.
mod submitted;
// When no events are taken for now: a clock that jumped, a disk that is almost full.
mod held;
// Ids used, and where each conversation stands.
mod lookup;
// Records kept before, for repetitions, edits and answers.
mod kept;
// Who takes part in a conversation, and what they may change in it.
mod participants;
// How long syncs take, for operators.
mod syncs;
// New records to their subscribers.
mod hub;
// Files sent along.
mod attachments;
mod error;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::access::Identity;
use crate::log::{LogReader, LogWriter};
use crate::model::{CanonicalEvent, Micros};

pub use appender::{Answers, Appending, Outcome};
use appender::{Submission, Submissions};
pub use attachments::{ATTACHMENT_BYTES_MAX, AttachmentStore, media_type_of};
pub use error::{DAMAGED_TOLD, RelayError};
pub use gate::ClosedGate;
use held::Reception;
pub use held::{DiskSpace, Held, uptime};
use hub::Hub;
pub use hub::{Published, Subscriber};
pub use kept::KeptRecords;
use kept::{Named, Targets};
pub use line::Line;
pub use lookup::{
    Conversation, Lookup, LookupError, LookupStore, Used, conversation_key, id_key, lookup_aside,
    set_lookup_aside,
};
use participants::require_listener;
pub use prepare::{EVENT_BYTES_MAX, prepare, prepare_event};
pub use submitted::Submitted;
pub use syncs::Syncs;

/// The relay, for those who send and those who subscribe.
#[derive(Clone)]
pub struct Relay {
    submissions: Submissions,
    lookup: Lookup,
    kept: Arc<dyn KeptRecords>,
    hub: Hub,
    reception: Reception,
    syncs: Syncs,
    newest_at_start: Micros,
}

impl Relay {
    /// Starts the appender on a thread of its own; to be called on an async thread. It ends with
    /// `stop`, after what was submitted by then, and `stop` is cancelled where it cannot go on.
    pub fn start(
        writer: LogWriter,
        log: &LogReader,
        lookup: Lookup,
        kept: Arc<dyn KeptRecords>,
        space: DiskSpace,
        stop: CancellationToken,
    ) -> Result<(Relay, Appending), RelayError> {
        let hub = Hub::default();
        let newest = appender::newest(log)?;
        let reception = Reception::after(newest, space);
        let syncs = Syncs::new();
        let (submissions, thread) = appender::spawn(
            writer,
            lookup.clone(),
            kept.clone(),
            hub.clone(),
            reception.clone(),
            syncs.clone(),
            stop,
        )?;
        let relay =
            Relay { submissions, lookup, kept, hub, reception, syncs, newest_at_start: newest };
        Ok((relay, thread))
    }

    /// What was measured of the log's syncs.
    pub fn syncs(&self) -> &Syncs {
        &self.syncs
    }

    /// When the newest record was received before this start; zero where there was none.
    pub fn newest_at_start(&self) -> Micros {
        self.newest_at_start
    }

    /// Why no new events are taken now, if none are.
    pub fn held(&self) -> Option<Held> {
        self.reception.now().err()
    }

    /// Whether it is known which ids were used: nothing is taken without that.
    pub fn knows_ids(&self) -> bool {
        self.lookup.is_open()
    }

    /// Whether there is anything of a shop but who looked at what; where that cannot be told, there may be.
    pub fn has_shop(&self, shop: &str) -> bool {
        self.lookup.has_shop(shop).unwrap_or(true)
    }

    /// Puts events in line, in order, as [`prepare()`] made them for `identity`. Two submissions of
    /// one caller are placed in the order of their calls; the answers come with
    /// [`Submitted::answers`].
    pub async fn submit(
        &self,
        identity: Arc<Identity>,
        events: Vec<CanonicalEvent>,
    ) -> Result<Submitted, RelayError> {
        self.submit_in(&Line::default(), identity, events).await
    }

    /// [`Relay::submit`], behind what was submitted in this line before.
    pub async fn submit_in(
        &self,
        line: &Line,
        identity: Arc<Identity>,
        events: Vec<CanonicalEvent>,
    ) -> Result<Submitted, RelayError> {
        let targets = self.targets(&identity, &events).await?;
        let (answer, answered) = oneshot::channel();
        let line = line.clone();
        self.submissions.send(Submission { identity, events, targets, line, answer }).await?;
        Ok(Submitted::new(answered, self.kept.clone()))
    }

    /// Lets holds wait until the gate is dropped, once those under way are answered: what is not held
    /// then is not held before.
    pub async fn close_to_holds(&self) -> ClosedGate {
        self.submissions.gates.holds.close().await
    }

    /// Lets what names files wait until the gate is dropped, once what is under way is answered: what
    /// nothing in the log names then is not named before.
    pub async fn close_to_names(&self) -> ClosedGate {
        self.submissions.gates.names.close().await
    }

    /// Reads what edits and retractions change and what messages answer, here where it may take its time.
    async fn targets(
        &self,
        identity: &Arc<Identity>,
        events: &[CanonicalEvent],
    ) -> Result<Targets, RelayError> {
        let named: Vec<(usize, Named)> = events
            .iter()
            .enumerate()
            .filter_map(|(place, event)| Some((place, Named::by(identity, event)?)))
            .collect();
        if named.is_empty() {
            return Ok(Targets::new());
        }
        let (kept, lookup, identity) = (self.kept.clone(), self.lookup.clone(), identity.clone());
        let read = move || kept::read_targets(kept.as_ref(), &lookup, &identity, named);
        tokio::task::spawn_blocking(read).await.map_err(RelayError::panicked)
    }

    /// Appends events in order: one answer per event, in order, each given only after the sync.
    pub async fn append(
        &self,
        identity: Arc<Identity>,
        events: Vec<CanonicalEvent>,
    ) -> Result<Answers, RelayError> {
        self.submit(identity, events).await?.answers().await
    }

    /// Appends one event.
    pub async fn append_one(
        &self,
        identity: Arc<Identity>,
        event: CanonicalEvent,
    ) -> Result<Outcome, RelayError> {
        self.submit(identity, vec![event]).await?.answer().await
    }

    /// A subscriber to nothing yet, and the queue its records will arrive in.
    pub fn connect(&self) -> (Subscriber, mpsc::Receiver<Arc<Published>>) {
        self.hub.connect()
    }

    /// Refuses a customer who takes no part in a conversation, and in the same way where there is
    /// no such conversation: a stranger cannot find out which exist. Everybody else of the shop may
    /// listen.
    pub fn require_participant(
        &self,
        identity: &Identity,
        conversation: &str,
    ) -> Result<(), RelayError> {
        let state = self.lookup.conversation(&conversation_key(&identity.shop, conversation))?;
        require_listener(identity, conversation, state.as_deref())
    }
}
