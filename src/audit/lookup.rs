//! The lookup against the records: each id leads to its record, and each conversation stands where
//! its records say.

use super::{AuditError, Check, Conversations};
use crate::model::{Offset, Record};
use crate::relay::{Lookup, Used, id_key};

pub(super) struct LookupCheck<'a> {
    lookup: &'a Lookup,
    check: Check,
    seen: u64,
}

impl<'a> LookupCheck<'a> {
    pub(super) fn new(lookup: &'a Lookup) -> Result<LookupCheck<'a>, AuditError> {
        let check = Check::new("lookup", Offset(0)..lookup.cursor()?);
        Ok(LookupCheck { lookup, check, seen: 0 })
    }

    /// Checks the id of `record`.
    pub(super) fn see(&mut self, record: &Record) -> Result<(), AuditError> {
        if record.offset >= self.check.to {
            return Ok(());
        }
        self.seen += 1;
        let event = &record.event;
        match self.lookup.used(&id_key(&record.shop, &event.conversation, &event.id))? {
            Some(Used::At(offset)) if offset == record.offset => self.check.checked += 1,
            Some(Used::Lately(kept)) if kept.offset == record.offset => self.check.checked += 1,
            Some(_) => self.check.find(record.offset, "the id leads to another record"),
            None => self.check.find(record.offset, "the id is missing"),
        }
        Ok(())
    }

    /// Checks that there is nothing more, and where each conversation stands.
    pub(super) fn finish(mut self, conversations: &Conversations) -> Result<Check, AuditError> {
        let (ids, kept) = self.lookup.counts()?;
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
            let stands = self.lookup.conversation(key)?;
            if stands.as_deref() != Some(expected) {
                let name = String::from_utf8_lossy(key).replace('\0', "/");
                let what = format!("conversation `{name}` does not stand where its records say");
                self.check.find(self.check.to, what);
            }
        }
        Ok(self.check)
    }
}
