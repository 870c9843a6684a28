//! Old answers of the shop to its own notes. The relay refuses to answer in public what customers do not hear; what
//! it took before it did so names the ids of such events, and customers who come back read it.

use std::collections::HashSet;

use crate::model::{Audience, Record, Role};
use crate::records::Records;

/// Leaves `reply_to` out of records of one conversation where it names one that customers do not hear, or one that
/// cannot be read. What a customer named themselves stays: without it they would learn what it is that they named.
pub(super) fn leave_out_answers(kept: &Records, records: &mut [Record]) {
    let heard: HashSet<String> = records
        .iter()
        .filter(|record| Audience::OtherSide.hears(&record.event))
        .map(|record| record.event.id.clone())
        .collect();
    let names_another = |record: &&mut Record| {
        let answered = record.event.reply_to.as_ref();
        record.event.sender.role != Role::Customer && answered.is_some_and(|id| !heard.contains(id))
    };
    let mut answers: Vec<&mut Record> = records.iter_mut().filter(names_another).collect();
    let Some(first) = answers.first() else { return };
    let ids = answers.iter().filter_map(|record| record.event.reply_to.as_deref());
    let named = kept.events(&first.shop, &first.event.conversation, ids);
    let unheard = named.map(|named| -> HashSet<String> {
        let unheard = named.into_iter().filter(|record| !Audience::OtherSide.hears(&record.event));
        unheard.map(|record| record.event.id).collect()
    });
    for record in &mut answers {
        record.event.reply_to = record
            .event
            .reply_to
            .take()
            .filter(|id| unheard.as_ref().is_ok_and(|unheard| !unheard.contains(id)));
    }
}
