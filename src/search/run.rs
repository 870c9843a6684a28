//! From a question to its answer: one snapshot, in which the committed index and the tail count as
//! one.
//!
//! Invariants: the answer depends on snapshot and question alone; a record counts once, in the
//! index or in the tail; nothing at or above the offset it is complete to is in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tantivy::Term;
use tokio::sync::Semaphore;

use super::answer::{ConversationHits, Hit, SearchAnswer};
use super::cursor::{Cursor, Place};
use super::deadline::Deadline;
use super::fate::{Change, Fates};
use super::language::{Node, QueryTree};
use super::leaf::Asked;
use super::looked_at::looked_at;
use super::marks::Marks;
use super::newest::{Chosen, Hits, Source, choose};
use super::segment::Segment;
use super::{Conversations, SearchError, SearchQuery, Whose, known};
use crate::index::documents::Documents;
use crate::index::schema::schema;
use crate::index::{FullTextReader, IndexError, IndexSnapshot, Shown};
use crate::log::Followed;
use crate::model::{Kind, Offset, Record};

/// Searches that run at once; others wait for their turn.
const SEARCHES_AT_ONCE: usize = 4;
/// Longest a search waits, and longest it runs.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(20);

/// Search over an index as it is now.
#[derive(Clone)]
pub struct Search {
    index: Followed<FullTextReader>,
    /// A permit for each search that may run now.
    searching: Arc<Semaphore>,
}

impl Search {
    /// Search over this index.
    pub fn new(index: Followed<FullTextReader>) -> Search {
        Search { index, searching: Arc::new(Semaphore::new(SEARCHES_AT_ONCE)) }
    }

    /// How many searches run now.
    pub fn running(&self) -> usize {
        SEARCHES_AT_ONCE.saturating_sub(self.searching.available_permits())
    }

    /// Answers a question off the async threads, after waiting briefly for the index to have what
    /// is acknowledged now. Dropped, it ends.
    pub async fn run(&self, query: SearchQuery) -> Result<SearchAnswer, SearchError> {
        query.check()?;
        let turn = self.searching.clone().acquire_owned();
        let turn = tokio::time::timeout(SEARCH_TIME_MAX, turn).await;
        let Ok(Ok(turn)) = turn else {
            return Err(SearchError::TooMany { max: SEARCHES_AT_ONCE });
        };
        let (deadline, _asker) = Deadline::within(SEARCH_TIME_MAX);
        let snapshot = self.index.caught_up().await.snapshot().map_err(IndexError::from)?;
        let search = move || {
            let answer = run_within(&snapshot, &query, deadline);
            drop(turn);
            answer
        };
        tokio::task::spawn_blocking(search).await.map_err(SearchError::Task)?
    }

    /// The shops of which there are records. For whoever may know of all of them.
    pub async fn shops(&self) -> Result<BTreeSet<String>, SearchError> {
        let snapshot = self.index.caught_up().await.snapshot().map_err(IndexError::from)?;
        let read = move || shops(&snapshot);
        tokio::task::spawn_blocking(read).await.map_err(SearchError::Task)?
    }
}

impl Search {
    /// Which conversations of `shop` an order, a customer or an agent is in, after waiting briefly for the
    /// index to have what is acknowledged now.
    pub async fn conversations(
        &self,
        shop: &str,
        whose: Whose,
        id: &str,
    ) -> Result<Conversations, SearchError> {
        let turn = self.searching.clone().acquire_owned();
        let turn = tokio::time::timeout(SEARCH_TIME_MAX, turn).await;
        let Ok(Ok(turn)) = turn else {
            return Err(SearchError::TooMany { max: SEARCHES_AT_ONCE });
        };
        let (deadline, _asker) = Deadline::within(SEARCH_TIME_MAX);
        let snapshot = self.index.caught_up().await.snapshot().map_err(IndexError::from)?;
        let (query, id) = (SearchQuery::new(shop, ""), id.to_string());
        let found = move || {
            let found = View::of(&snapshot, &query, deadline)
                .and_then(|view| super::find::find(&view, whose, &id));
            drop(turn);
            found
        };
        tokio::task::spawn_blocking(found).await.map_err(SearchError::Task)?
    }
}

/// Answers `query` from `snapshot`. It blocks (disk, and CPU for as long as messages must be
/// read): call it where blocking is allowed.
pub fn run(snapshot: &IndexSnapshot, query: &SearchQuery) -> Result<SearchAnswer, SearchError> {
    run_within(snapshot, query, Deadline::default())
}

