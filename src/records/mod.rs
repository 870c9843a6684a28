//! Records by conversation and by offset: what transcripts, resume and repetitions read.
//!
//! Invariants: records come in order and belong to the conversation that was asked for, whatever the
//! lookup holds; a record that cannot be read is an error, never left out.
//! It does not decide who may read, and computes nothing.

mod accesses;
mod error;

use std::collections::HashMap;

use crate::archive::{ArchiveError, ArchiveReader};
use crate::log::{LogError, LogReader, bytes_of};
use crate::model::{
    ConversationKey, Kinded, Offset, RULES_CONVERSATION, Record, RulesHistory, Seq,
};
use crate::relay::{KeptRecords, Lookup, RelayError, Used, conversation_key, id_key};

pub use accesses::{AccessFilter, AccessPage, Accessed};
pub use error::RecordsError;

/// How many records are read at first: their size tells whether the next may be more.
const PIECE_RECORDS_MIN: usize = 16;

/// How often a read is tried while the log is trimmed under it.
const TRIES_MAX: usize = 3;

/// Finds records through the lookup, and reads them from the log, or from the archive where the log
/// no longer has them.
#[derive(Clone)]
pub struct Records {
    log: LogReader,
    lookup: Lookup,
    archive: ArchiveReader,
}

/// How much is read at once.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    pub count_max: usize,
    /// Bytes in memory; the record that reaches it is the last.
    pub bytes_max: usize,
}

impl PageSize {
    /// All of it.
    pub const WHOLE: PageSize = PageSize { count_max: usize::MAX, bytes_max: usize::MAX };
}

/// Where the records of a conversation are, as far as it went when it was asked.
#[derive(Debug)]
pub struct Listing {
    key: ConversationKey,
    /// Of seq 1, 2, 3, …, since seqs are dense from 1.
    offsets: Vec<Offset>,
}

