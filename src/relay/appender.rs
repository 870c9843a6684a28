//! The one task that appends. It drains what is waiting, gives each event its offset and seq, makes
//! the whole batch durable with one sync, and only then answers.
//!
//! A thread of its own: it spends its time in `fdatasync`, which must not hold up the connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::gate::{Gates, Passing};
use super::held::{Held, Reception};
use super::kept::{self, KeptRecords, Repetition, Target, Targets};
use super::line::{Line, Refused};
use super::lookup::{Conversation, Used, conversation_key, id_key};
use super::participants::{
    require_conversation, require_opening, require_owner, require_place, require_public,
    require_writer,
};
use super::{Hub, Lookup, RelayError, Syncs};
use crate::access::{Identity, hears};
use crate::log::{LogError, LogReader, LogWriter};
use crate::model::{Ack, CanonicalEvent, FieldError, Kind, Micros, Offset, Record, is_receipt};

/// Kibibytes of events that wait for the appender: 64 MiB, and one submission more. A bound in
/// submissions would be sixteen large requests, or sixteen of a thousand sockets.
const WAITING_KIB_MAX: u32 = 64 * 1024;
/// What an event takes while it waits, beside itself.
const WAITING_BYTES: usize = 512;
/// Once so many events are drained no further submission is; the last may have 50,000, in several
/// syncs.
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

pub(super) struct Submission {
    pub(super) identity: Arc<Identity>,
    pub(super) events: Vec<CanonicalEvent>,
    pub(super) targets: Targets,
    pub(super) line: Line,
    pub(super) answer: oneshot::Sender<Vec<Answer>>,
}

/// What the appender says of one event.
pub(super) enum Answer {
    Given(Result<Outcome, RelayError>),
    /// Its id was used by a record that must be read to answer; the asker does.
    Repeats(Box<Repetition>),
}

/// Where one event stands, and what makes its answer true.
enum Placed {
    /// An earlier sync, or nothing at all: the next sync changes nothing about it.
    Before(Answer),
    /// The next sync. Should that fail, it is undecided: also for a repetition of what waits for it.
    Now(Result<Outcome, RelayError>),
}

/// Hands events to the appender's thread.
#[derive(Clone)]
pub(super) struct Submissions {
    sender: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    pub(super) gates: Gates,
}

/// A submission, and the room it takes until it is answered.
struct Waiting {
    submission: Submission,
    _room: OwnedSemaphorePermit,
    _passing: Passing,
}

impl Submissions {
    /// Puts a submission in line, after waiting until there is room for it.
    pub(super) async fn send(&self, submission: Submission) -> Result<(), RelayError> {
        let _passing = self.gates.pass(&submission.events).await;
        let kib = submission.kib().min(WAITING_KIB_MAX);
        let _room = self.room.clone().acquire_many_owned(kib).await.map_err(|_| stopping())?;
        self.sender.send(Waiting { submission, _room, _passing }).map_err(|_| stopping())
    }
}

impl Submission {
    /// Its size in memory, about.
    fn kib(&self) -> u32 {
        let bytes = self.events.iter().map(|event| WAITING_BYTES + event.event().bytes());
        u32::try_from(bytes.sum::<usize>().div_ceil(1_024)).unwrap_or(u32::MAX)
    }
}

pub(super) fn stopping() -> RelayError {
    RelayError::Closed { reason: "the service is stopping".to_string() }
}

/// The appender's thread; why the log failed, where it did.
pub type Appending = JoinHandle<Result<(), String>>;

/// Starts the appender on a thread of its own; to be called on an async thread. It ends with
/// `stop`, after what was submitted by then, not when the last handle goes: a connection that
/// nobody closes keeps one. The service ends with it, too: when the log fails, each waiting and
/// later event is answered with an error, nothing more is written, and `stop` is cancelled. Only a
/// restart reads what a failed sync has left.
pub(super) fn spawn(
    writer: LogWriter,
    lookup: Lookup,
    kept: Arc<dyn KeptRecords>,
    hub: Hub,
    reception: Reception,
    syncs: Syncs,
    stop: CancellationToken,
) -> Result<(Submissions, Appending), RelayError> {
    let (sender, waiting) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(WAITING_KIB_MAX as usize));
    let batch = Batch::default();
    let (failed, is_fresh) = (None, false);
    let appender =
        Appender { writer, lookup, kept, hub, reception, syncs, batch, failed, is_fresh };
    let runtime = Handle::current();
    let thread = std::thread::Builder::new()
        .name("appender".to_string())
        .spawn(move || {
            // Also where it panics.
            let _ends_the_service = stop.clone().drop_guard();
            appender.run(waiting, &stop, &runtime)
        })
        .map_err(|error| RelayError::Closed { reason: error.to_string() })?;
    Ok((Submissions { sender, room, gates: Gates::default() }, thread))
}