pub(super) fn run_within(
    snapshot: &IndexSnapshot,
    query: &SearchQuery,
    deadline: Deadline,
) -> Result<SearchAnswer, SearchError> {
    query.check()?;
    let view = View::of(snapshot, query, deadline)?;
    view.check_shop()?;
    let Some(root) = query.whole() else { return Ok(view.empty(query)) };
    let asked = Asked::of(&view, &root, query.mode)?;
    let of = |error| view.error(error);
    let hits = hits_of(&view, &asked).map_err(of)?;
    let mut answer = view.empty(query);
    answer.total = hits.count();
    let tree = QueryTree { root: query.root.clone() };
    (answer.matches, answer.more_matches) = known::matches(&view, &tree).map_err(of)?;
    if answer.total == 0 {
        let (looked, words) = looked_at(&view, query)?;
        (answer.looked_at, answer.words) = (Some(looked), words);
        return Ok(answer);
    }
    let mut chosen = choose(&view, query, &hits).map_err(of)?;
    let has_next = chosen.len() > query.limit_conversations;
    chosen.truncate(query.limit_conversations);
    if let Some(last) = chosen.last().filter(|_| has_next) {
        let conversations = Some(last.rank.place(query.order));
        answer.next = Some(Cursor { complete_to: view.before, conversations, hits: None });
    }
    let marks = query
        .root
        .as_ref()
        .map_or_else(Marks::default, |root: &Node| Marks::of_tree(root, query.mode));
    let shown = chosen.into_iter().map(|chosen| view.conversation(chosen, &marks));
    answer.conversations = shown.collect::<tantivy::Result<_>>().map_err(of)?;
    Ok(answer)
}

/// The hits of `asked`, all of them.
pub(super) fn hits_of<'a>(view: &View<'a>, asked: &Asked) -> tantivy::Result<Hits<'a>> {
    let of_segment = |segment: &Segment<'_>| -> tantivy::Result<Documents> {
        segment.hits(asked, &segment.searched(view.shop, view.before)?, &view.deadline)
    };
    let of_segments = view.segments.iter().map(of_segment).collect::<tantivy::Result<_>>()?;
    let of_tail = view.tail().filter(|record| asked.holds(record)).collect();
    Ok(Hits { of_segments, of_tail })
}

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
    fn of(
        snapshot: &'a IndexSnapshot,
        query: &'a SearchQuery,
        deadline: Deadline,
    ) -> Result<View<'a>, SearchError> {
        let segments = Segment::all(snapshot).map_err(|error| snapshot.error(error))?;
        let applied = snapshot.applied();
        let before = query.after.map_or(applied, |cursor| cursor.complete_to.min(applied));
        Ok(View { snapshot, segments, shop: &query.shop, before, deadline })
    }

    /// The shop's records that are not in the index yet.
    pub(super) fn tail(&self) -> impl Iterator<Item = &'a Record> {
        let (shop, before) = (self.shop, self.before);
        self.snapshot.tail().filter(move |record| record.shop == shop && record.offset < before)
    }

    /// What an error of tantivy's means to whoever asked.
    pub(super) fn error(&self, source: tantivy::TantivyError) -> SearchError {
        if self.deadline.is_over() {
            return SearchError::TooLong(SEARCH_TIME_MAX);
        }
        SearchError::Index(self.snapshot.error(source))
    }

    /// A shop without a record is none: its name may be mistyped.
    fn check_shop(&self) -> Result<(), SearchError> {
        let term = Term::from_field_text(schema().shop, self.shop);
        let is_known = self.snapshot.searcher().doc_freq(&term);
        if is_known.map_err(|error| self.error(error))? == 0 && self.tail().next().is_none() {
            return Err(SearchError::NoShop { shop: self.shop.to_string() });
        }
        Ok(())
    }

    fn empty(&self, query: &SearchQuery) -> SearchAnswer {
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
        }
    }

    fn conversation(&self, chosen: Chosen<'a>, marks: &Marks) -> tantivy::Result<ConversationHits> {
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
            leaf: shown.leaf,
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

    fn fates(&self, conversation: &str) -> tantivy::Result<Fates> {
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
            let mut documents = segment.none();
            for kind in [Kind::Edit, Kind::Retract] {
                let term = Term::from_field_text(schema().kind, kind.as_str());
                documents.add(&*segment.wide(&term)?);
            }
            if let Some(conversation) = conversation {
                let mut within = segment.none();
                segment.add_conversation(&mut within, conversation)?;
                documents.keep(&within);
            }
            documents.keep(&*segment.of_shop(self.shop)?);
            segment.keep_below(&mut documents, self.before);
            for document in documents.iter() {
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

/// The shops of which `snapshot` has anything. It blocks.
pub fn shops(snapshot: &IndexSnapshot) -> Result<BTreeSet<String>, SearchError> {
    let mut shops: BTreeSet<String> = snapshot.tail().map(|record| record.shop.clone()).collect();
    for reader in snapshot.searcher().segment_readers() {
        let mut of_segment = || -> tantivy::Result<()> {
            let index = reader.inverted_index(schema().shop)?;
            let mut terms = index.terms().stream()?;
            while terms.advance() {
                shops.insert(String::from_utf8_lossy(terms.key()).into_owned());
            }
            Ok(())
        };
        of_segment().map_err(|error| snapshot.error(error))?;
    }
    Ok(shops)
}
