//! Documents in which terms stand in a row.
//!
//! Of each slot of a phrase the places are read that its terms have, less the slot's own: where the phrase
//! would begin. Where all slots agree it does. The slot with the fewest documents goes first, so that of
//! the others only few are read.

use std::ops::Range;

use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Result};

use super::deadline::Deadline;
use super::piece::Phrase;
use super::segment::Segment;
use crate::index::columns::Located;
use crate::index::documents::Documents;
use crate::index::schema::schema;

/// Documents looked at together: × 8 bytes for each occurrence of the rarest slot is some 10 MB.
const TOGETHER: u32 = 1 << 20;
/// Postings are passed over one by one while at most so many of them lie between two documents wanted.
const SKIPPED_MAX: u64 = 16;

/// Where a phrase begins: document and place, so that they are in order as numbers are.
type Start = u64;

/// The documents of `within` that have `phrase`.
pub(super) fn documents_with_phrase(
    segment: &Segment<'_>,
    phrase: &Phrase,
    within: &Documents,
    deadline: &Deadline,
) -> Result<Documents> {
    let mut with_phrase = segment.none();
    if within.is_empty() {
        return Ok(with_phrase);
    }
    let index = segment.reader().inverted_index(schema().placed)?;
    let mut slots = Vec::with_capacity(phrase.0.len());
    for slot in &phrase.0 {
        let mut terms: Vec<Located> = Vec::new();
        segment.each_term(&slot.piece, &mut |term| {
            terms.push(term.clone());
            Ok(())
        })?;
        let documents: u64 = terms.iter().map(|term| u64::from(term.info.doc_freq)).sum();
        slots.push((documents, slot.place, terms));
    }
    slots.sort_by_key(|(documents, _, _)| *documents);
    let count = segment.reader().max_doc();
    for from in (0..count).step_by(TOGETHER as usize) {
        let range = from..from.saturating_add(TOGETHER).min(count);
        let mut wanted = within.only_in(range.clone());
        let mut agreed: Option<Vec<Start>> = None;
        for (_, place, terms) in &slots {
            let mut starts = Vec::new();
            let few = wanted.count() * SKIPPED_MAX;
            for Located { info: term, only } in terms {
                if only.is_some_and(|document| !wanted.contains(document)) {
                    continue;
                }
                deadline.check()?;
                let seeks = few < u64::from(term.doc_freq);
                add_starts(&mut starts, &index, term, *place, &wanted, range.clone(), seeks)?;
            }
            // Of each term they are in order.
            if terms.len() > 1 {
                starts.sort();
            }
            let left = match agreed {
                None => starts,
                Some(before) => in_both(&before, &starts),
            };
            wanted = segment.none();
            left.iter().for_each(|start| wanted.insert(document_of(*start)));
            if left.is_empty() {
                break;
            }
            agreed = Some(left);
        }
        with_phrase.union_with(&wanted);
    }
    Ok(with_phrase)
}

/// Adds where phrases may begin whose slot at `place` has the term, in documents of `wanted`, which are all
/// in `range`; `seeks` where they are few beside those of the term.
fn add_starts(
    starts: &mut Vec<Start>,
    index: &InvertedIndexReader,
    term: &TermInfo,
    place: u32,
    wanted: &Documents,
    range: Range<DocId>,
    seeks: bool,
) -> Result<()> {
    let positions = IndexRecordOption::WithFreqsAndPositions;
    let mut postings = index.read_postings_from_terminfo(term, positions)?;
    let mut places = Vec::new();
    let mut add = |postings: &mut SegmentPostings| {
        let document = u64::from(postings.doc()) << 32;
        postings.positions(&mut places);
        let begins = places.iter().filter_map(|at| at.checked_sub(place));
        starts.extend(begins.map(|begin| document | u64::from(begin)));
    };
    if seeks {
        for document in wanted.iter_in(range.start, range.end) {
            if postings.doc() < document {
                postings.seek(document);
            }
            if postings.doc() == document {
                add(&mut postings);
            }
        }
        return Ok(());
    }
    if postings.doc() < range.start {
        postings.seek(range.start);
    }
    while postings.doc() < range.end {
        if wanted.contains(postings.doc()) {
            add(&mut postings);
        }
        postings.advance();
    }
    Ok(())
}

/// Those of `left` that are in `right`, too; both are in order.
fn in_both(left: &[Start], right: &[Start]) -> Vec<Start> {
    let mut right = right.iter().peekable();
    let is_in = |start: &&Start| {
        while right.next_if(|other| *other < *start).is_some() {}
        right.peek() == Some(start)
    };
    left.iter().filter(is_in).copied().collect()
}

fn document_of(start: Start) -> DocId {
    // The upper half.
    (start >> 32) as DocId
}