/// When the newest record of a log was received.
pub(super) fn newest(log: &LogReader) -> Result<Micros, RelayError> {
    let head = log.head();
    let last = log.range(Offset(head.0.saturating_sub(1)), head)?;
    Ok(last.last().map_or(Micros(0), |record| record.received_at))
}

struct Appender {
    writer: LogWriter,
    lookup: Lookup,
    kept: Arc<dyn KeptRecords>,
    hub: Hub,
    reception: Reception,
    syncs: Syncs,
    batch: Batch,
    failed: Option<String>,
    /// Since the newest segment began, nothing came but what asks to erase what lies before it.
    is_fresh: bool,
}

/// What is being made durable by the next sync, and not yet in the lookup.
#[derive(Default)]
struct Batch {
    records: Vec<Arc<Record>>,
    /// Indexes into `records`, by [`id_key`].
    ids: HashMap<Vec<u8>, usize>,
    /// Where each conversation stands after `records`, by [`conversation_key`].
    standing: HashMap<Vec<u8>, Standing>,
}

/// Where a conversation stands.
struct Standing {
    conversation: Arc<Conversation>,
    /// Its first record is in the batch: only there can its ids have been used.
    is_new: bool,
}

/// A submission while its events are placed.
struct Placing {
    answer: oneshot::Sender<Vec<Answer>>,
    placed: Vec<Placed>,
}

impl Placing {
    /// Hands out the answers, all of which are true by now.
    fn answer(self) {
        let answers = self.placed.into_iter().map(|placed| match placed {
            Placed::Before(answer) => answer,
            Placed::Now(outcome) => Answer::Given(outcome),
        });
        // The sender may be gone; its events are kept all the same.
        let _ = self.answer.send(answers.collect());
    }
}

impl Appender {
    fn run(
        mut self,
        mut waiting: mpsc::UnboundedReceiver<Waiting>,
        stop: &CancellationToken,
        runtime: &Handle,
    ) -> Result<(), String> {
        let next = async |waiting: &mut mpsc::UnboundedReceiver<Waiting>| {
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
            let mut count = first.submission.events.len();
            let mut submissions = vec![first];
            while count < SYNC_EVENTS_MAX
                && let Ok(next) = waiting.try_recv()
            {
                count += next.submission.events.len();
                submissions.push(next);
            }
            let (submissions, until_answered): (Vec<_>, Vec<_>) = submissions
                .into_iter()
                .map(|Waiting { submission, _room, _passing }| (submission, (_room, _passing)))
                .unzip();
            self.append_all(submissions);
            drop(until_answered);
            if self.failed.is_some() {
                stop.cancel();
            }
        }
        self.failed.map_or(Ok(()), Err)
    }

    /// Places all events, one sync for each frame that they fill, and answers.
    fn append_all(&mut self, submissions: Vec<Submission>) {
        let received_at = self.reception.now();
        let mut all: Vec<Placing> = Vec::with_capacity(submissions.len());
        for Submission { identity, events, mut targets, line, answer } in submissions {
            all.push(Placing { answer, placed: Vec::with_capacity(events.len()) });
            let mut refused = line.refused();
            for (place, event) in events.into_iter().enumerate() {
                let target = targets.remove(&place);
                let erases = event.event().kind == Kind::Erase && !is_receipt(event.event());
                if erases && !self.is_fresh {
                    // What lies before it can then be let go of at once, and it stays.
                    self.sync(&mut all);
                    self.roll();
                }
                self.is_fresh = erases;
                let placed = self.place(&identity, event, target, &received_at, &mut refused);
                if let Some(placing) = all.last_mut() {
                    placing.placed.push(placed);
                }
                if self.writer.is_full() {
                    self.sync(&mut all);
                    // Who came before this one waits for none of its syncs.
                    let whole = all.len() - 1;
                    all.drain(..whole).for_each(Placing::answer);
                }
            }
        }
        self.sync(&mut all);
        all.into_iter().for_each(Placing::answer);
    }

