//! How much memory a record takes, about: what bounds of tails, commits and batches count.

use crate::model::Record;

/// Bytes of a record in memory: itself and what its strings hold. Each column of it is smaller.
pub(super) fn bytes_of(record: &Record) -> usize {
    let event = &record.event;
    let optional = [
        &event.sender.name,
        &event.customer,
        &event.sent_at,
        &event.text,
        &event.reply_to,
        &event.target,
        &event.order,
        &event.channel,
        &event.language,
        &event.assignee,
        &event.category,
    ];
    let strings = [&record.shop, &event.id, &event.conversation, &event.sender.id];
    let attachments = event.attachments.iter().map(|file| {
        size_of_val(file) + file.sha256.len() + file.name.len() + file.media_type.len()
    });
    size_of::<Record>()
        + strings.iter().map(|string| string.len()).sum::<usize>()
        + optional.iter().filter_map(|string| string.as_ref()).map(String::len).sum::<usize>()
        + event.data.as_ref().map_or(0, |data| data.get().len())
        + record.by.as_ref().map_or(0, |by| by.sub.len())
        + attachments.sum::<usize>()
}
