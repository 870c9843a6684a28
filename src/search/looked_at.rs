//! What was looked at where nothing was found, and how many messages have each word alone.

use std::hash::{BuildHasher, RandomState};

use rayon::prelude::*;

use super::answer::{LookedAt, WordCount};
use super::clause::Asked;
use super::hits::Hits;
use super::language::Node;
use super::view::View;
use super::{SearchError, SearchQuery};
use crate::index::schema::Trait;
use crate::model::Micros;

/// What was looked at for `query`, and how many of it have each of its words.
pub(super) fn looked_at(
    view: &View<'_>,
    query: &SearchQuery,
) -> Result<(LookedAt, Vec<WordCount>), SearchError> {
    let filters = filters_of(query);
    let asked = filters.as_ref().map(|root| Asked::of(view, root, query.mode)).transpose()?;
    let of = |error| view.error(error);
    let looked = match &asked {
        Some(asked) => Hits::of(view, asked),
        None => Hits::all(view),
    };
    let mut looked = looked.and_then(|looked| count(&looked, view)).map_err(of)?;
    looked.erased = Hits::emptied(view, asked.as_ref()).map_err(of)?.count();
    Ok((looked, words(view, query, filters)?))
}

/// The parts of a question that all hits have and that say nothing of text: what must be so beside
/// the words.
fn filters_of(query: &SearchQuery) -> Option<Node> {
    let parts = match query.whole()? {
        Node::All(nodes) => nodes,
        node => vec![node],
    };
    Node::all(parts.into_iter().filter(|node| !has_words(node)).collect())
}

fn has_words(node: &Node) -> bool {
    match node {
        Node::Words(_) => true,
        Node::Field(_) => false,
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(has_words),
        Node::Not(node) => has_words(node),
    }
}

/// Counts for each word, where there are several.
fn words(
    view: &View<'_>,
    query: &SearchQuery,
    filters: Option<Node>,
) -> Result<Vec<WordCount>, SearchError> {
    let sought = query.root.as_ref().map(Node::sought).unwrap_or_default();
    if sought.len() < 2 {
        return Ok(Vec::new());
    }
    let mut counts: Vec<WordCount> = Vec::new();
    for words in sought {
        if counts.iter().any(|count| count.text == words.text) {
            continue;
        }
        let alone = filters.iter().cloned().chain([Node::Words(words.clone())]).collect();
        let Some(root) = Node::all(alone) else { continue };
        let asked = Asked::of(view, &root, query.mode)?;
        let hits = Hits::of(view, &asked).map_err(|error| view.error(error))?;
        counts.push(WordCount { text: words.text.clone(), messages: hits.count() });
    }
    Ok(counts)
}

/// What was looked at, where these are all.
fn count(all: &Hits<'_>, view: &View<'_>) -> tantivy::Result<LookedAt> {
    let mut looked = LookedAt::default();
    let mut newest = None;
    for (documents, segment) in all.of_segments.iter().zip(&view.segments) {
        let mut with_text = documents.clone();
        with_text.intersect_with(&*segment.cached(&Trait::Text.term())?);
        looked.messages += with_text.count();
        looked.without_text += documents.count() - with_text.count();
        // The greatest offset was received last.
        let last = segment.last_received(documents);
        if let Some((offset, document)) = last
            && newest.is_none_or(|(known, _)| known < offset)
        {
            let shown = segment.shown(&segment.stored(document)?, document)?;
            newest = Some((offset, shown.received_at));
        }
    }
    for record in &all.of_tail {
        match record.event.text {
            Some(_) => looked.messages += 1,
            None => looked.without_text += 1,
        }
        newest = Some((record.offset, record.received_at));
    }
    looked.conversations = conversations(all, view)?;
    looked.received_until = newest.map(|(_, received_at): (_, Micros)| received_at);
    Ok(looked)
}

/// In how many conversations these are. Names are told apart by 64 bits: among a million, two would share
/// them once in 37 million answers.
fn conversations(all: &Hits<'_>, view: &View<'_>) -> tantivy::Result<u64> {
    let hashes = RandomState::new();
    let of_segments = view.segments.par_iter().zip(&all.of_segments).map(|(segment, documents)| {
        let mut names = Vec::new();
        segment.each_name(documents, |name| names.push(hashes.hash_one(name)))?;
        Ok(names)
    });
    let of_segments = of_segments.collect::<tantivy::Result<Vec<Vec<u64>>>>()?;
    let of_tail =
        all.of_tail.iter().map(|record| hashes.hash_one(record.event.conversation.as_str()));
    // Sorted, since a set is read and written all over: of a million names, it was nearly all that a miss took.
    let mut names: Vec<u64> = of_segments.into_iter().flatten().chain(of_tail).collect();
    names.par_sort_unstable();
    names.dedup();
    Ok(names.len() as u64)
}