    /// Makes what waits durable, or undecided.
    fn sync(&mut self, all: &mut [Placing]) {
        let durable = self.make_durable();
        for placed in all.iter_mut().flat_map(|placing| &mut placing.placed) {
            if let Placed::Now(outcome) = placed {
                let outcome = std::mem::replace(outcome, Err(stopping()));
                let outcome = match &durable {
                    Ok(()) => outcome,
                    Err(reason) => Err(RelayError::Closed { reason: reason.clone() }),
                };
                *placed = Placed::Before(Answer::Given(outcome));
            }
        }
    }

    fn place(
        &mut self,
        identity: &Identity,
        event: CanonicalEvent,
        target: Option<Target>,
        received_at: &Result<Micros, Held>,
        refused: &mut Refused,
    ) -> Placed {
        let key = conversation_key(event.shop(), &event.event().conversation);
        if let Err(error) = refused.check(&key, &event) {
            return Placed::Before(Answer::Given(Err(error)));
        }
        let id = event.event().id.clone();
        let appended = self.append(identity, &key, event, target, received_at);
        refused.note(key, id, appended.as_ref().err());
        appended.unwrap_or_else(|error| Placed::Before(Answer::Given(Err(error))))
    }

    /// Adds one event to the batch, or finds where its id was used.
    fn append(
        &mut self,
        identity: &Identity,
        conversation_key: &[u8],
        event: CanonicalEvent,
        target: Option<Target>,
        received_at: &Result<Micros, Held>,
    ) -> Result<Placed, RelayError> {
        let (before, is_new) = self.conversation(conversation_key)?;
        // First of all: a refusal must not tell a stranger which ids exist.
        require_writer(identity, &event.event().conversation, before.as_deref())?;
        let said = event.event();
        let id_key = id_key(event.shop(), &said.conversation, &said.id);
        if let Some(index) = self.batch.ids.get(&id_key) {
            return Ok(Placed::Now(kept::answer(&event, &self.batch.records[*index])));
        }
        let used = if is_new { None } else { self.lookup.used(&id_key)? };
        match used {
            Some(Used::Lately(record)) => {
                return Ok(Placed::Before(Answer::Given(kept::answer(&event, &record))));
            }
            Some(Used::At(offset)) => {
                let repetition = Box::new(Repetition { event, offset });
                return Ok(Placed::Before(Answer::Repeats(repetition)));
            }
            None => {}
        }
        if let Some(reason) = &self.failed {
            return Err(RelayError::Closed { reason: reason.clone() });
        }
        if self.lookup.is_full() {
            return Err(RelayError::LookupBehind);
        }
        let received_at = received_at.clone()?;
        require_conversation(event.event(), before.as_deref())?;
        require_opening(event.event(), before.as_deref())?;
        require_place(event.event(), before.as_deref())?;
        self.admit(identity, &event, target)?;
        let next = self.writer.head() + self.batch.records.len() as u64;
        let (record, after) = sequence(next, received_at, before, event);
        self.writer.append(record.clone())?;
        let ack = record.ack();
        self.batch.ids.insert(id_key, self.batch.records.len());
        let standing = Standing { conversation: after, is_new };
        self.batch.standing.insert(conversation_key.to_vec(), standing);
        self.batch.records.push(record);
        Ok(Placed::Now(Ok(Outcome { ack, duplicate: false })))
    }

