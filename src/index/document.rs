//! A record as a tantivy document. Every record becomes one, with or without text: filters by order, customer, agent
//! and category find conversations through any of their records.

use tantivy::TantivyDocument;

use super::characters::is_stable;
use super::schema::{TEXT_STABLE, TEXT_UNSTABLE, schema};
use crate::model::{Record, Role};

/// The document of `record`. Its text comes first, so that a reader of stored documents finds it without reading on.
pub(super) fn document(record: &Record) -> TantivyDocument {
    let fields = schema();
    let event = &record.event;
    let mut document = TantivyDocument::new();
    if let Some(text) = &event.text {
        document.add_text(fields.text, text);
        document
            .add_u64(fields.text_form, if is_stable(text) { TEXT_STABLE } else { TEXT_UNSTABLE });
    }
    document.add_text(fields.id, &event.id);
    // Offsets stay far below 2^63.
    document.add_i64(fields.offset, record.offset.0 as i64);
    document.add_i64(fields.occurred_at, record.occurred_at().0);
    document.add_text(fields.shop, &record.shop);
    document.add_text(fields.conversation, &event.conversation);
    document.add_text(fields.kind, event.kind.as_str());
    document.add_text(fields.sender_id, &event.sender.id);
    document.add_text(fields.sender_role, event.sender.role.as_str());
    document.add_text(fields.visibility, event.visibility.as_str());
    for (field, value) in [
        (fields.order, &event.order),
        (fields.assignee, &event.assignee),
        (fields.category, &event.category),
    ] {
        if let Some(value) = value {
            document.add_text(field, value);
        }
    }
    match event.sender.role {
        Role::Customer => document.add_text(fields.customer, &event.sender.id),
        Role::Human => document.add_text(fields.agent, &event.sender.id),
        Role::Bot | Role::System => {}
    }
    if let Some(assignee) = &event.assignee {
        document.add_text(fields.agent, assignee);
    }
    document
}
