//! Whether all stores hold the same: log = archive = index = lookup = ledger = facts = erasures, record
//! by record.
//!
//! Every record is read once, in the order of the log, from each place that keeps it. Its offset and
//! its seq must be the next, its leaf must follow from what it says now and from its conversation's
//! record before it, and each store must say of it what it says itself.
//!
//! Invariants: nothing is changed and nothing repaired; what was checked, and to which offset, is
//! said also where all is well. A store that cannot be opened or read is a finding, and the others
//! are compared without it. It knows no terminal, and does not open stores.

mod erasures;
mod error;
mod facts;
mod findings;
mod index;
mod ledger;
mod lookup;
mod records;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use crate::archive::ArchiveSnapshot;
use crate::erasure::ErasureReader;
use crate::facts::FactsReader;
use crate::index::IndexSnapshot;
use crate::ledger::LedgerReader;
use crate::log::LogReader;
use crate::model::Offset;
use crate::relay::{Conversation, Lookup};

pub use error::AuditError;
pub use findings::{Check, Finding, Report};
use records::Records;

/// Records held in memory at once: × about 1 KiB, from archive and log = 256 MiB.
const WINDOW_RECORDS: u64 = 131_072;

/// What is compared. The log's head is what it is complete to; each store to its own cursor.
pub struct Audited<'a> {
    pub log: &'a LogReader,
    /// First offset that no store has: beyond the log's head where the log has lost records.
    pub end: Offset,
    pub archive: Opened<ArchiveSnapshot>,
    pub index: Opened<IndexSnapshot>,
    pub lookup: Opened<Lookup>,
    /// `None` where it has not begun.
    pub ledger: Opened<Option<LedgerReader>>,
    pub facts: Opened<FactsReader>,
    pub erasures: Opened<ErasureReader>,
    /// A folder that is not there, where the facts are folded again.
    pub scratch: &'a Path,
}

/// A store, or why it cannot be opened.
pub type Opened<S> = Result<S, String>;

/// Where each conversation stands after the records that were checked, by its
/// [`crate::relay::conversation_key`].
type Conversations = HashMap<Vec<u8>, Conversation>;

/// Checks everything; `progress` hears to which offset.
///
/// # Errors
/// Where the facts cannot be folded again. What is wrong with a store is a finding.
pub async fn audit(
    stores: Audited<'_>,
    mut progress: impl FnMut(Offset),
) -> Result<Report, AuditError> {
    let Audited { log, end, archive, index, lookup, ledger, facts, erasures, scratch } = stores;
    let head = log.head();
    let mut records = Records::new(log, end, archive);
    let mut index = index::IndexCheck::new(index, head);
    let mut lookup = lookup::LookupCheck::new(lookup, head);
    let mut ledger = ledger::LedgerCheck::new(ledger, head);
    let mut erasures = erasures::ErasuresCheck::new(erasures, head);
    let mut facts = facts::FactsCheck::new(facts, log, scratch).await?;
    let mut from = Offset(0);
    while from < head {
        let to = (from + WINDOW_RECORDS).min(head);
        let window = records.window(from..to);
        for record in &window {
            index.see(record);
            lookup.see(record);
            ledger.see(record);
            erasures.see(record);
        }
        facts.see(window.into_iter().map(Arc::new).collect()).await?;
        from = to;
        progress(to);
    }
    let (mut checks, conversations) = records.finish();
    let shops: BTreeSet<&str> = conversations.keys().filter_map(|key| shop_of(key)).collect();
    checks.push(facts.finish(shops.into_iter()));
    checks.push(index.finish());
    checks.push(lookup.finish(&conversations));
    checks.push(ledger.finish());
    checks.push(erasures.finish());
    Ok(Report::new(head, log.oldest(), checks))
}

/// The shop of a [`crate::relay::conversation_key`].
fn shop_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key).ok()?.split_once('\0').map(|(shop, _)| shop)
}