    /// Refuses a change of what its sender may not change, and an answer to what its hearers may not know of.
    fn admit(
        &self,
        identity: &Identity,
        event: &CanonicalEvent,
        target: Option<Target>,
    ) -> Result<(), RelayError> {
        if let Some(id) = kept::answered_by(identity, event) {
            // Messages are taken while the archive is away: to what cannot be read now, too.
            let answered = self.target(event, id, target).ok().flatten();
            return answered.map_or(Ok(()), |answered| require_public(&answered));
        }
        let Some(id) = kept::target_of(event) else { return Ok(()) };
        let said = event.event();
        let conversation = &said.conversation;
        // What its sender does not hear is not there for them: a note's id is told from no other.
        let target = self.target(event, id, target)?;
        let Some(target) = target.filter(|target| hears(identity, &target.event)) else {
            let rule = format!("be the id of an earlier event of conversation `{conversation}`");
            return Err(FieldError::new("target", id, rule).into());
        };
        if said.kind == Kind::Erase { Ok(()) } else { require_owner(said, &target) }
    }

    /// The record that an event names.
    fn target(
        &self,
        event: &CanonicalEvent,
        id: &str,
        read: Option<Target>,
    ) -> Result<Option<Arc<Record>>, RelayError> {
        let key = id_key(event.shop(), &event.event().conversation, id);
        if let Some(index) = self.batch.ids.get(&key) {
            return Ok(Some(self.batch.records[*index].clone()));
        }
        if let Some(read) = read {
            return read.map(Some);
        }
        match self.lookup.used(&key)? {
            None => Ok(None),
            Some(Used::Lately(record)) => Ok(Some(record)),
            // Written behind since the event was put in line, so it is among the newest.
            Some(Used::At(offset)) => {
                Ok(Some(Arc::new(kept::at(self.kept.as_ref(), &(event.key(), offset))?)))
            }
        }
    }

    /// Where a conversation stands, and whether nothing of it is durable.
    fn conversation(&self, key: &[u8]) -> Result<(Option<Arc<Conversation>>, bool), RelayError> {
        if let Some(Standing { conversation, is_new }) = self.batch.standing.get(key) {
            return Ok((Some(conversation.clone()), *is_new));
        }
        let durable = self.lookup.conversation(key)?;
        let is_new = durable.is_none();
        Ok((durable, is_new))
    }

    fn make_durable(&mut self) -> Result<(), String> {
        let Batch { records, standing, ids: _ } = std::mem::take(&mut self.batch);
        if let Some(reason) = &self.failed {
            return Err(reason.clone());
        }
        if records.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        if let Err(error) = self.writer.commit() {
            self.fail(&error);
            return Err(error.to_string());
        }
        self.syncs.observe(records.len(), began.elapsed());
        let standing = standing.into_iter().map(|(key, standing)| (key, standing.conversation));
        self.lookup.add(&records, standing);
        self.hub.publish(&records);
        Ok(())
    }

