//! The store that writes the lookup behind the log.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{
    CATCH_UP_RECORDS, CURSOR_KEY, Conversation, Lookup, LookupError, Written, conversation_key,
    id_key,
};
use crate::durable::{bytes_under, require_room};
use crate::log::{Batch, Forgot, Forgotten, LogReader, LogScan, Store};
use crate::model::{Offset, Record};

/// How often a long catching up says how far it is: about every ten seconds.
const SAY_EVERY_RECORDS: u64 = 1_000_000;

/// Writes what the overlay holds, and then takes it out of there.
pub struct LookupStore {
    lookup: Lookup,
    /// Applied and not yet written.
    records: Vec<Arc<Record>>,
    applied: Offset,
}

impl Store for LookupStore {
    const NAME: &'static str = "lookup";
    const FOLDERS: &'static [&'static str] = &["lookup"];
    /// Without it nobody can send anything.
    const PAUSE_MAX: Duration = Duration::from_secs(10);

    type Error = LookupError;
    /// The open lookup: the relay cannot place an event without it, so that it is open before the
    /// stores are.
    type Options = Lookup;
    type Reader = ();

    async fn open(
        _root: &Path,
        log: &LogReader,
        lookup: &Lookup,
        _reader: &(),
    ) -> Result<LookupStore, LookupError> {
        lookup.reopen_if_failed(log)?;
        let applied = lookup.cursor()?;
        Ok(LookupStore { lookup: lookup.clone(), records: Vec::new(), applied })
    }

    async fn committed(root: &Path) -> Result<Offset, LookupError> {
        let folder = root.join(Self::FOLDERS[0]);
        if folder.is_dir() { Written::open(&folder)?.cursor() } else { Ok(Offset(0)) }
    }

    fn applied(&self) -> Offset {
        self.applied
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), LookupError> {
        self.lookup.require_whole()?;
        self.applied = batch.end();
        self.records.extend(batch.into_records());
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, LookupError> {
        let end = self.lookup.overlay.read().end().min(self.applied);
        let ready = self.records.partition_point(|record| record.offset < end);
        let records: Vec<Arc<Record>> = self.records.drain(..ready).collect();
        let mut standing = HashMap::new();
        for record in &records {
            let key = conversation_key(&record.shop, &record.event.conversation);
            if let Entry::Vacant(entry) = standing.entry(key) {
                // As it stands now, which may be after later records: they are durable, and reading
                // them again changes nothing.
                let state = self.lookup.conversation(entry.key())?.unwrap_or_default();
                entry.insert(state);
            }
        }
        let written = write(&*self.lookup.written()?, &records, &standing, end);
        self.lookup.disk.has_failed.store(written.is_err(), Ordering::Release);
        written?;
        self.lookup.overlay.write().remove(&records, standing.keys(), end);
        Ok(end)
    }

    /// Only customers' ids are here: what a record says is in the record.
    async fn forget(&mut self, forgotten: &Forgotten) -> Result<Forgot, LookupError> {
        if !forgotten.has_customers() {
            return Ok(Forgot::All);
        }
        let dir = &self.lookup.disk.dir;
        if let Err(no_room) = require_room(dir, bytes_under(dir), forgotten.reserve_bytes()) {
            return Ok(Forgot::Waits(no_room.to_string()));
        }
        forgotten.note(Self::NAME, ["conversations".to_string()]);
        self.lookup.forget(forgotten)?;
        if !self.lookup.write_anew()? {
            return Ok(Forgot::once_read(false));
        }
        // The appender may have held a state while it changed: what it adds has the id again.
        let is_gone = !self.lookup.forget(forgotten)?;
        Ok(Forgot::once_read(is_gone))
    }
}

/// Brings what is written up to `end`, which the log has.
pub(super) fn catch_up(written: &Written, log: &LogReader, end: Offset) -> Result<(), LookupError> {
    let began_at = written.cursor()?;
    let mut scan = scan_from(began_at, written, log)?;
    let (mut cursor, mut said) = (began_at, began_at);
    while cursor < end {
        let count = usize::try_from(end.since(cursor)).unwrap_or(CATCH_UP_RECORDS);
        let batch = scan.next_batch(count.min(CATCH_UP_RECORDS))?;
        cursor = batch.end();
        if cursor.since(said) >= SAY_EVERY_RECORDS {
            said = cursor;
            tracing::info!(to = cursor.0, of = end.0, "the lookup is being read from the log");
        }
        let standing = standing_after(&batch, |key| {
            Ok(Arc::new(written.conversation(key)?.unwrap_or_default()))
        })?;
        write(written, batch.records(), &standing, batch.end())?;
    }
    Ok(())
}

