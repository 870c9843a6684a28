//! Records by conversation and by offset: what transcripts, resume and repetitions read.
//!
//! Invariants: records come in order and belong to the conversation that was asked for, whatever the
//! lookup holds; a record that cannot be read is an error, never left out.
//! It does not decide who may read, and computes nothing.

mod error;
mod transcript;

use std::collections::HashMap;

use crate::log::LogReader;
use crate::model::{
    ConversationKey, Kinded, Offset, RULES_CONVERSATION, Record, RulesHistory, Seq,
};
use crate::relay::{KeptRecords, Lookup, RelayError};

pub use error::RecordsError;
pub use transcript::{Entry, Line, Message, Quote, transcript};

/// Finds records through the lookup and reads them from the log.
#[derive(Clone)]
pub struct Records {
    log: LogReader,
    lookup: Lookup,
}

impl Records {
    pub fn new(log: LogReader, lookup: Lookup) -> Records {
        Records { log, lookup }
    }

    /// Every record of a conversation, in order.
    ///
    /// # Errors
    /// [`RecordsError::NoConversation`] where there is none.
    pub fn conversation(
        &self,
        shop: &str,
        conversation: &str,
    ) -> Result<Vec<Record>, RecordsError> {
        let records = self.after(shop, conversation, Seq(0), usize::MAX)?;
        if records.is_empty() {
            return Err(RecordsError::NoConversation { conversation: conversation.to_string() });
        }
        Ok(records)
    }

    /// What a shop has decided about its figures.
    pub fn rules(&self, shop: &str) -> Result<RulesHistory, RecordsError> {
        match self.conversation(shop, RULES_CONVERSATION) {
            Ok(records) => Ok(RulesHistory::of(&records)),
            Err(RecordsError::NoConversation { .. }) => Ok(RulesHistory::default()),
            Err(error) => Err(error),
        }
    }

    /// The next records of a conversation with a seq above `after`, in order, at most `count_max`.
    pub fn after(
        &self,
        shop: &str,
        conversation: &str,
        after: Seq,
        count_max: usize,
    ) -> Result<Vec<Record>, RecordsError> {
        let key = ConversationKey::new(shop, conversation);
        // Seqs are dense from 1, so the conversation's offsets in order are those of seq 1, 2, 3, …
        let offsets = self.lookup.offsets(shop, conversation)?.into_iter();
        let wanted: Vec<Offset> = offsets.skip(after.0 as usize).take(count_max).collect();
        let records = self.at(&wanted)?;
        match records.iter().find(|record| record.conversation() != key) {
            Some(other) => Err(RecordsError::NotThere { offset: other.offset }),
            None => Ok(records),
        }
    }

    /// The shop's records at `offsets`, in any order, by their offsets. Those of others are left
    /// out.
    pub fn by_offset(
        &self,
        shop: &str,
        offsets: &[Offset],
    ) -> Result<HashMap<Offset, Record>, RecordsError> {
        let mut sorted = offsets.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let of_shop = self.at(&sorted)?.into_iter().filter(|record| record.shop == shop);
        Ok(of_shop.map(|record| (record.offset, record)).collect())
    }

    /// The records at `offsets`, which must ascend.
    fn at(&self, offsets: &[Offset]) -> Result<Vec<Record>, RecordsError> {
        Ok(self.log.records_at(offsets)?)
    }
}

impl KeptRecords for Records {
    fn at(&self, wanted: &[(ConversationKey, Offset)]) -> Result<Vec<Record>, RelayError> {
        let mut offsets: Vec<Offset> = wanted.iter().map(|(_, offset)| *offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let records = self
            .at(&offsets)
            .map_err(|error| RelayError::Kept { kind: error.kind(), shown: error.to_string() })?;
        let by_offset: HashMap<Offset, Record> =
            records.into_iter().map(|record| (record.offset, record)).collect();
        let found = |(key, offset): &(ConversationKey, Offset)| {
            let record = by_offset.get(offset).filter(|record| record.conversation() == *key);
            record.cloned().ok_or(RelayError::LostRecord { offset: *offset })
        };
        wanted.iter().map(found).collect()
    }
}
