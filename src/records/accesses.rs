//! Who looked at what, newest first: the records of a shop's `@access`, found by person, action, case and
//! time, a page at a time.
//!
//! Invariants: pages follow each other without gap or repeat, whatever is recorded meanwhile; each reads a
//! bounded number of records, and may therefore be empty while there is more behind it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Records, RecordsError};
use crate::model::{
    ACCESS_CONVERSATION, AccessAction, AccessEntry, AccessOutcome, ConversationKey, LeafHash,
    Micros, Offset, Record, Seq, access_id_at,
};

/// Records read for one page at most: × about 1 KiB (at worst 17 KiB) = 8 MiB (140 MiB).
const READ_MAX: usize = 8_192;
/// Records read at once.
const READ_STEP: usize = 512;

/// Which accesses are asked for; what is left out chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFilter {
    pub case: Option<String>,
    /// Subject of a token.
    pub person: Option<String>,
    pub action: Option<AccessAction>,
    pub outcome: Option<AccessOutcome>,
    pub conversation: Option<String>,
    pub order: Option<String>,
    /// At or after this.
    pub from: Option<Micros>,
    /// Before this.
    pub to: Option<Micros>,
}

/// One access as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accessed {
    pub offset: Offset,
    pub seq: Seq,
    pub leaf: LeafHash,
    pub received_at: Micros,
    /// When it was; of several that are summed up, the last.
    pub at: Micros,
    #[serde(flatten)]
    pub entry: AccessEntry,
}

/// Some accesses, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessPage {
    pub accesses: Vec<Accessed>,
    /// Where the next page begins; none where there is no further one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Records {
    /// The accesses of a shop that `filter` chooses, `limit` at most; of those before the place `before`,
    /// which an earlier page named as the next.
    pub fn accesses(
        &self,
        shop: &str,
        filter: &AccessFilter,
        before: Option<&str>,
        limit: usize,
    ) -> Result<AccessPage, RecordsError> {
        let key = ConversationKey::new(shop, ACCESS_CONVERSATION);
        let end = filter.to.map(access_id_at);
        let end = [end.as_deref(), before].into_iter().flatten().min();
        let mut end = end.map(str::to_string);
        let (mut page, mut read) = (AccessPage::default(), 0);
        while read < READ_MAX {
            let ids = self.lookup.last_ids(shop, ACCESS_CONVERSATION, end.as_deref(), READ_STEP)?;
            let wanted: Vec<(ConversationKey, Offset)> =
                ids.iter().map(|(_, offset)| (key.clone(), *offset)).collect();
            let records = self.at(&wanted)?;
            read += records.len();
            for record in &records {
                if filter.from.is_some_and(|from| record.event.id < access_id_at(from)) {
                    return Ok(AccessPage { next: None, ..page });
                }
                if page.accesses.len() == limit {
                    return Ok(page);
                }
                page.next = Some(record.event.id.clone());
                page.accesses.extend(Accessed::of(record).filter(|access| filter.chooses(access)));
            }
            match ids.last() {
                Some((last, _)) if ids.len() == READ_STEP => end = Some(last.clone()),
                _ => return Ok(AccessPage { next: None, ..page }),
            }
        }
        Ok(page)
    }
}

impl Accessed {
    /// What a record of the trail says; `None` of any other.
    pub fn of(record: &Record) -> Option<Accessed> {
        let data = record.event.data.as_ref()?;
        Some(Accessed {
            offset: record.offset,
            seq: record.seq,
            leaf: record.leaf,
            received_at: record.received_at,
            at: record.event.sent_time().unwrap_or(record.received_at),
            entry: AccessEntry::from_data(data.get())?,
        })
    }
}

impl AccessFilter {
    fn chooses(&self, accessed: &Accessed) -> bool {
        let AccessEntry { sub, access, .. } = &accessed.entry;
        let is =
            |wanted: &Option<String>, value: &Option<String>| wanted.is_none() || wanted == value;
        is(&self.case, &access.purpose.case)
            && is(&self.conversation, &access.conversation)
            && is(&self.order, &access.order)
            && self.person.as_ref().is_none_or(|person| person == sub)
            && self.action.is_none_or(|action| action == access.action)
            && self.outcome.is_none_or(|outcome| outcome == access.outcome)
            && self.from.is_none_or(|from| accessed.at >= from)
            && self.to.is_none_or(|to| accessed.at < to)
    }
}