/// Brings the overlay up to the log's head: nothing is written.
pub(super) fn read_ahead(lookup: &Lookup, log: &LogReader) -> Result<(), LookupError> {
    let mut scan = scan_from(lookup.cursor()?, &*lookup.written()?, log)?;
    loop {
        let batch = scan.next_batch(CATCH_UP_RECORDS)?;
        if batch.is_empty() {
            return Ok(());
        }
        let standing =
            standing_after(&batch, |key| Ok(lookup.conversation(key)?.unwrap_or_default()))?;
        lookup.add(batch.records(), standing);
    }
}

fn scan_from(cursor: Offset, written: &Written, log: &LogReader) -> Result<LogScan, LookupError> {
    let head = log.head();
    if cursor > head {
        let path = written.path.clone();
        return Err(LookupError::BeyondLog { path, cursor, head });
    }
    Ok(log.scan(cursor))
}

/// Where the conversations of `batch` stand after it; `before` says where one stood.
fn standing_after(
    batch: &Batch,
    before: impl Fn(&[u8]) -> Result<Arc<Conversation>, LookupError>,
) -> Result<HashMap<Vec<u8>, Arc<Conversation>>, LookupError> {
    let mut standing: HashMap<Vec<u8>, Arc<Conversation>> = HashMap::new();
    for record in batch.records() {
        let key = conversation_key(&record.shop, &record.event.conversation);
        let state = match standing.remove(&key) {
            Some(state) => state,
            None => before(&key)?,
        };
        let mut state = Arc::unwrap_or_clone(state);
        state.add(record);
        standing.insert(key, Arc::new(state));
    }
    Ok(standing)
}

