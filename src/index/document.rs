//! A record as a tantivy document. Every record becomes one, with or without text: filters by
//! order, customer, agent and category find conversations through any of their records.

use tantivy::TantivyDocument;

use super::characters::is_stable;
use super::known_as;
use super::schema::{Trait, schema};
use super::shown::Shown;
use crate::model::{Event, Record, Sender, Visibility};

/// Most documents are shorter, and longer ones grow; the library would take a KiB for each.
const DOCUMENT_BYTES: usize = 512;

/// The document of `record`. Its text comes first, so that a reader of stored documents finds it
/// without reading on. The event is taken apart whole, so that a new field does not compile until
/// it is indexed or left out.
pub(super) fn document(record: &Record) -> TantivyDocument {
    let Event {
        conversation,
        kind,
        sender: Sender { role, id: _, name: _ },
        text,
        attachments,
        visibility,
        category,
        // What is shown with a hit.
        id: _,
        target: _,
        automatic: _,
        // What orders, customers and agents are known as.
        order: _,
        customer: _,
        assignee: _,
        // `occurred_at` is indexed in its place.
        sent_at: _,
        // No search filters by these; SQL does.
        reply_to: _,
        channel: _,
        language: _,
        rating: _,
        data: _,
    } = &record.event;
    let fields = schema();
    let mut document = TantivyDocument::with_capacity(DOCUMENT_BYTES);
    if let Some(text) = text {
        document.add_text(fields.text, text);
        document.add_text(fields.placed, text);
    }
    document.add_bytes(fields.shown, &Shown::of(record).pack(record.occurred_at()));
    document.add_i64(fields.offset, record.offset.signed());
    document.add_i64(fields.occurred_at, record.occurred_at().0);
    document.add_text(fields.shop, &record.shop);
    document.add_text(fields.conversation, conversation);
    document.add_text(fields.kind, kind.as_str());
    document.add_text(fields.sender_role, role.as_str());
    if let Some(category) = category {
        document.add_text(fields.category, category);
    }
    known_as::terms_of(record).for_each(|term| document.add_text(fields.known_as, term));
    let traits = [
        (Trait::Text, text.is_some()),
        (Trait::UnstableText, text.as_ref().is_some_and(|text| !is_stable(text))),
        (Trait::Attachment, !attachments.is_empty()),
        (Trait::Private, *visibility == Visibility::Private),
    ];
    for (of_record, _) in traits.into_iter().filter(|(_, is_there)| *is_there) {
        document.add_u64(fields.traits, of_record as u64);
    }
    document
}
