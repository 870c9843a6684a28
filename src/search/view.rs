//! What one question sees of an index: its segments and its tail, as of one offset.

use rayon::prelude::*;
use tantivy::Term;

use super::answer::SearchAnswer;
use super::cursor::Place;
use super::deadline::{Deadline, SEARCH_TIME_MAX};
use super::fate::{Change, Fates};
use super::segment::Segment;
use super::{SearchError, SearchQuery};
use crate::index::IndexSnapshot;
use crate::index::schema::schema;
use crate::model::{Kind, Offset, Record};

/// What one question sees.
pub(super) struct View<'a> {
    pub(super) snapshot: &'a IndexSnapshot,
    pub(super) segments: Vec<Segment<'a>>,
    pub(super) shop: &'a str,
    /// Nothing from this offset on is looked at.
    pub(super) before: Offset,
    pub(super) deadline: Deadline,
}

impl<'a> View<'a> {
    pub(super) fn of(
        snapshot: &'a IndexSnapshot,
        query: &'a SearchQuery,
        deadline: Deadline,
    ) -> Result<View<'a>, SearchError> {
        let segments = Segment::all(snapshot).map_err(|error| snapshot.error(error))?;
        let applied = snapshot.applied();
        let before = query.after.map_or(applied, |cursor| cursor.complete_to.min(applied));
        Ok(View { snapshot, segments, shop: &query.shop, before, deadline })
    }

    /// What `look` finds in each segment, in their order; as many at once as there are cores.
    pub(super) fn in_each_segment<T: Send>(
        &self,
        look: impl Fn(&Segment<'a>) -> tantivy::Result<T> + Send + Sync,
    ) -> tantivy::Result<Vec<T>> {
        self.segments.par_iter().map(look).collect()
    }

    /// The shop's records that are not in the index yet.
    pub(super) fn tail(&self) -> impl Iterator<Item = &'a Record> {
        let (shop, before) = (self.shop, self.before);
        self.snapshot.tail().filter(move |record| record.shop == shop && record.offset < before)
    }

    /// Those of them that are of chats, and not about their keeping.
    pub(super) fn tail_of_chats(&self) -> impl Iterator<Item = &'a Record> {
        self.tail().filter(|record| !record.event.kind.is_administrative())
    }

    /// What an error of tantivy's means to whoever asked.
    pub(super) fn error(&self, source: tantivy::TantivyError) -> SearchError {
        if self.deadline.is_over() {
            return SearchError::TooLong(SEARCH_TIME_MAX);
        }
        SearchError::Index(self.snapshot.error(source))
    }

    /// A shop without a record is none: its name may be mistyped.
    pub(super) fn check_shop(&self) -> Result<(), SearchError> {
        let term = Term::from_field_text(schema().shop, self.shop);
        let is_known = self.snapshot.searcher().doc_freq(&term);
        if is_known.map_err(|error| self.error(error))? == 0 && self.tail().next().is_none() {
            return Err(SearchError::NoShop { shop: self.shop.to_string() });
        }
        Ok(())
    }

    pub(super) fn empty(&self, query: &SearchQuery) -> SearchAnswer {
        SearchAnswer {
            shop: query.shop.clone(),
            query: query.words.clone(),
            filters: query.filters.shown(query.zone),
            zone: query.zone,
            mode: query.mode,
            complete_to: self.before,
            total: 0,
            matches: Vec::new(),
            more_matches: 0,
            conversations: Vec::new(),
            next: None,
            looked_at: None,
            words: Vec::new(),
            looser: None,
            unknown: Vec::new(),
            taken_as_text: Vec::new(),
        }
    }

    pub(super) fn fates(&self, conversation: &str) -> tantivy::Result<Fates> {
        let mut changes = Vec::new();
        self.each_change(Some(conversation), &mut |_, place, change| {
            changes.push((place, change));
            true
        })?;
        Ok(Fates::of(changes))
    }

    /// Hands each edit and each retraction of the shop, or of one conversation of it, to `take`, with
    /// the name of its conversation, until `take` says that it is enough; false then.
    pub(super) fn each_change(
        &self,
        conversation: Option<&str>,
        take: &mut impl FnMut(String, Place, Change) -> bool,
    ) -> tantivy::Result<bool> {
        for segment in &self.segments {
            self.deadline.check()?;
            for document in segment.changes(self.shop, conversation, self.before)? {
                let stored = segment.stored(document)?;
                let shown = segment.shown(&stored, document)?;
                let Some(target) = shown.target else { continue };
                let text = stored.text.unwrap_or_default();
                let change = Change { kind: shown.kind, id: shown.id, target, text };
                if !take(segment.name_of(document)?, segment.place(document), change) {
                    return Ok(false);
                }
            }
        }
        for record in self.tail() {
            let event = &record.event;
            let is_meant =
                conversation.is_none_or(|conversation| event.conversation == conversation);
            let (true, Kind::Edit | Kind::Retract, Some(target)) =
                (is_meant, event.kind, &event.target)
            else {
                continue;
            };
            let text = event.text.clone().unwrap_or_default();
            let change =
                Change { kind: event.kind, id: event.id.clone(), target: target.clone(), text };
            let place = (record.occurred_at(), record.offset);
            if !take(event.conversation.clone(), place, change) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
