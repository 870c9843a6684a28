//! From candidates to hits: every candidate of every segment is counted or, where its terms prove
//! nothing, read and verified first.
//!
//! Two passes. The first counts all hits and finds the conversations with the first ones; the
//! second gathers the hits of those. What the first keeps is bounded: the best conversations, and
//! the hits' addresses as long as they are few. Cost (measured on 1 M messages): a candidate that
//! is proved 0.1 µs, one that must be read 0.7 µs, since neighbours share blocks and candidates
//! come in order; up to 4 µs where they are far between.

use std::collections::{BTreeSet, HashMap};

use tantivy::{DocAddress, Result};

use super::plan::Plan;
use super::question::{Question, Rank};
use super::segment::Segment;
use crate::index::IndexSnapshot;

/// What the first pass found in the index.
#[derive(Default)]
pub(super) struct Found {
    pub(super) total: u64,
    /// At least the best conversations asked for, each with its best hit.
    pub(super) best: HashMap<String, Rank>,
    /// Of every hit, unless they are more than are kept.
    addresses: Vec<DocAddress>,
}

/// The best hits of each conversation.
pub(super) type Gathered = HashMap<String, Vec<(Rank, DocAddress)>>;

/// First pass: all hits counted, the conversations with the best ones found.
pub(super) fn find(
    snapshot: &IndexSnapshot,
    plan: &Plan,
    question: &Question<'_>,
) -> Result<Found> {
    let searcher = snapshot.searcher();
    let mut found = Found::default();
    for number in 0..searcher.segment_readers().len() as u32 {
        let segment = Segment::open(searcher, number)?;
        let mut best: HashMap<u64, Rank> = HashMap::new();
        segment.each_hit(plan, question, |conversation, address, rank| {
            found.total += 1;
            if found.total <= question.bounds.kept_max {
                found.addresses.push(address);
            }
            let known = best.entry(conversation).or_insert(rank);
            *known = rank.max(*known);
            if best.len() > question.bounds.ranked_max {
                keep_best(&mut best, question.query.limit_conversations);
            }
        })?;
        keep_best(&mut best, question.query.limit_conversations);
        for (conversation, rank) in best {
            let known = found.best.entry(segment.name_of(conversation)?).or_insert(rank);
            *known = rank.max(*known);
        }
    }
    Ok(found)
}

/// Second pass: the best hits of the conversations in `chosen`.
pub(super) fn gather(
    snapshot: &IndexSnapshot,
    question: &Question<'_>,
    found: &Found,
    chosen: &BTreeSet<String>,
) -> Result<Gathered> {
    let searcher = snapshot.searcher();
    let mut gathered = Gathered::new();
    let plan = if found.total > question.bounds.kept_max {
        Some(Plan::new(snapshot, question.query, Some(chosen))?)
    } else {
        None
    };
    for number in 0..searcher.segment_readers().len() as u32 {
        let segment = Segment::open(searcher, number)?;
        let mut hits: HashMap<u64, Vec<(Rank, DocAddress)>> = segment
            .numbers_of(chosen)?
            .into_iter()
            .map(|conversation| (conversation, Vec::new()))
            .collect();
        let mut take = |conversation, address, rank| {
            if let Some(hits) = hits.get_mut(&conversation) {
                hits.push((rank, address));
                if hits.len() >= 2 * question.query.hits_per_conversation {
                    truncate_to_best(hits, question.query.hits_per_conversation);
                }
            }
        };
        match &plan {
            Some(plan) => segment.each_hit(plan, question, take)?,
            None => {
                let from = found.addresses.partition_point(|address| address.segment_ord < number);
                let of_segment = found.addresses[from..]
                    .iter()
                    .take_while(|address| address.segment_ord == number);
                for address in of_segment {
                    let rank = segment.rank(question.query.order, address.doc_id);
                    take(segment.conversation_of(address.doc_id), *address, rank);
                }
            }
        }
        for (conversation, hits) in hits.into_iter().filter(|(_, hits)| !hits.is_empty()) {
            let all = gathered.entry(segment.name_of(conversation)?).or_default();
            all.extend(hits);
            truncate_to_best(all, question.query.hits_per_conversation);
        }
    }
    Ok(gathered)
}

fn truncate_to_best<T: Ord>(hits: &mut Vec<T>, count: usize) {
    hits.sort_unstable_by(|left, right| right.cmp(left));
    hits.truncate(count);
}

fn keep_best(best: &mut HashMap<u64, Rank>, count: usize) {
    if best.len() > count {
        let mut ranks: Vec<Rank> = best.values().copied().collect();
        // No two records have the same rank: an offset is part of it.
        let (_, last, _) = ranks.select_nth_unstable_by(count - 1, |left, right| right.cmp(left));
        let last = *last;
        best.retain(|_, rank| *rank >= last);
    }
}
