//! The lookup against the records: each id leads to its record, and each conversation stands where
//! its records say.

use super::{Check, Conversations, Opened};
use crate::model::{Offset, Record};
use crate::relay::{Lookup, LookupError, Used, id_key};

pub(super) struct LookupCheck {
    check: Check,
    /// `None` once it could not be read.
    lookup: Option<Lookup>,
    seen: u64,
}

impl LookupCheck {
    pub(super) fn new(lookup: Opened<Lookup>, head: Offset) -> LookupCheck {
        let opened = lookup.and_then(|lookup| match lookup.cursor() {
            Ok(cursor) => Ok((lookup, cursor)),
            Err(error) => Err(error.to_string()),
        });
        match opened {
            Ok((lookup, cursor)) => {
                let check = Check::new("lookup", Offset(0)..cursor);
                LookupCheck { check, lookup: Some(lookup), seen: 0 }
            }
            Err(error) => {
                let mut check = Check::new("lookup", Offset(0)..head);
                check.find_all(error);
                LookupCheck { check, lookup: None, seen: 0 }
            }
        }
    }

    /// Checks the id of `record`.
    pub(super) fn see(&mut self, record: &Record) {
        let Some(lookup) = self.lookup.as_ref().filter(|_| record.offset < self.check.to) else {
            return;
        };
        self.seen += 1;
        let event = &record.event;
        match lookup.used(&id_key(&record.shop, &event.conversation, &event.id)) {
            Ok(Some(Used::At(offset))) if offset == record.offset => self.check.checked += 1,
            Ok(Some(Used::Lately(kept))) if kept.offset == record.offset => self.check.checked += 1,
            Ok(Some(_)) => self.check.find(record.offset, "the id leads to another record"),
            Ok(None) => self.check.find(record.offset, "the id is missing"),
            Err(error) => {
                self.check.find_all(error.to_string());
                self.lookup = None;
            }
        }
    }

    /// Checks that there is nothing more, and where each conversation stands.
    pub(super) fn finish(mut self, conversations: &Conversations) -> Check {
        if let Some(lookup) = self.lookup.take()
            && let Err(error) = self.compare_conversations(&lookup, conversations)
        {
            self.check.find_all(error.to_string());
        }
        self.check
    }

    fn compare_conversations(
        &mut self,
        lookup: &Lookup,
        conversations: &Conversations,
    ) -> Result<(), LookupError> {
        // Of records that neither log nor archive have, nothing can be said here.
        if self.seen < self.check.to.0 {
            return Ok(());
        }
        let (ids, kept) = lookup.counts()?;
        if ids > self.seen {
            let what = format!("{} ids lead to no record", ids - self.seen);
            self.check.find(self.check.to, what);
        }
        if kept > conversations.len() as u64 {
            let what =
                format!("{} conversations have no record", kept - conversations.len() as u64);
            self.check.find(self.check.to, what);
        }
        for (key, expected) in conversations {
            let stands = lookup.conversation(key)?;
            if stands.as_deref() != Some(expected) {
                let name = String::from_utf8_lossy(key).replace('\0', "/");
                let what = format!("conversation `{name}` does not stand where its records say");
                self.check.find(self.check.to, what);
            }
        }
        Ok(())
    }
}
