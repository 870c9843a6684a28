//! From a question to its answer: one snapshot, in which the committed index and the tail count as
//! one.
//!
//! Invariants: the answer depends on snapshot and question alone; a record counts once, in the
//! index or in the tail.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tantivy::error::DataCorruption;
use tantivy::schema::{Field, Value};
use tantivy::{DocAddress, TantivyDocument};
use tokio::sync::Semaphore;

use super::candidates::{Found, find, gather};
use super::plan::Plan;
use super::question::{Bounds, Deadline, Question, Rank};
use super::scope::conversations;
use super::verify::{Haystack, Needle, merged};
use super::{ConversationHits, Hit, Mode, SearchAnswer, SearchError, SearchQuery};
use crate::index::schema::schema;
use crate::index::{FullTextReader, IndexError, IndexSnapshot};
use crate::log::Followed;
use crate::model::Record;

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
            let answer = run_within(&snapshot, &query, Bounds::USUAL, deadline);
            drop(turn);
            answer
        };
        tokio::task::spawn_blocking(search).await.map_err(SearchError::Task)?
    }
}

/// Answers `query` from `snapshot`. It blocks (disk, and CPU for as long as candidates must be
/// read): call it where blocking is allowed.
pub fn run(snapshot: &IndexSnapshot, query: &SearchQuery) -> Result<SearchAnswer, SearchError> {
    run_within(snapshot, query, Bounds::USUAL, Deadline::default())
}

/// [`run`] in more or less memory. The bounds change the way, never the answer.
pub(super) fn run_within(
    snapshot: &IndexSnapshot,
    query: &SearchQuery,
    bounds: Bounds,
    deadline: Deadline,
) -> Result<SearchAnswer, SearchError> {
    query.check()?;
    let scope = conversations(snapshot, query)?;
    let mode = if query.exact { Mode::Exact } else { Mode::Folded };
    let question = Question { query, needle: Needle::of(&query.text, mode), bounds, deadline };
    let of = |source| {
        if question.deadline.is_over() {
            return SearchError::TooLong(SEARCH_TIME_MAX);
        }
        SearchError::Index(snapshot.error(source))
    };
    let found = if scope.as_ref().is_some_and(BTreeSet::is_empty) {
        Found::default()
    } else {
        let plan = Plan::new(snapshot, query, scope.as_ref()).map_err(of)?;
        find(snapshot, &plan, &question).map_err(of)?
    };
    let in_tail = hits_of_tail(snapshot, &question, scope.as_ref());
    let chosen = choose(query, &found.best, &in_tail);
    let names: BTreeSet<String> = chosen.iter().cloned().collect();
    let mut in_index = gather(snapshot, &question, &found, &names).map_err(of)?;
    let mut answer = SearchAnswer {
        complete_to: snapshot.applied(),
        total: found.total + in_tail.len() as u64,
        conversations: Vec::with_capacity(chosen.len()),
    };
    for conversation in chosen {
        let of_index = in_index.remove(&conversation).unwrap_or_default();
        let of_index = of_index.into_iter().map(|(rank, address)| (rank, Source::Index(address)));
        let of_tail =
            in_tail.iter().filter(|(_, record)| record.event.conversation == conversation);
        let of_tail = of_tail.map(|(rank, record)| (*rank, Source::Tail(record)));
        let mut ranked: Vec<(Rank, Source<'_>)> = of_index.chain(of_tail).collect();
        ranked.sort_unstable_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        ranked.truncate(query.hits_per_conversation);
        let hits = ranked.into_iter().map(|(rank, source)| hit(snapshot, &question, rank, source));
        answer.conversations.push(ConversationHits {
            conversation,
            hits: hits.collect::<Result<_, _>>().map_err(of)?,
        });
    }
    Ok(answer)
}

/// Where a hit is read from.
enum Source<'a> {
    Index(DocAddress),
    Tail(&'a Record),
}

fn hits_of_tail<'a>(
    snapshot: &'a IndexSnapshot,
    question: &Question<'_>,
    scope: Option<&BTreeSet<String>>,
) -> Vec<(Rank, &'a Record)> {
    let query = question.query;
    snapshot
        .tail()
        .filter(|record| query.chooses(record))
        .filter(|record| scope.is_none_or(|scope| scope.contains(&record.event.conversation)))
        .filter(|record| {
            record
                .event
                .text
                .as_ref()
                .is_some_and(|text| question.needle.is_in(&Haystack::new(text)))
        })
        .map(|record| (Rank::new(query.order, record.occurred_at(), record.offset), record))
        .collect()
}

/// The conversations to show, in the order of their best hits.
fn choose(
    query: &SearchQuery,
    in_index: &HashMap<String, Rank>,
    in_tail: &[(Rank, &Record)],
) -> Vec<String> {
    let mut best: HashMap<&str, Rank> =
        in_index.iter().map(|(name, rank)| (name.as_str(), *rank)).collect();
    for (rank, record) in in_tail {
        let known = best.entry(&record.event.conversation).or_insert(*rank);
        *known = (*known).max(*rank);
    }
    let mut ranked: Vec<(Rank, &str)> = best.into_iter().map(|(name, rank)| (rank, name)).collect();
    ranked.sort_unstable_by(|left, right| right.cmp(left));
    ranked.into_iter().take(query.limit_conversations).map(|(_, name)| name.to_string()).collect()
}

fn hit(
    snapshot: &IndexSnapshot,
    question: &Question<'_>,
    rank: Rank,
    source: Source<'_>,
) -> Result<Hit, tantivy::TantivyError> {
    let (occurred_at, offset) = rank.time_and_offset(question.query.order);
    let mut hit = match source {
        Source::Tail(record) => Hit {
            offset,
            id: record.event.id.clone(),
            occurred_at,
            sender_id: record.event.sender.id.clone(),
            sender_role: record.event.sender.role,
            kind: record.event.kind,
            visibility: record.event.visibility,
            text: record.event.text.clone().unwrap_or_default(),
            spans: Vec::new(),
        },
        Source::Index(address) => {
            let document: TantivyDocument = snapshot.searcher().doc(address)?;
            let fields = schema();
            Hit {
                offset,
                id: stored(&document, fields.id)?.to_string(),
                occurred_at,
                sender_id: stored(&document, fields.sender_id)?.to_string(),
                sender_role: label(&document, fields.sender_role)?,
                kind: label(&document, fields.kind)?,
                visibility: label(&document, fields.visibility)?,
                text: stored(&document, fields.text)?.to_string(),
                spans: Vec::new(),
            }
        }
    };
    if !question.query.text.is_empty() {
        let spans = merged(question.needle.spans(&hit.text));
        hit.spans = spans.into_iter().map(|span| (span.start, span.end)).collect();
    }
    Ok(hit)
}

fn stored(document: &TantivyDocument, field: Field) -> Result<&str, tantivy::TantivyError> {
    document.get_first(field).and_then(|value| value.as_str()).ok_or_else(|| {
        let name = schema().schema.get_field_name(field);
        DataCorruption::comment_only(format!("a stored document has no `{name}`")).into()
    })
}

fn label<L: FromStr>(document: &TantivyDocument, field: Field) -> Result<L, tantivy::TantivyError> {
    let text = stored(document, field)?;
    text.parse().map_err(|_| {
        DataCorruption::comment_only(format!("a stored document has the label `{text}`")).into()
    })
}