/// Some records of a conversation, in order.
#[derive(Debug, Default)]
pub struct Page {
    pub records: Vec<Record>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl Records {
    pub fn new(log: LogReader, lookup: Lookup, archive: ArchiveReader) -> Records {
        Records { log, lookup, archive }
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
        let records = self.after(shop, conversation, Seq(0), PageSize::WHOLE)?.records;
        if records.is_empty() {
            return Err(RecordsError::NoConversation { conversation: conversation.to_string() });
        }
        Ok(records)
    }

    /// The record of a conversation whose event has this id, if there is one.
    pub fn event(
        &self,
        shop: &str,
        conversation: &str,
        id: &str,
    ) -> Result<Option<Record>, RecordsError> {
        let offset = match self.lookup.used(&id_key(shop, conversation, id))? {
            Some(Used::Lately(record)) => return Ok(Some(Record::clone(&record))),
            Some(Used::At(offset)) => offset,
            None => return Ok(None),
        };
        Ok(self.at(&[(ConversationKey::new(shop, conversation), offset)])?.pop())
    }

    /// The records of a conversation whose events have these ids, as far as there are such, in no order.
    pub fn events<'a>(
        &self,
        shop: &str,
        conversation: &str,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Record>, RecordsError> {
        let key = ConversationKey::new(shop, conversation);
        let (mut found, mut written) = (Vec::new(), Vec::new());
        for id in ids {
            match self.lookup.used(&id_key(shop, conversation, id))? {
                Some(Used::Lately(record)) => found.push(Record::clone(&record)),
                Some(Used::At(offset)) => written.push((key.clone(), offset)),
                None => {}
            }
        }
        found.extend(self.at(&written)?);
        Ok(found)
    }

    /// What a shop has decided about its figures.
    pub fn rules(&self, shop: &str) -> Result<RulesHistory, RecordsError> {
        match self.conversation(shop, RULES_CONVERSATION) {
            Ok(records) => Ok(RulesHistory::of(&records)),
            Err(RecordsError::NoConversation { .. }) => Ok(RulesHistory::default()),
            Err(error) => Err(error),
        }
    }

    /// The next records of a conversation with a seq above `after`, in order: at most `count_max`, and
    /// no further one once they take `bytes_max` in memory.
    pub fn after(
        &self,
        shop: &str,
        conversation: &str,
        after: Seq,
        size: PageSize,
    ) -> Result<Page, RecordsError> {
        self.page(&self.listing(shop, conversation)?, after, size)
    }

    /// How many records a conversation has.
    pub fn count(&self, shop: &str, conversation: &str) -> Result<u64, RecordsError> {
        let standing = self.lookup.conversation(&conversation_key(shop, conversation))?;
        // Seqs are dense from 1.
        Ok(standing.map_or(0, |standing| u64::from(standing.chain.last_seq.0)))
    }

    /// Where the records of a conversation are. Whoever reads them page by page asks once: it reads the places
    /// of all.
    pub fn listing(&self, shop: &str, conversation: &str) -> Result<Listing, RecordsError> {
        let offsets = self.lookup.offsets(shop, conversation)?;
        Ok(Listing { key: ConversationKey::new(shop, conversation), offsets })
    }

    /// [`Records::after`], of those that are listed.
    pub fn page(
        &self,
        Listing { key, offsets }: &Listing,
        after: Seq,
        PageSize { count_max, bytes_max }: PageSize,
    ) -> Result<Page, RecordsError> {
        let offsets = offsets.get(after.0 as usize..).unwrap_or_default();
        let mut page = Page { records: Vec::new(), has_more: offsets.len() > count_max };
        let mut rest = &offsets[..offsets.len().min(count_max)];
        let (mut bytes, mut piece) = (0, PIECE_RECORDS_MIN);
        while !rest.is_empty() {
            let (wanted, later) = rest.split_at(rest.len().min(piece));
            let wanted: Vec<(ConversationKey, Offset)> =
                wanted.iter().map(|offset| (key.clone(), *offset)).collect();
            for record in self.at(&wanted)? {
                if bytes >= bytes_max {
                    page.has_more = true;
                    return Ok(page);
                }
                bytes += bytes_of(&record);
                page.records.push(record);
            }
            // Of long messages few are read in vain, of short ones many at once.
            let fit = bytes_max.saturating_sub(bytes) / (bytes / page.records.len()).max(1);
            piece = (piece * 4).min(fit + 1);
            rest = later;
        }
        Ok(page)
    }

    /// The records at these offsets, each of its conversation, in the order asked for.
    pub fn at(&self, wanted: &[(ConversationKey, Offset)]) -> Result<Vec<Record>, RecordsError> {
        for _ in 1..TRIES_MAX {
            match self.read(wanted) {
                // What was in the log a moment ago is in the archive alone now.
                Err(RecordsError::Log(LogError::Trimmed { .. })) => {}
                read => return take(read?, wanted),
            }
        }
        take(self.read(wanted)?, wanted)
    }

    /// What lies at these offsets.
    fn read(
        &self,
        wanted: &[(ConversationKey, Offset)],
    ) -> Result<HashMap<Offset, Record>, RecordsError> {
        let oldest = self.log.oldest();
        let mut logged: Vec<Offset> =
            wanted.iter().map(|(_, offset)| *offset).filter(|offset| *offset >= oldest).collect();
        logged.sort_unstable();
        logged.dedup();
        let mut found: HashMap<Offset, Record> = self
            .log
            .records_at(&logged)?
            .into_iter()
            .map(|record| (record.offset, record))
            .collect();
        let archived: Vec<Offset> =
            wanted.iter().map(|(_, offset)| *offset).filter(|offset| *offset < oldest).collect();
        if !archived.is_empty() {
            let snapshot = self.archive.snapshot().map_err(ArchiveError::from)?;
            let records = snapshot.records_at(&archived)?.into_iter();
            found.extend(records.map(|record| (record.offset, record)));
        }
        Ok(found)
    }
}

/// The wanted records, each of which must be there and of its conversation.
fn take(
    found: HashMap<Offset, Record>,
    wanted: &[(ConversationKey, Offset)],
) -> Result<Vec<Record>, RecordsError> {
    let record = |(key, offset): &(ConversationKey, Offset)| {
        let record = found.get(offset).filter(|record| record.conversation() == *key);
        record.cloned().ok_or(RecordsError::NotThere { offset: *offset })
    };
    wanted.iter().map(record).collect()
}

impl KeptRecords for Records {
    fn at(&self, wanted: &[(ConversationKey, Offset)]) -> Result<Vec<Record>, RelayError> {
        self.at(wanted)
            .map_err(|error| RelayError::Kept { kind: error.kind(), shown: error.to_string() })
    }
}
