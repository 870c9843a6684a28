//! The one task that appends. It drains what is waiting, gives each event its offset and seq, makes
//! the whole batch durable with one sync, and only then answers.
//!
//! A thread of its own: it spends its time in `fdatasync`, which must not hold up the connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::lookup::{Conversation, Seen, key_of};
use super::participants::{require_owner, require_writer};
use super::{Hub, Lookup, RelayError};
use crate::access::Identity;
use crate::log::{LogError, LogReader, LogWriter};
use crate::model::{
    Ack, CanonicalEvent, FieldError, Fingerprint, Kind, Micros, Offset, Record, Salt,
};

/// Batches waiting for the appender: × up to 8 MiB each = 128 MiB at the very worst.
const SUBMISSIONS_WAITING_MAX: usize = 16;
/// Most events made durable by one sync.
const SYNC_EVENTS_MAX: usize = 8_192;

/// An event that is on stable storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub ack: Ack,
    /// It was kept before: the ack is that of the first time.
    pub duplicate: bool,
}

/// One answer per event.
pub type Answers = Vec<Result<Outcome, RelayError>>;

struct Submission {
    identity: Arc<Identity>,
    events: Vec<CanonicalEvent>,
    answer: oneshot::Sender<Answers>,
}

/// Hands events to the appender's thread.
#[derive(Clone)]
pub struct AppendHandle {
    submissions: mpsc::Sender<Submission>,
}

impl AppendHandle {
    /// Hands events over, in order. Two submissions of one caller are placed in the order of their
    /// calls; the answers come with [`Submitted::answers`].
    pub async fn submit(
        &self,
        identity: Arc<Identity>,
        events: Vec<CanonicalEvent>,
    ) -> Result<Submitted, RelayError> {
        let (answer, answered) = oneshot::channel();
        let submission = Submission { identity, events, answer };
        self.submissions.send(submission).await.map_err(|_| stopping())?;
        Ok(Submitted { answered })
    }
}

/// Events that wait for the next sync.
pub struct Submitted {
    answered: oneshot::Receiver<Answers>,
}

impl Submitted {
    /// One answer per event, in order. Dropping this loses the answers, not the events.
    pub async fn answers(self) -> Result<Answers, RelayError> {
        self.answered.await.map_err(|_| stopping())
    }

    /// The answer to the only event.
    pub async fn answer(self) -> Result<Outcome, RelayError> {
        self.answers().await?.pop().unwrap_or_else(|| Err(stopping()))
    }
}

fn stopping() -> RelayError {
    RelayError::Closed { reason: "the service is stopping".to_string() }
}

/// Starts the appender on a thread of its own; to be called on an async thread. It ends with
/// `stop`, after what was submitted by then, not when the last handle goes: a connection that
/// nobody closes keeps one. When the log fails, each waiting and later event is answered with an
/// error and nothing more is written.
pub fn spawn(
    writer: LogWriter,
    reader: &LogReader,
    lookup: Lookup,
    hub: Hub,
    stop: CancellationToken,
) -> Result<(AppendHandle, JoinHandle<()>), RelayError> {
    let (submissions, waiting) = mpsc::channel(SUBMISSIONS_WAITING_MAX);
    let head = reader.head();
    let last = reader.range(Offset(head.0.saturating_sub(1)), head)?;
    let received_at = last.last().map_or(Micros(0), |record| record.received_at);
    let appender =
        Appender { writer, lookup, hub, received_at, batch: Batch::default(), failed: None };
    let runtime = Handle::current();
    let thread = std::thread::Builder::new()
        .name("appender".to_string())
        .spawn(move || appender.run(waiting, &stop, &runtime))
        .map_err(|error| RelayError::Closed { reason: error.to_string() })?;
    Ok((AppendHandle { submissions }, thread))
}

struct Appender {
    writer: LogWriter,
    lookup: Lookup,
    hub: Hub,
    /// Time of the newest record; the next is never earlier.
    received_at: Micros,
    batch: Batch,
    failed: Option<String>,
}

