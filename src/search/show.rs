//! From the hits that were chosen to what is shown of them.

use super::answer::{ConversationHits, Hit};
use super::cursor::{Cursor, Place};
use super::fate::Fates;
use super::marks::Marks;
use super::newest::{Chosen, Source};
use super::view::View;
use crate::index::Shown;

impl<'a> View<'a> {
    pub(super) fn conversation(
        &self,
        chosen: Chosen<'a>,
        marks: &Marks,
    ) -> tantivy::Result<ConversationHits> {
        let fates = self.fates(&chosen.conversation)?;
        let last = chosen.hits.last().map(|(place, _)| *place).filter(|_| chosen.more > 0);
        let next = last.map(|hits| Cursor {
            complete_to: self.before,
            conversations: None,
            hits: Some(hits),
        });
        let hits = chosen.hits.into_iter();
        let hits = hits.map(|(place, source)| self.hit(place, source, marks, &fates));
        Ok(ConversationHits {
            conversation: chosen.conversation,
            hits: hits.collect::<tantivy::Result<_>>()?,
            more: chosen.more,
            next,
        })
    }

    fn hit(
        &self,
        (occurred_at, offset): Place,
        source: Source<'_>,
        marks: &Marks,
        fates: &Fates,
    ) -> tantivy::Result<Hit> {
        let (shown, text) = match source {
            Source::Tail(record) => (Shown::of(record), record.event.text.clone()),
            Source::Index { segment, document } => {
                let segment = &self.segments[segment];
                let stored = segment.stored(document)?;
                (segment.shown(&stored, document)?, stored.text)
            }
        };
        let text = text.unwrap_or_default();
        let spans = marks.spans(&text).into_iter().map(|span| (span.start, span.end)).collect();
        Ok(Hit {
            offset,
            seq: shown.seq,
            occurred_at,
            received_at: shown.received_at,
            origin: shown.origin,
            sender_id: shown.sender_id,
            sender_name: shown.sender_name,
            sender_role: shown.sender_role,
            kind: shown.kind,
            visibility: shown.visibility,
            automatic: shown.automatic,
            order: shown.order,
            attachments: shown.attachments,
            text,
            spans,
            retracted_at: fates.retracted_at(&shown.id),
            superseded_by: fates.superseded_by(&shown.id, offset),
            id: shown.id,
        })
    }
}
