//! Records by conversation and by offset: what transcripts, resume and pages read.
//!
//! Invariants: records come in order and belong to the shop that was asked for, whatever the lookup
//! holds; a record that cannot be read is an error, never left out.
//! It does not decide who may read, and computes nothing.

mod error;
mod transcript;

use std::collections::HashMap;

use crate::log::LogReader;
use crate::model::{Offset, Record, Seq};
use crate::relay::Lookup;

pub use error::RecordsError;
pub use transcript::{Entry, Line, Message, Quote, transcript};

/// Records of a conversation read at once: × about 1 KiB = 10 MiB.
const PAGE_RECORDS: usize = 10_000;
/// Offsets this close are read in one go: reading on costs less than a second seek.
const READ_GAP_MAX: u64 = 256;

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
        let mut records = self.after(shop, conversation, Seq(0), PAGE_RECORDS)?;
        while let Some(last) = records.last().map(|record| record.seq) {
            let more = self.after(shop, conversation, last, PAGE_RECORDS)?;
            if more.is_empty() {
                return Ok(records);
            }
            records.extend(more);
        }
        Err(RecordsError::NoConversation { conversation: conversation.to_string() })
    }

    /// The next records of a conversation with a seq above `after`, in order, at most `count_max`.
    pub fn after(
        &self,
        shop: &str,
        conversation: &str,
        after: Seq,
        count_max: usize,
    ) -> Result<Vec<Record>, RecordsError> {
        let mut records =
            self.at(shop, &self.lookup.offsets(shop, conversation, after, count_max)?)?;
        // Checked although the lookup names this conversation's only: transcripts are evidence.
        records.retain(|record| record.event.conversation == conversation);
        Ok(records)
    }

    /// The shop's records at `offsets`, which must ascend.
    pub fn at(&self, shop: &str, offsets: &[Offset]) -> Result<Vec<Record>, RecordsError> {
        let mut found = Vec::with_capacity(offsets.len());
        for run in offsets.chunk_by(|one, next| next.since(*one) <= READ_GAP_MAX) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let mut wanted = run.iter().peekable();
            for record in self.log.range(*first, last.next())? {
                if wanted.next_if_eq(&&record.offset).is_some() && record.shop == shop {
                    found.push(record);
                }
            }
        }
        Ok(found)
    }

    /// The shop's records at `offsets`, in any order, by their offsets.
    pub fn by_offset(
        &self,
        shop: &str,
        offsets: &[Offset],
    ) -> Result<HashMap<Offset, Record>, RecordsError> {
        let mut sorted = offsets.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        Ok(self.at(shop, &sorted)?.into_iter().map(|record| (record.offset, record)).collect())
    }
}
