//! What the fold has to remember, kept beside the tables. It may lag behind them and never runs
//! ahead: it is written after all of them have committed, so a crash in between only means that some
//! records are folded again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use fjall::{Database, Keyspace, PersistMode, Slice};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log_fold::{LogFold, Uncommitted};
use super::settled::TableCursors;
use super::versions::{Known, Versions};
use super::{ConversationState, FactsError, METRIC_VERSION};
use crate::durable::{
    bytes_under, copy_database, open_database, open_keyspace, put_in_place, require_room,
};
use crate::log::Forgotten;
use crate::model::{ConversationKey, Offset, Rules};

const CURSOR_KEY: &str = "cursor";
const VERSION_KEY: &str = "metric_version";
/// Open states that are decoded side by side at a start: × 1 KB.
const READ_AT_ONCE: usize = 4_096;
/// Parts of so many that are read before one is decoded.
const PARTS_READ: usize = 2;
/// Blocks that were read: resting states, one at a time, and once the open ones.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Stored states. All values but those of `meta` are MessagePack, structs by the names of their fields, or JSON where an
/// earlier program wrote them.
pub(crate) struct States {
    database: Database,
    /// shop 0 conversation → state, where an episode is open; read whole at each start
    open: Keyspace,
    /// shop 0 conversation → state, where none is: read when the conversation goes on. What is in
    /// `open` too has gone on, and is out of date here until it rests again
    resting: Keyspace,
    /// shop 0 conversation 0 id → what is known of it, for messages that were changed, and for
    /// what changed them
    changes: Keyspace,
    /// shop → rules
    rules: Keyspace,
    /// The cursor, the metric version, and the cursor of each table when the states were written
    meta: Keyspace,
    path: String,
}

impl States {
    /// Opens the store.
    ///
    /// # Errors
    /// Among others, states of another metric version: their rows mean something else.
    pub(crate) fn open(dir: &Path) -> Result<States, FactsError> {
        let database = open_database(dir, CACHE_BYTES)?;
        let keyspace = |name| open_keyspace(&database, name);
        let states = States {
            open: keyspace("open")?,
            resting: keyspace("resting")?,
            changes: keyspace("changes")?,
            rules: keyspace("rules")?,
            meta: keyspace("meta")?,
            path: dir.display().to_string(),
            database,
        };
        let version = METRIC_VERSION.to_be_bytes();
        match states.meta.get(VERSION_KEY)? {
            None => states.meta.insert(VERSION_KEY, version)?,
            Some(stored) if *stored == version => {}
            Some(stored) => {
                let Ok(found) = <[u8; 4]>::try_from(&*stored).map(i32::from_be_bytes) else {
                    return Err(states.damaged("a version of the metrics is not 4 bytes"));
                };
                let (path, want) = (states.path, METRIC_VERSION);
                return Err(FactsError::OtherMetrics { path, found, want });
            }
        }
        Ok(states)
    }

    /// First offset whose record these states have not seen.
    pub(crate) fn cursor(&self) -> Result<Offset, FactsError> {
        self.offset(CURSOR_KEY)
    }

    /// Where a table stood when the states were written. It can be further on, never less far.
    pub(crate) fn table_cursor(&self, table: &str) -> Result<Offset, FactsError> {
        self.offset(table)
    }

    /// The state of a conversation in which nothing is open; of a new one, where none is stored.
    pub(crate) fn resting(&self, key: &ConversationKey) -> Result<ConversationState, FactsError> {
        self.value(&self.resting, &key.to_bytes()).map(Option::unwrap_or_default)
    }

    /// What is known of an id by [`Versions`].
    pub(crate) fn known(&self, key: &[u8]) -> Result<Option<Known>, FactsError> {
        self.value(&self.changes, key)
    }

    /// The fold as it was when these states were written.
    pub(crate) fn fold(&self) -> Result<LogFold, FactsError> {
        let mut rules = HashMap::new();
        for entry in self.rules.iter() {
            let (key, value) = entry.into_inner()?;
            let shop = str::from_utf8(&key).map_err(|_| self.damaged("a key of `rules`"))?;
            rules.insert(shop.to_string(), self.decode::<Rules>(&value)?);
        }
        let mut fold = LogFold::new(rules);
        let decoded = |(key, value): (Slice, Slice)| {
            let key = ConversationKey::from_bytes(&key);
            let key = key.ok_or_else(|| self.damaged("a key of `open`"))?;
            Ok((key, self.decode(&value)?))
        };
        // Most of a start, where many are open: some are read while those before are decoded, on all cores.
        thread::scope(|scope| {
            let (read, reading) = mpsc::sync_channel(PARTS_READ);
            thread::Builder::new().spawn_scoped(scope, move || self.read_open(&read))?;
            for some in reading {
                let some: Vec<(Slice, Slice)> = some?;
                let states = some.into_par_iter().map(decoded);
                for (key, state) in states.collect::<Result<Vec<_>, FactsError>>()? {
                    fold.go_on_with(&key, state);
                }
            }
            Ok(fold)
        })
    }

    /// Reads the open states in parts, until the last, one that fails, or nobody takes them.
    fn read_open(&self, read: &SyncSender<Result<Vec<(Slice, Slice)>, fjall::Error>>) {
        let mut entries = self.open.iter();
        loop {
            let some = entries.by_ref().take(READ_AT_ONCE).map(|entry| entry.into_inner());
            let some = some.collect::<Result<Vec<_>, _>>();
            let is_last = some.as_ref().map_or(true, Vec::is_empty);
            if read.send(some).is_err() || is_last {
                return;
            }
        }
    }