/// What is being made durable by the next sync, and not yet in the lookup store.
#[derive(Default)]
struct Batch {
    records: Vec<(Arc<Record>, Fingerprint)>,
    /// Indexes into `records`, by [`key_of`] shop, conversation and id.
    ids: HashMap<Vec<u8>, usize>,
    /// Where each conversation stands after `records`, by [`key_of`] shop and conversation.
    conversations: HashMap<Vec<u8>, Conversation>,
}

impl Appender {
    fn run(
        mut self,
        mut waiting: mpsc::Receiver<Submission>,
        stop: &CancellationToken,
        runtime: &Handle,
    ) {
        let next = async |waiting: &mut mpsc::Receiver<Submission>| {
            tokio::select! {
                first = waiting.recv() => first,
                () = stop.cancelled() => {
                    // No further submissions; those that wait are still answered.
                    waiting.close();
                    waiting.recv().await
                }
            }
        };
        while let Some(first) = runtime.block_on(next(&mut waiting)) {
            let mut submissions = vec![first];
            let mut count = submissions[0].events.len();
            while count < SYNC_EVENTS_MAX
                && let Ok(next) = waiting.try_recv()
            {
                count += next.events.len();
                submissions.push(next);
            }
            self.append_all(submissions);
        }
    }

    fn append_all(&mut self, submissions: Vec<Submission>) {
        self.received_at = self.received_at.max(Micros::now());
        let mut answers = Vec::with_capacity(submissions.len());
        self.batch = Batch::with_room_for(
            submissions.iter().map(|submission| submission.events.len()).sum(),
        );
        for submission in submissions {
            let Submission { identity, events, answer } = submission;
            let outcomes: Answers =
                events.into_iter().map(|event| self.append(&identity, event)).collect();
            answers.push((answer, outcomes));
        }
        let durable = self.make_durable();
        for (answer, mut outcomes) in answers {
            if let Err(reason) = &durable {
                // A duplicate's first ack still stands; whatever waited for this sync is undecided.
                for outcome in outcomes
                    .iter_mut()
                    .filter(|outcome| matches!(outcome, Ok(outcome) if !outcome.duplicate))
                {
                    *outcome = Err(RelayError::Closed { reason: reason.clone() });
                }
            }
            // The sender may be gone; its events are kept all the same.
            let _ = answer.send(outcomes);
        }
    }

    /// Adds one event to the batch, or finds the ack it already has.
    fn append(
        &mut self,
        identity: &Identity,
        event: CanonicalEvent,
    ) -> Result<Outcome, RelayError> {
        let (shop, conversation) = (event.shop(), event.event().conversation.as_str());
        let id_key = key_of(&[shop, conversation, &event.event().id]);
        let conversation_key = key_of(&[shop, conversation]);
        if let Some(earlier) = self.earlier(&id_key, &event)? {
            return Ok(earlier);
        }
        if let Some(reason) = &self.failed {
            return Err(RelayError::Closed { reason: reason.clone() });
        }
        let before = self.conversation(&conversation_key)?;
        self.admit(identity, before.as_ref(), &event)?;
        let fingerprint = event.fingerprint();
        let next = self.writer.head() + self.batch.records.len() as u64;
        let (record, after) = sequence(next, self.received_at, before, event);
        if let Err(error) = self.writer.append(record.clone()) {
            self.fail(&error);
            return Err(error.into());
        }
        let ack = record.ack();
        self.batch.ids.insert(id_key, self.batch.records.len());
        self.batch.conversations.insert(conversation_key, after);
        self.batch.records.push((record, fingerprint));
        Ok(Outcome { ack, duplicate: false })
    }

    /// The ack that this event was given before, if it was.
    fn earlier(
        &self,
        id_key: &[u8],
        event: &CanonicalEvent,
    ) -> Result<Option<Outcome>, RelayError> {
        let Some(seen) = self.seen(id_key)? else { return Ok(None) };
        let (conversation, id) = (&event.event().conversation, &event.event().id);
        if seen.fingerprint != event.fingerprint() {
            let (conversation, id) = (conversation.clone(), id.clone());
            return Err(RelayError::Conflict { conversation, id });
        }
        Ok(Some(Outcome { ack: seen.ack(id), duplicate: true }))
    }

