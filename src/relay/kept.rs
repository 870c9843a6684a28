//! Records that were kept before: read back to answer a repetition with the ack of the first time,
//! and to judge an edit by what it edits. Away from the appender, which never waits for a disk but
//! for its own sync.

use std::sync::Arc;

use super::lookup::{Lookup, Used, id_key};
use super::{Outcome, RelayError};
use crate::model::{CanonicalEvent, ConversationKey, Kind, Offset, Record};

/// Reads kept records back, wherever they lie. May block.
pub trait KeptRecords: Send + Sync {
    /// The records at these offsets, each of its conversation, in the order asked for.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    fn at(&self, wanted: &[(ConversationKey, Offset)]) -> Result<Vec<Record>, RelayError>;
}

/// An event whose id was used by the record at `offset`.
pub(super) struct Repetition {
    pub(super) event: CanonicalEvent,
    pub(super) offset: Offset,
}

/// Answers each repetition: with the first ack where the event says the same, else with a conflict.
/// One whose record cannot be read does not hide the others.
pub(super) fn answer_all(
    kept: &dyn KeptRecords,
    repetitions: &[Repetition],
) -> Vec<Result<Outcome, RelayError>> {
    let place = |repeated: &Repetition| (repeated.event.key(), repeated.offset);
    let places: Vec<(ConversationKey, Offset)> = repetitions.iter().map(place).collect();
    let all = kept.at(&places);
    let answered = |(index, repeated): (usize, &Repetition)| match &all {
        Ok(records) => records.get(index).map_or_else(
            || Err(RelayError::LostRecord { offset: repeated.offset }),
            |record| answer(&repeated.event, record),
        ),
        Err(_) => answer(&repeated.event, &at(kept, &places[index])?),
    };
    repetitions.iter().enumerate().map(answered).collect()
}

/// The answer to an event whose id `record` used.
pub(super) fn answer(event: &CanonicalEvent, record: &Record) -> Result<Outcome, RelayError> {
    if event.says_the_same_as(record) {
        return Ok(Outcome { ack: record.ack(), duplicate: true });
    }
    let (conversation, id) = (event.event().conversation.clone(), event.event().id.clone());
    Err(RelayError::Conflict { conversation, id })
}

/// One kept record.
pub(super) fn at(
    kept: &dyn KeptRecords,
    place: &(ConversationKey, Offset),
) -> Result<Record, RelayError> {
    let lost = RelayError::LostRecord { offset: place.1 };
    kept.at(std::slice::from_ref(place))?.pop().ok_or(lost)
}

/// The id that `event` changes, where it changes one.
pub(super) fn target_of(event: &CanonicalEvent) -> Option<&str> {
    match event.event().kind {
        Kind::Edit | Kind::Retract => event.event().target.as_deref(),
        _ => None,
    }
}

/// An event that changes an earlier one of its conversation.
pub(super) struct Change {
    conversation: ConversationKey,
    target: String,
}

impl Change {
    pub(super) fn of(event: &CanonicalEvent) -> Option<Change> {
        let target = target_of(event)?.to_string();
        Some(Change { conversation: event.key(), target })
    }
}

/// What is changed, where that is written and must be read. `None` where there is nothing to read:
/// the appender then finds it in memory, or not at all.
pub(super) fn read_target(
    kept: &dyn KeptRecords,
    lookup: &Lookup,
    Change { conversation, target }: &Change,
) -> Result<Option<Arc<Record>>, RelayError> {
    match lookup.used(&id_key(&conversation.shop, &conversation.id, target))? {
        Some(Used::At(offset)) => Ok(Some(Arc::new(at(kept, &(conversation.clone(), offset))?))),
        Some(Used::Lately(_)) | None => Ok(None),
    }
}
