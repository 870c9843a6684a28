//! The state of each conversation's fold, kept beside the tables. It may lag behind them and never
//! runs ahead: it is written after both have committed, so a crash in between only means that some
//! records are folded again.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::{ConversationState, FactsError, METRIC_VERSION};
use crate::model::{ConversationKey, Offset};

const CURSOR_KEY: &str = "cursor";
const VERSION_KEY: &str = "metric_version";
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// Stored states.
pub(crate) struct States {
    database: Database,
    /// shop 0 conversation → JSON of the state
    states: Keyspace,
    /// shop 0 conversation → nothing, for those with an open turn or episode
    open: Keyspace,
    meta: Keyspace,
    path: String,
}

impl States {
    /// Opens the store. States of another metric version are forgotten: their rows mean something
    /// else.
    pub(crate) fn open(dir: &Path) -> Result<States, FactsError> {
        let database = Database::builder(dir).cache_size(CACHE_BYTES).worker_threads(1).open()?;
        let keyspace = |name: &str| database.keyspace(name, KeyspaceCreateOptions::default);
        let states = States {
            states: keyspace("states")?,
            open: keyspace("open")?,
            meta: keyspace("meta")?,
            path: dir.display().to_string(),
            database,
        };
        let version = METRIC_VERSION.to_be_bytes();
        match states.meta.get(VERSION_KEY)? {
            None => states.meta.insert(VERSION_KEY, version)?,
            Some(stored) if *stored == version => {}
            Some(stored) => {
                let detail =
                    format!("metric version {}, want {METRIC_VERSION}", hex::encode(&stored));
                return Err(states.damaged(&detail));
            }
        }
        Ok(states)
    }

    /// First offset whose record these states have not seen.
    pub(crate) fn cursor(&self) -> Result<Offset, FactsError> {
        let Some(bytes) = self.meta.get(CURSOR_KEY)? else { return Ok(Offset(0)) };
        let bytes: [u8; 8] =
            (*bytes).try_into().map_err(|_| self.damaged("the cursor is not 8 bytes"))?;
        Ok(Offset(u64::from_be_bytes(bytes)))
    }

    pub(crate) fn get(&self, key: &ConversationKey) -> Result<ConversationState, FactsError> {
        match self.states.get(key.to_bytes())? {
            None => Ok(ConversationState::default()),
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| self.damaged(&error.to_string()))
            }
        }
    }

    /// Every conversation with something open, and its state.
    pub(crate) fn open_ones(
        &self,
    ) -> Result<Vec<(ConversationKey, ConversationState)>, FactsError> {
        let mut found = Vec::new();
        for entry in self.open.iter() {
            let key = entry.key()?;
            let key =
                ConversationKey::from_bytes(&key).ok_or_else(|| self.damaged("a key of `open`"))?;
            let state = self.get(&key)?;
            found.push((key, state));
        }
        Ok(found)
    }

    /// Replaces the states of these conversations and moves the cursor, in one atomic write.
    pub(crate) fn put<'a>(
        &self,
        states: impl Iterator<Item = (&'a ConversationKey, &'a ConversationState)>,
        cursor: Offset,
    ) -> Result<(), FactsError> {
        let mut batch = self.database.batch();
        for (key, state) in states {
            let json =
                serde_json::to_vec(state).map_err(|error| self.damaged(&error.to_string()))?;
            let key = key.to_bytes();
            if state.is_open() {
                batch.insert(&self.open, key.clone(), []);
            } else {
                batch.remove(&self.open, key.clone());
            }
            batch.insert(&self.states, key, json);
        }
        batch.insert(&self.meta, CURSOR_KEY, cursor.0.to_be_bytes());
        Ok(batch.commit()?)
    }

    fn damaged(&self, detail: &str) -> FactsError {
        FactsError::StatesDamaged { path: self.path.clone(), detail: detail.to_string() }
    }
}