/// One atomic write: ids, conversations, cursor. Sorted, since neighbours are quickest to insert.
fn write(
    written: &Written,
    records: &[Arc<Record>],
    standing: &HashMap<Vec<u8>, Arc<Conversation>>,
    cursor: Offset,
) -> Result<(), LookupError> {
    let entry = |record: &Arc<Record>| {
        (id_key(&record.shop, &record.event.conversation, &record.event.id), record.offset)
    };
    let mut ids: Vec<(Vec<u8>, Offset)> = records.iter().map(entry).collect();
    ids.sort_unstable();
    let mut conversations: Vec<(&Vec<u8>, &Arc<Conversation>)> = standing.iter().collect();
    conversations.sort_unstable_by_key(|(key, _)| *key);
    let mut batch = written.database.batch();
    for (key, offset) in ids {
        batch.insert(&written.ids, key, offset.0.to_be_bytes());
    }
    for (key, conversation) in conversations {
        batch.insert(&written.conversations, key.as_slice(), conversation.encode());
    }
    batch.insert(&written.meta, CURSOR_KEY, cursor.0.to_be_bytes());
    batch.commit().map_err(|source| written.failed(source))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::log::{self, LogWriter, OfConversation};
    use crate::model::testing::record;
    use crate::model::{ConversationKey, Pseudonyms};
    use crate::relay::lookup::Used;

    /// A message of conversation `c0`, `c1` or `c2`.
    fn message(offset: u64, chain: &mut [Conversation; 3]) -> Arc<Record> {
        let of = (offset % 3) as usize;
        let mut record = record(
            offset,
            format!(
                r#"{{"id":"m{offset}","conversation":"c{of}","kind":"message","text":"x","sender":{{"id":"u{of}","role":"customer"}}}}"#
            ),
        );
        record.seq = chain[of].chain.next_seq();
        chain[of].add(&record);
        Arc::new(record)
    }

    fn standing(chain: &[Conversation; 3]) -> Vec<(Vec<u8>, Arc<Conversation>)> {
        let of = |index: usize| {
            (conversation_key("s", &format!("c{index}")), Arc::new(chain[index].clone()))
        };
        (0..3).map(of).collect()
    }

    /// After a failed write fjall takes nothing more. The store opens it again while others read, and
    /// nothing that was durable is forgotten meanwhile.
    #[tokio::test]
    async fn a_lookup_whose_write_failed_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let (_, reader, _) = log::open(&dir.path().join("log")).unwrap();
        let lookup = Lookup::open(&dir.path().join("lookup"), &reader).unwrap();
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        let mut chain: [Conversation; 3] = Default::default();
        let records: Vec<Arc<Record>> = (0..6).map(|offset| message(offset, &mut chain)).collect();
        lookup.add(&records, standing(&chain));
        store.apply(Batch::new(Offset(0), records[..3].to_vec()).unwrap()).await.unwrap();
        store.commit().await.unwrap();
        lookup.disk.has_failed.store(true, Ordering::Release);
        drop(store);
        let still_reading = lookup.written().unwrap();
        let reading = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            drop(still_reading);
        });
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        reading.join().unwrap();
        assert_eq!((store.applied(), lookup.cursor().unwrap()), (Offset(3), Offset(3)));
        store.apply(Batch::new(Offset(3), records[3..].to_vec()).unwrap()).await.unwrap();
        assert_eq!(store.commit().await.unwrap(), Offset(6));
        for offset in 0..6 {
            let key = id_key("s", &format!("c{}", offset % 3), &format!("m{offset}"));
            assert!(lookup.used(&key).unwrap().is_some(), "m{offset}");
        }
    }

    /// The customer of conversation `c0` is erased.
    fn forgotten() -> Forgotten {
        let pseudonyms = Pseudonyms::new([7; 32]);
        let customers = [pseudonyms.of("s", "u0")].into();
        let of = OfConversation { customers, ..OfConversation::default() };
        Forgotten::new([(ConversationKey::new("s", "c0"), of)].into(), pseudonyms, 0)
    }

    /// Two messages of each conversation, written.
    async fn with_six(dir: &Path) -> (Lookup, LogWriter, LogReader) {
        let (mut writer, reader, _) = log::open(&dir.join("log")).unwrap();
        let mut chain: [Conversation; 3] = Default::default();
        for offset in 0..6 {
            writer.append(message(offset, &mut chain)).unwrap();
        }
        writer.commit().unwrap();
        (Lookup::open(&dir.join("lookup"), &reader).unwrap(), writer, reader)
    }

    fn knows_six(lookup: &Lookup) -> bool {
        (0..6).all(|offset| {
            let key = id_key("s", &format!("c{}", offset % 3), &format!("m{offset}"));
            matches!(lookup.used(&key), Ok(Some(Used::At(at))) if at == Offset(offset))
        })
    }

    fn customers(lookup: &Lookup) -> Vec<String> {
        let state = lookup.conversation(&conversation_key("s", "c0")).unwrap().unwrap();
        state.customers.clone()
    }

    /// A rename that failed once, amid an erasure, left the relay without a lookup until a restart: it
    /// took nothing, and said that it was ready.
    #[tokio::test]
    async fn a_lookup_that_cannot_be_put_in_place_answers_on_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (mut lookup, _writer, reader) = with_six(dir.path()).await;
        Arc::get_mut(&mut lookup.disk).unwrap().exchange =
            |_, _| Err(io::ErrorKind::StorageFull.into());
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        for _ in 0..2 {
            assert!(store.forget(&forgotten()).await.is_err());
            assert!(lookup.is_open() && knows_six(&lookup));
            store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
            assert_eq!(store.applied(), Offset(6));
        }
        drop(store);
        Arc::get_mut(&mut lookup.disk).unwrap().exchange = crate::durable::exchange;
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        assert_eq!(store.forget(&forgotten()).await.unwrap(), Forgot::All);
        assert!(knows_six(&lookup));
        assert_eq!(customers(&lookup), [Pseudonyms::new([7; 32]).of("s", "u0")]);
        assert!(!dir.path().join("lookup.anew").exists(), "what was overwritten is gone");
        drop((store, lookup));
        let again = Lookup::open(&dir.path().join("lookup"), &reader).unwrap();
        assert!(knows_six(&again));
    }

    /// For as long as the copy was put in its place, nobody of any shop was answered.
    #[tokio::test]
    async fn everybody_is_answered_while_the_lookup_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (lookup, _writer, reader) = with_six(dir.path()).await;
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        let is_done = Arc::new(AtomicBool::new(false));
        let (asked, done) = (lookup.clone(), is_done.clone());
        let asking = std::thread::spawn(move || {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                assert!(asked.is_open() && knows_six(&asked), "after {count} times");
                count += 1;
            }
            count
        });
        for _ in 0..5 {
            assert_eq!(store.forget(&forgotten()).await.unwrap(), Forgot::All);
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
    }

    /// Whoever asks while the lookup is written anew is answered, and what they read goes when they are
    /// done.
    #[tokio::test]
    async fn a_question_outlives_the_files_that_it_reads() {
        let dir = tempfile::tempdir().unwrap();
        let (lookup, _writer, reader) = with_six(dir.path()).await;
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        let still_reading = lookup.written().unwrap();
        let forgot = store.forget(&forgotten()).await.unwrap();
        assert!(matches!(forgot, Forgot::Waits(_)), "{forgot:?}");
        assert!(knows_six(&lookup), "others read the new files");
        let old = still_reading.conversation(&conversation_key("s", "c1")).unwrap();
        assert!(old.is_some_and(|state| state.customers == ["u1"]));
        assert!(dir.path().join("lookup.anew").exists());
        drop(still_reading);
        assert_eq!(store.forget(&forgotten()).await.unwrap(), Forgot::All);
        assert!(!dir.path().join("lookup.anew").exists());
    }

    /// However it came to be closed, it is opened again, and what is gone is read from the log first.
    #[tokio::test]
    async fn a_lookup_that_is_not_open_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let (lookup, _writer, reader) = with_six(dir.path()).await;
        lookup.close();
        assert!(!lookup.is_open());
        let store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        assert!(knows_six(&lookup));
        drop(store);
        lookup.close();
        std::fs::remove_dir_all(dir.path().join("lookup")).unwrap();
        let store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        assert!(knows_six(&lookup), "none of them is new");
        assert_eq!(store.applied(), Offset(6));
    }

    /// What is read is damaged while messages come in: what needs it waits, and once it is made anew
    /// everything is found where it was.
    #[tokio::test]
    async fn a_damaged_lookup_is_made_anew_from_the_log_and_the_overlay() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, reader, _) = log::open(&dir.path().join("log")).unwrap();
        let mut chain: [Conversation; 3] = Default::default();
        let mut append = |range: std::ops::Range<u64>, chain: &mut [Conversation; 3]| {
            let records: Vec<Arc<Record>> = range.map(|offset| message(offset, chain)).collect();
            records.iter().for_each(|record| writer.append(record.clone()).unwrap());
            writer.commit().unwrap();
            records
        };
        let first = append(0..6, &mut chain);
        let lookup = Lookup::open(&dir.path().join("lookup"), &reader).unwrap();
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        let later = append(6..9, &mut chain);
        lookup.add(&later, standing(&chain));
        let key = |offset: u64| id_key("s", &format!("c{}", offset % 3), &format!("m{offset}"));
        // A value of another length is what no checksum sees.
        lookup.written().unwrap().ids.insert(key(1), "cut").unwrap();
        assert!(matches!(lookup.used(&key(1)), Err(LookupError::Damaged { .. })));
        let batch = Batch::new(Offset(6), later.clone()).unwrap();
        assert!(store.apply(batch).await.is_err(), "so that it is opened again");
        drop(store);
        let store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        assert_eq!(store.applied(), Offset(9));
        assert_eq!(lookup.overlay.read().len(), 0, "what is written is in one place");
        for record in first.iter().chain(&later) {
            let used = lookup.used(&key(record.offset.0)).unwrap();
            assert!(matches!(used, Some(Used::At(at)) if at == record.offset), "{used:?}");
        }
        assert!(crate::relay::lookup_aside(&dir.path().join("lookup")).is_dir());
    }

    /// What a reader sees must not depend on what was written behind already.
    #[tokio::test]
    async fn written_or_not_the_answers_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (_, reader, _) = log::open(&dir.path().join("log")).unwrap();
        let lookup = Lookup::open(&dir.path().join("lookup"), &reader).unwrap();
        let mut store = LookupStore::open(dir.path(), &reader, &lookup, &()).await.unwrap();
        let mut chain: [Conversation; 3] = Default::default();
        let records: Vec<Arc<Record>> = (0..9).map(|offset| message(offset, &mut chain)).collect();
        lookup.add(&records[..6], standing(&chain));
        let seen = |upto: u64| {
            let of = |offset: u64| {
                let key = id_key("s", &format!("c{}", offset % 3), &format!("m{offset}"));
                lookup.used(&key).unwrap().map(|used| match used {
                    Used::Lately(record) => record.offset,
                    Used::At(offset) => offset,
                })
            };
            let ids: Vec<Option<Offset>> = (0..upto).map(of).collect();
            let conversations: Vec<_> = (0..3)
                .map(|index| {
                    let name = format!("c{index}");
                    let state = lookup.conversation(&conversation_key("s", &name)).unwrap();
                    (state, lookup.offsets("s", &name).unwrap())
                })
                .collect();
            (ids, conversations)
        };
        let before = seen(6);
        assert_eq!(before.0, (0..6).map(|offset| Some(Offset(offset))).collect::<Vec<_>>());
        assert_eq!(before.1[1].1, [Offset(1), Offset(4)]);
        // The log shows followers all nine; the appender has not added the last three yet.
        store
            .apply(log::batch(records.iter().map(|record| (**record).clone()).collect()))
            .await
            .unwrap();
        assert_eq!(store.commit().await.unwrap(), Offset(6));
        assert_eq!(seen(6), before);
        assert_eq!(lookup.overlay.read().len(), 0);
        lookup.add(&records[6..], standing(&chain));
        // Each conversation is in both halves now: an id that memory does not know is on the disk.
        assert_eq!(seen(9).0, (0..9).map(|offset| Some(Offset(offset))).collect::<Vec<_>>());
        assert_eq!(store.commit().await.unwrap(), Offset(9));
        assert_eq!(lookup.cursor().unwrap(), Offset(9));
        assert_eq!(seen(9).1[0].1, [Offset(0), Offset(3), Offset(6)]);
        assert_eq!(lookup.used(&id_key("s", "c0", "m1")).unwrap().map(|_| ()), None);
    }
}