    /// Stores what changed and moves the cursors, in one atomic write that is on stable storage when
    /// this returns.
    pub(crate) fn put(
        &self,
        uncommitted: &Uncommitted,
        versions: &Versions,
        tables: &TableCursors,
        cursor: Offset,
    ) -> Result<(), FactsError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (key, state) in &uncommitted.open {
            batch.insert(&self.open, key.to_bytes(), self.encode(&**state)?);
        }
        for (key, state) in &uncommitted.resting {
            let key = key.to_bytes();
            batch.remove(&self.open, key.clone());
            batch.insert(&self.resting, key, self.encode(&**state)?);
        }
        for (key, known) in versions.pending() {
            batch.insert(&self.changes, key.clone(), self.encode(known)?);
        }
        for (shop, rules) in &uncommitted.rules {
            batch.insert(&self.rules, shop.as_bytes(), self.encode(rules)?);
        }
        for (table, cursor) in tables.named() {
            batch.insert(&self.meta, table, cursor.0.to_be_bytes());
        }
        batch.insert(&self.meta, CURSOR_KEY, cursor.0.to_be_bytes());
        Ok(batch.commit()?)
    }

    /// Stores the states of a conversation without what was erased. Returns whether there was any.
    pub(crate) fn forget(
        &self,
        key: &ConversationKey,
        forgotten: &Forgotten,
    ) -> Result<bool, FactsError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let mut has_changed = false;
        for keyspace in [&self.open, &self.resting] {
            let state = self.value::<ConversationState>(keyspace, &key.to_bytes())?;
            if let Some(state) = state.and_then(|state| state.forgetting(key, forgotten)) {
                batch.insert(keyspace, key.to_bytes(), self.encode(&state)?);
                has_changed = true;
            }
        }
        if has_changed {
            batch.commit()?;
        }
        Ok(has_changed)
    }

    /// Refuses to have all that is stored twice where the disk's reserve would be touched.
    pub(crate) fn require_room(&self, reserve_bytes: u64) -> Result<(), FactsError> {
        let dir = Path::new(&self.path);
        Ok(require_room(dir, bytes_under(dir), reserve_bytes)?)
    }

    /// Writes all that is stored into new files; the old ones are gone.
    pub(crate) fn written_anew(self) -> Result<States, FactsError> {
        let dir = PathBuf::from(&self.path);
        let States { open, resting, changes, rules, meta, .. } = &self;
        let all = [
            ("open", open),
            ("resting", resting),
            ("changes", changes),
            ("rules", rules),
            ("meta", meta),
        ];
        let fresh = copy_database(&all, &dir)?;
        drop(self);
        put_in_place(&fresh, &dir)?;
        States::open(&dir)
    }

    fn offset(&self, name: &str) -> Result<Offset, FactsError> {
        let Some(bytes) = self.meta.get(name)? else { return Ok(Offset(0)) };
        let bytes: [u8; 8] =
            (*bytes).try_into().map_err(|_| self.damaged("a cursor is not 8 bytes"))?;
        Ok(Offset(u64::from_be_bytes(bytes)))
    }

    fn value<T: DeserializeOwned>(
        &self,
        keyspace: &Keyspace,
        key: &[u8],
    ) -> Result<Option<T>, FactsError> {
        keyspace.get(key)?.map(|value| self.decode(&value)).transpose()
    }

    fn decode<T: DeserializeOwned>(&self, value: &[u8]) -> Result<T, FactsError> {
        // No map of MessagePack begins so.
        if value.first() == Some(&b'{') {
            return serde_json::from_slice(value).map_err(|error| self.damaged(&error.to_string()));
        }
        rmp_serde::from_slice(value).map_err(|error| self.damaged(&error.to_string()))
    }

    fn encode(&self, value: &impl Serialize) -> Result<Vec<u8>, FactsError> {
        rmp_serde::to_vec_named(value).map_err(|error| self.damaged(&error.to_string()))
    }

    fn damaged(&self, detail: &str) -> FactsError {
        FactsError::StatesDamaged { path: self.path.clone(), detail: detail.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A conversation, and what is known of an id.
    #[test]
    fn states_are_read_as_they_were_written_and_as_earlier_programs_wrote_them() {
        let dir = tempfile::tempdir().unwrap();
        let states = States::open(dir.path()).unwrap();
        let key = ConversationKey::new("s", "c");
        let state = ConversationState {
            turns: 3,
            last_replier: Some("小王".to_string()),
            categories: vec![String::new(), "refund".to_string()],
            ..ConversationState::default()
        };
        states.resting.insert(key.to_bytes(), states.encode(&state).unwrap()).unwrap();
        assert_eq!(states.resting(&key).unwrap(), state);
        states.resting.insert(key.to_bytes(), serde_json::to_vec(&state).unwrap()).unwrap();
        assert_eq!(states.resting(&key).unwrap(), state);
        for known in
            [Known::Message { version: 3 }, Known::Change { message: "m".to_string(), version: 2 }]
        {
            states.changes.insert("k", states.encode(&known).unwrap()).unwrap();
            assert_eq!(states.known(b"k").unwrap(), Some(known));
        }
        states.resting.insert(key.to_bytes(), [0x93, 1]).unwrap();
        assert!(matches!(states.resting(&key), Err(FactsError::StatesDamaged { .. })));
    }

    /// They were called damaged, and whoever had a new program looked for a broken disk.
    #[test]
    fn states_of_another_version_of_the_metrics_are_refused_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let states = States::open(dir.path()).unwrap();
        let before = METRIC_VERSION - 1;
        states.meta.insert(VERSION_KEY, before.to_be_bytes()).unwrap();
        drop(states);
        let error = States::open(dir.path()).err().unwrap().to_string();
        let told = format!("version {before} of the metrics");
        assert!(error.contains(&told) && error.contains("rebuild facts"), "{error}");
        assert!(!error.contains("damaged"), "{error}");
    }
}
