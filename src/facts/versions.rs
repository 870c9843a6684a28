//! Which message an edit or a retraction is about, and which version of it an edit makes.
//!
//! A client may name the message or an earlier edit of it: both mean the message. For that, what was
//! changed is remembered for good, by id: edits are few, and are the only ids kept here. Whether an
//! id is a message at all is the relay's to check.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::FactsError;
use super::change_row::ChangeRow;
use super::states::States;
use crate::model::{Kind, Record};

/// What is known of an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Known {
    /// A message that was edited or retracted: its newest version.
    Message { version: u32 },
    /// An edit or a retraction of this message, and the version it left.
    Change { message: String, version: u32 },
}

/// What changed since the last commit, over what is stored.
#[derive(Default)]
pub(crate) struct Versions {
    pending: HashMap<Vec<u8>, Known>,
}

impl Versions {
    /// The row of an edit or a retraction; `None` for any other record. Taking the same record again
    /// gives the same row.
    pub(crate) fn take(
        &mut self,
        record: &Record,
        stored: &States,
    ) -> Result<Option<ChangeRow>, FactsError> {
        let event = &record.event;
        let (Kind::Edit | Kind::Retract, Some(target)) = (event.kind, &event.target) else {
            return Ok(None);
        };
        if let Some(Known::Change { message, version }) = self.known(record, &event.id, stored)? {
            return Ok(Some(ChangeRow::of(record, message, version)));
        }
        let message = match self.known(record, target, stored)? {
            Some(Known::Change { message, .. }) => message,
            _ => target.clone(),
        };
        let before = match self.known(record, &message, stored)? {
            Some(Known::Message { version }) => version,
            _ => 1,
        };
        let version = before.saturating_add(u32::from(event.kind == Kind::Edit));
        let change = Known::Change { message: message.clone(), version };
        self.pending.insert(key(record, &event.id), change);
        self.pending.insert(key(record, &message), Known::Message { version });
        Ok(Some(ChangeRow::of(record, message, version)))
    }

    /// What is to be stored.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (&Vec<u8>, &Known)> {
        self.pending.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    fn known(
        &self,
        record: &Record,
        id: &str,
        stored: &States,
    ) -> Result<Option<Known>, FactsError> {
        let key = key(record, id);
        match self.pending.get(&key) {
            Some(known) => Ok(Some(known.clone())),
            None => stored.known(&key),
        }
    }
}

/// `shop 0 conversation 0 id`
fn key(record: &Record, id: &str) -> Vec<u8> {
    [record.shop.as_str(), record.event.conversation.as_str(), id].join("\0").into_bytes()
}