    /// Refuses what its sender may not do in this conversation.
    fn admit(
        &self,
        identity: &Identity,
        state: Option<&Conversation>,
        event: &CanonicalEvent,
    ) -> Result<(), RelayError> {
        let (shop, event) = (event.shop(), event.event());
        require_writer(identity, &event.conversation, state)?;
        let (Kind::Edit | Kind::Retract, Some(target)) = (event.kind, &event.target) else {
            return Ok(());
        };
        let Some(seen) = self.seen(&key_of(&[shop, &event.conversation, target]))? else {
            let rule =
                format!("be the id of an earlier event of conversation `{}`", event.conversation);
            return Err(FieldError::new("target", target, rule).into());
        };
        require_owner(event, target, &seen)
    }

    fn seen(&self, id_key: &[u8]) -> Result<Option<Seen>, RelayError> {
        match self.batch.ids.get(id_key) {
            Some(index) => {
                let (record, fingerprint) = &self.batch.records[*index];
                Ok(Some(Seen::of(record, *fingerprint)))
            }
            None => self.lookup.seen(id_key),
        }
    }

    fn conversation(&self, key: &[u8]) -> Result<Option<Conversation>, RelayError> {
        match self.batch.conversations.get(key) {
            Some(state) => Ok(Some(state.clone())),
            None => self.lookup.conversation_at(key),
        }
    }

    fn make_durable(&mut self) -> Result<(), String> {
        let batch = std::mem::take(&mut self.batch);
        if let Some(reason) = &self.failed {
            return Err(reason.clone());
        }
        if batch.records.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.writer.commit() {
            self.fail(&error);
            return Err(error.to_string());
        }
        let applied = self.lookup.put(&batch.records, batch.conversations);
        if let Err(error) = applied {
            // The records are durable and their acks true, but without the lookup the next
            // duplicate would be taken for new: stop here, and let a restart rebuild what is
            // missing from the log.
            tracing::error!(%error, "the lookup store failed; no further events are taken until a restart");
            self.failed = Some(format!("the lookup store failed: {error}"));
        }
        let records: Vec<Arc<Record>> =
            batch.records.into_iter().map(|(record, _)| record).collect();
        self.hub.publish(&records);
        Ok(())
    }

    fn fail(&mut self, error: &LogError) {
        tracing::error!(%error, "the log failed; no further events are taken until a restart");
        self.failed = Some(error.to_string());
    }
}

impl Batch {
    fn with_room_for(events: usize) -> Batch {
        Batch {
            records: Vec::with_capacity(events),
            ids: HashMap::with_capacity(events),
            conversations: HashMap::with_capacity(events),
        }
    }
}

/// The record of `event` at offset `next`, and where its conversation stands after it.
fn sequence(
    next: Offset,
    received_at: Micros,
    before: Option<Conversation>,
    event: CanonicalEvent,
) -> (Arc<Record>, Conversation) {
    let mut state = before.unwrap_or_default();
    let record = Record::new(next, received_at, &state.chain, event, Salt::random());
    state.add(&record);
    (Arc::new(record), state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chain, Event, Origin, Seq};

    fn event(id: &str, sender: &str) -> CanonicalEvent {
        let json = format!(
            r#"{{"id":"{id}","conversation":"c","kind":"open","sender":{{"id":"{sender}","role":"customer"}}}}"#
        );
        CanonicalEvent::new("s", Origin::Live, None, Event::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn seqs_are_dense_and_each_leaf_is_chained_to_the_one_before() {
        let mut state: Option<Conversation> = None;
        let mut chain = Chain::default();
        for (offset, id, seq) in [(3, "a", 1), (4, "b", 2), (9, "c", 3)] {
            let (record, after) = sequence(Offset(offset), Micros(7), state, event(id, "u1"));
            assert_eq!((record.offset, record.seq), (Offset(offset), Seq(seq)));
            assert_eq!(record.leaf_behind(&chain), Some(record.leaf));
            chain.add(record.leaf);
            assert_eq!(after.chain, chain);
            state = Some(after);
        }
        assert_eq!(state.unwrap().customers, ["u1"]);
    }
}
