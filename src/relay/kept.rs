//! Records that were kept before: read back to answer a repetition with the ack of the first time,
//! and to judge an edit by what it edits, an answer by what it answers. Away from the appender, which never waits for a disk but
//! for its own sync.

use std::collections::HashMap;
use std::sync::Arc;

use super::lookup::{Lookup, Used, conversation_key, id_key};
use super::participants::require_writer;
use super::{Outcome, RelayError};
use crate::access::Identity;
use crate::model::{Audience, CanonicalEvent, ConversationKey, Kind, Kinded, Offset, Record};

/// What events name, where that had to be read: by their place among the events.
pub(super) type Targets = HashMap<usize, Target>;

/// What an event names, as it was read; or why it could not be.
pub(super) type Target = Result<Arc<Record>, RelayError>;

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
    if let Some(erased) = &record.erased {
        let (conversation, id) = (event.event().conversation.clone(), event.event().id.clone());
        return Err(RelayError::Erased { conversation, id, at: erased.at });
    }
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
        Kind::Edit | Kind::Retract | Kind::Erase => event.event().target.as_deref(),
        _ => None,
    }
}

/// The id that `event` answers, where customers will hear the answer and its sender may hear what they do not. An
/// answer of a customer is not looked at: a refusal would tell them which ids are those of notes.
pub(super) fn answered_by<'a>(identity: &Identity, event: &'a CanonicalEvent) -> Option<&'a str> {
    let said = event.event();
    let is_told = !identity.is_customer() && Audience::OtherSide.hears(said);
    said.reply_to.as_deref().filter(|_| is_told)
}

/// An earlier event of its conversation that an event changes or answers.
pub(super) struct Named {
    conversation: ConversationKey,
    id: String,
}

impl Named {
    pub(super) fn by(identity: &Identity, event: &CanonicalEvent) -> Option<Named> {
        let id = target_of(event).or_else(|| answered_by(identity, event))?.to_string();
        Some(Named { conversation: event.key(), id })
    }
}

/// What events name, where that is written and must be read, by their places in a submission. What
/// is not here the appender finds in memory, or not at all. One that cannot be read refuses the
/// events that change it and no other; of a conversation in which `identity` may not write nothing is
/// read, since all of it is refused.
pub(super) fn read_targets(
    kept: &dyn KeptRecords,
    lookup: &Lookup,
    identity: &Identity,
    all_named: Vec<(usize, Named)>,
) -> Targets {
    let mut targets = Targets::new();
    let mut places: HashMap<(ConversationKey, Offset), Vec<usize>> = HashMap::new();
    for (place, named) in all_named {
        match offset_of(lookup, identity, &named) {
            Ok(Some(offset)) => {
                places.entry((named.conversation, offset)).or_default().push(place);
            }
            Ok(None) => {}
            Err(error) => drop(targets.insert(place, Err(error))),
        }
    }
    let wanted: Vec<(ConversationKey, Offset)> = places.keys().cloned().collect();
    let all = kept.at(&wanted).ok();
    for (index, wanted) in wanted.iter().enumerate() {
        let record = match all.as_ref().and_then(|records| records.get(index)) {
            Some(record) => Ok(record.clone()),
            None => at(kept, wanted),
        };
        let record = record.map(Arc::new);
        for place in places.get(wanted).into_iter().flatten() {
            let target = record
                .as_ref()
                .map(Arc::clone)
                .map_err(|error| RelayError::Kept { kind: error.kind(), shown: error.to_string() });
            targets.insert(*place, target);
        }
    }
    targets
}

/// Where the record is written that an event names; `None` where there is nothing to read.
fn offset_of(
    lookup: &Lookup,
    identity: &Identity,
    named: &Named,
) -> Result<Option<Offset>, RelayError> {
    let ConversationKey { shop, id: conversation } = &named.conversation;
    let state = lookup.conversation(&conversation_key(shop, conversation))?;
    if state.is_none() || require_writer(identity, conversation, state.as_deref()).is_err() {
        return Ok(None);
    }
    match lookup.used(&id_key(shop, conversation, &named.id))? {
        Some(Used::At(offset)) => Ok(Some(offset)),
        Some(Used::Lately(_)) | None => Ok(None),
    }
}
