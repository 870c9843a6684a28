//! A record as a tantivy document. Every record becomes one, with or without text: filters by
//! order, customer, agent and category find conversations through any of their records.

use tantivy::TantivyDocument;

use super::characters::is_stable;
use super::schema::{TEXT_STABLE, TEXT_UNSTABLE, schema};
use crate::model::{Event, Record, Role, Sender};

/// Most documents are shorter, and longer ones grow; the library would take a KiB for each.
const DOCUMENT_BYTES: usize = 512;

/// The document of `record`. Its text comes first, so that a reader of stored documents finds it
/// without reading on. The event is taken apart whole, so that a new field does not compile until
/// it is indexed or left out.
pub(super) fn document(record: &Record) -> TantivyDocument {
    let Event {
        id,
        conversation,
        kind,
        sender,
        customer,
        text,
        order,
        visibility,
        // Found as an agent.
        assignee,
        category,
        // `occurred_at` is indexed in its place.
        sent_at: _,
        // No search filters by these; SQL does.
        attachments: _,
        reply_to: _,
        target: _,
        channel: _,
        language: _,
        automatic: _,
        rating: _,
        data: _,
    } = &record.event;
    // A hit is shown with the name from its record.
    let Sender { id: sender_id, role, name: _ } = sender;
    let fields = schema();
    let mut document = TantivyDocument::with_capacity(DOCUMENT_BYTES);
    if let Some(text) = text {
        document.add_text(fields.text, text);
        document
            .add_u64(fields.text_form, if is_stable(text) { TEXT_STABLE } else { TEXT_UNSTABLE });
    }
    document.add_text(fields.id, id);
    document.add_i64(fields.offset, record.offset.signed());
    document.add_i64(fields.occurred_at, record.occurred_at().0);
    document.add_text(fields.shop, &record.shop);
    document.add_text(fields.conversation, conversation);
    document.add_text(fields.kind, kind.as_str());
    document.add_text(fields.sender_id, sender_id);
    document.add_text(fields.sender_role, role.as_str());
    document.add_text(fields.visibility, visibility.as_str());
    for (field, value) in [(fields.order, order), (fields.category, category)] {
        if let Some(value) = value {
            document.add_text(field, value);
        }
    }
    match role {
        Role::Customer => document.add_text(fields.customer, sender_id),
        Role::Human => document.add_text(fields.agent, sender_id),
        Role::Bot | Role::System => {}
    }
    if let Some(customer) = customer {
        document.add_text(fields.customer, customer);
    }
    if let Some(assignee) = assignee {
        document.add_text(fields.agent, assignee);
    }
    document
}
