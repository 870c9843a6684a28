//! The conversations with the first hits, and the hits of each: without a look at the hits that come
//! later.
//!
//! Blocks of documents know their greatest time. Of all blocks with hits, the one with the greatest is
//! opened, then the next, until the best hit that is open comes before whatever the closed ones could
//! hold. So the newest of millions of hits are found by reading the columns of a few blocks.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

use tantivy::{DocId, Result};

use super::cursor::Place;
use super::hits::Hits;
use super::query::SearchQuery;
use super::rank::Rank;
use super::view::View;
use crate::index::columns::BLOCK_DOCUMENTS;
use crate::model::Record;

/// Where a hit is read from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Index { segment: usize, document: DocId },
    Tail(&'a Record),
}

/// One conversation of the answer.
pub(super) struct Chosen<'a> {
    pub(super) conversation: String,
    /// By which it is placed among the others.
    pub(super) rank: Rank,
    /// Those shown, the oldest first.
    pub(super) hits: Vec<(Place, Source<'a>)>,
    pub(super) more: u64,
}

/// The next conversations of the answer, one more than are asked for if there are more.
pub(super) fn choose<'a>(
    view: &View<'a>,
    query: &SearchQuery,
    hits: &Hits<'a>,
) -> Result<Vec<Chosen<'a>>> {
    let after = query.after.and_then(|cursor| cursor.conversations);
    let after = after.map(|place| Rank::of(query.order, place));
    let mut chosen: Vec<Chosen<'a>> = Vec::new();
    let mut seen = HashSet::new();
    // The name of a segment's conversation is read once.
    let mut numbers = HashSet::new();
    let mut opened = Opened::of(view, query, hits, after);
    while let Some(source) = opened.next(view, query, hits)? {
        let name = match source {
            Source::Index { segment, document } => {
                let of = &view.segments[segment];
                if !numbers.insert((segment, of.conversation_of(document))) {
                    continue;
                }
                of.name_of(document)?
            }
            Source::Tail(record) => record.event.conversation.clone(),
        };
        if !seen.insert(name.clone()) {
            continue;
        }
        if let Some(conversation) = gather(view, query, hits, name, after)? {
            chosen.push(conversation);
            if chosen.len() > query.limit_conversations {
                break;
            }
        }
    }
    Ok(chosen)
}

/// All hits of one conversation; `None` if it stood on an earlier page, or nothing of it is left to
/// show.
fn gather<'a>(
    view: &View<'a>,
    query: &SearchQuery,
    hits: &Hits<'a>,
    conversation: String,
    after: Option<Rank>,
) -> Result<Option<Chosen<'a>>> {
    let mut all: Vec<(Place, Source<'a>)> = Vec::new();
    for (number, segment) in view.segments.iter().enumerate() {
        let documents = segment.of_conversation(&conversation)?.into_iter();
        let documents = documents.filter(|document| hits.of_segments[number].contains(*document));
        all.extend(documents.map(|document| {
            (segment.place(document), Source::Index { segment: number, document })
        }));
    }
    let of_tail = hits.of_tail.iter().filter(|record| record.event.conversation == conversation);
    all.extend(of_tail.map(|record| ((record.occurred_at(), record.offset), Source::Tail(record))));
    let rank = all.iter().map(|(place, _)| Rank::of(query.order, *place)).max();
    let Some(rank) = rank.filter(|rank| after.is_none_or(|after| *rank < after)) else {
        return Ok(None);
    };
    if let Some(shown) = query.after.and_then(|cursor| cursor.hits) {
        all.retain(|(place, _)| *place > shown);
    }
    if all.is_empty() {
        return Ok(None);
    }
    all.sort_unstable_by_key(|(place, _)| *place);
    let more = all.len().saturating_sub(query.hits_per_conversation) as u64;
    all.truncate(query.hits_per_conversation);
    Ok(Some(Chosen { conversation, rank, hits: all, more }))
}

/// Hits and closed blocks, the first on top. Hits of earlier pages are left out.
struct Opened<'a> {
    heap: BinaryHeap<Entry<'a>>,
    after: Option<Rank>,
}

struct Entry<'a> {
    /// Of a hit its rank, of a block what none of its hits comes before.
    rank: Rank,
    what: What<'a>,
}

enum What<'a> {
    Hit(Source<'a>),
    Block { segment: usize, from: DocId },
}

impl<'a> Opened<'a> {
    fn of(
        view: &View<'a>,
        query: &SearchQuery,
        hits: &Hits<'a>,
        after: Option<Rank>,
    ) -> Opened<'a> {
        let of_tail = hits.of_tail.iter().map(|record| Entry {
            rank: Rank::of(query.order, (record.occurred_at(), record.offset)),
            what: What::Hit(Source::Tail(record)),
        });
        let of_tail = of_tail.filter(|entry| after.is_none_or(|after| entry.rank < after));
        let mut heap: BinaryHeap<Entry<'a>> = of_tail.collect();
        for (number, segment) in view.segments.iter().enumerate() {
            let starts = (0..).step_by(BLOCK_DOCUMENTS as usize);
            for (from, block) in starts.zip(segment.blocks()) {
                let mut inside = hits.of_segments[number].iter_in(from, from + BLOCK_DOCUMENTS);
                if inside.next().is_some() {
                    let what = What::Block { segment: number, from };
                    heap.push(Entry { rank: Rank::first_of(query.order, block), what });
                }
            }
        }
        Opened { heap, after }
    }

    /// The next hit in the order asked for.
    fn next(
        &mut self,
        view: &View<'a>,
        query: &SearchQuery,
        hits: &Hits<'a>,
    ) -> Result<Option<Source<'a>>> {
        while let Some(Entry { what, .. }) = self.heap.pop() {
            match what {
                What::Hit(source) => return Ok(Some(source)),
                What::Block { segment, from } => {
                    view.deadline.check()?;
                    let documents = hits.of_segments[segment].iter_in(from, from + BLOCK_DOCUMENTS);
                    let entries = documents.map(|document| Entry {
                        rank: Rank::of(query.order, view.segments[segment].place(document)),
                        what: What::Hit(Source::Index { segment, document }),
                    });
                    let after = self.after;
                    self.heap.extend(
                        entries.filter(|entry| after.is_none_or(|after| entry.rank < after)),
                    );
                }
            }
        }
        Ok(None)
    }
}

impl Ord for Entry<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Entry<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Entry<'_> {}