    /// Lets the next record begin a segment of the log.
    fn roll(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.writer.roll()
        {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &LogError) {
        tracing::error!(%error, "the log failed: the service ends, and a restart reads what is there");
        self.failed = Some(error.to_string());
    }
}

/// The record of `event` at offset `next`, and where its conversation stands after it.
fn sequence(
    next: Offset,
    received_at: Micros,
    before: Option<Arc<Conversation>>,
    event: CanonicalEvent,
) -> (Arc<Record>, Arc<Conversation>) {
    let mut state = before.map(Arc::unwrap_or_clone).unwrap_or_default();
    let record = Record::new(next, received_at, &state.chain, event);
    state.add(&record);
    (Arc::new(record), Arc::new(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Chain, ConversationKey, Event, Origin, Seq};
    use crate::relay::held::DiskSpace;

    fn event(id: &str, sender: &str) -> CanonicalEvent {
        let json = format!(
            r#"{{"id":"{id}","conversation":"c","kind":"open","sender":{{"id":"{sender}","role":"customer"}}}}"#
        );
        CanonicalEvent::new("s", Origin::Live, None, Event::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn seqs_are_dense_and_each_leaf_is_chained_to_the_one_before() {
        let mut state: Option<Arc<Conversation>> = None;
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

    struct NothingKept;

    impl KeptRecords for NothingKept {
        fn at(&self, _: &[(ConversationKey, Offset)]) -> Result<Vec<Record>, RelayError> {
            Ok(Vec::new())
        }
    }

    fn appender(dir: &std::path::Path) -> Appender {
        let (writer, reader, _) = crate::log::open(&dir.join("log")).unwrap();
        let lookup = Lookup::open(&dir.join("lookup"), &reader).unwrap();
        Appender {
            syncs: Syncs::new(),
            writer,
            lookup,
            kept: Arc::new(NothingKept),
            hub: Hub::default(),
            reception: Reception::after(Micros(1), DiskSpace::of("/".into(), 0)),
            batch: Batch::default(),
            failed: None,
            is_fresh: false,
        }
    }

    fn placed(appender: &mut Appender, ids: &[&str]) -> Vec<Placing> {
        let identity = crate::access::operator("s");
        let place = |id: &&str| {
            let refused = &mut Refused::default();
            appender.place(&identity, event(id, "u1"), None, &Ok(Micros(1)), refused)
        };
        let placed = ids.iter().map(place).collect();
        vec![Placing { answer: oneshot::channel().0, placed }]
    }

    fn outcomes(all: Vec<Placing>) -> Vec<Option<bool>> {
        let outcome = |placed: Placed| match placed {
            Placed::Before(Answer::Given(outcome)) => outcome.ok().map(|kept| kept.duplicate),
            Placed::Before(Answer::Repeats(_)) | Placed::Now(_) => panic!("not settled"),
        };
        all.into_iter().flat_map(|placing| placing.placed).map(outcome).collect()
    }

    /// When the disk stalls, a client times out and repeats its message; both copies wait for one
    /// sync. It failed, and the second copy was acknowledged all the same: "a duplicate's first ack
    /// still stands", though the first had never been durable.
    #[test]
    fn a_repetition_within_a_sync_that_fails_is_undecided_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = appender(dir.path());
        let mut all = placed(&mut appender, &["a", "a", "b"]);
        appender.sync(&mut all);
        assert_eq!(outcomes(all), [Some(false), Some(true), Some(false)]);
        let mut all = placed(&mut appender, &["c", "c", "a"]);
        appender.writer.fail();
        appender.sync(&mut all);
        assert_eq!(outcomes(all), [None, None, Some(true)], "only what was durable before stands");
        assert_eq!(appender.writer.head(), Offset(2));
    }

    /// Over a socket each event is a submission of its own: a first message that was refused for now
    /// must not come to stand behind the second.
    #[test]
    fn what_follows_a_refused_event_in_its_line_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut appender = appender(dir.path());
        let (identity, line) = (crate::access::operator("s"), Line::default());
        let held = Held::DiskAlmostFull { free_mib: 1, reserve_mib: 2 };
        let mut is_taken = |id: &str, received_at: Result<Micros, Held>| {
            let refused = &mut line.refused();
            let placed = appender.place(&identity, event(id, "u1"), None, &received_at, refused);
            matches!(placed, Placed::Now(Ok(_)))
        };
        assert!(!is_taken("first", Err(held)));
        assert!(!is_taken("second", Ok(Micros(1))), "the first was not sent again");
        assert!(is_taken("first", Ok(Micros(1))));
        assert!(is_taken("second", Ok(Micros(1))));
        assert!(is_taken("third", Ok(Micros(1))));
    }

    /// A frame is what one sync makes durable, and has a size: a large submission takes several.
    #[test]
    fn a_submission_of_many_frames_is_kept_whole() {
        const EVENTS: usize = 10_000;
        let dir = tempfile::tempdir().unwrap();
        let mut appender = appender(dir.path());
        let events = (0..EVENTS).map(|number| event(&format!("{number:0100}"), "u")).collect();
        let (answer, mut answered) = oneshot::channel();
        let identity = Arc::new(crate::access::operator("s"));
        let (targets, line) = (Targets::new(), Line::default());
        appender.append_all(vec![Submission { identity, events, targets, line, answer }]);
        let answers = answered.try_recv().unwrap();
        assert_eq!(answers.len(), EVENTS);
        for (offset, answer) in answers.iter().enumerate() {
            let Answer::Given(Ok(outcome)) = answer else { panic!("event {offset} was refused") };
            assert_eq!(outcome.ack.offset, Offset(offset as u64));
        }
        drop(appender);
        let (_, log, recovered) = crate::log::open(&dir.path().join("log")).unwrap();
        assert_eq!(recovered.head, Offset(EVENTS as u64));
        assert_eq!(log.range(Offset(0), recovered.head).unwrap().len(), EVENTS);
    }
}
