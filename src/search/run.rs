//! From a question to its answer: one snapshot, in which the committed index and the tail count as
//! one.
//!
//! Invariants: the answer depends on snapshot and question alone; a record counts once, in the
//! index or in the tail; nothing at or above the offset it is complete to is in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::answer::SearchAnswer;
use super::clause::Asked;
use super::cursor::Cursor;
use super::deadline::{Deadline, SEARCH_TIME_MAX};
use super::hits::Hits;
use super::language::Node;
use super::looked_at::looked_at;
use super::looser::looser;
use super::marks::Marks;
use super::newest::choose;
use super::orders::with_orders;
use super::unknown::unknown;
use super::view::View;
use super::{Conversations, SearchError, SearchQuery, Whose, find, known};
use crate::index::schema::schema;
use crate::index::{FullTextReader, IndexError, IndexSnapshot};
use crate::log::Followed;

/// Searches that run at once; others wait for their turn.
const SEARCHES_AT_ONCE: usize = 4;

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
        self.in_turn(move |snapshot, deadline| run_within(snapshot, &query, deadline)).await
    }

    /// The shops of which there are records. For whoever may know of all of them.
    pub async fn shops(&self) -> Result<BTreeSet<String>, SearchError> {
        let snapshot = self.index.caught_up().await.snapshot().map_err(IndexError::from)?;
        let read = move || shops(&snapshot);
        tokio::task::spawn_blocking(read).await.map_err(SearchError::Task)?
    }

    /// Which conversations of `shop` an order, a customer or an agent is in, after waiting briefly for the
    /// index to have what is acknowledged now.
    pub async fn conversations(
        &self,
        shop: &str,
        whose: Whose,
        id: &str,
    ) -> Result<Conversations, SearchError> {
        let (query, id) = (SearchQuery::new(shop, ""), id.to_string());
        self.in_turn(move |snapshot, deadline| {
            let view = View::of(snapshot, &query, deadline)?;
            find::find(&view, whose, &id)
        })
        .await
    }

    /// Lets `answer` look at the index as it is once it is its turn, off the async threads. Dropped, it ends.
    async fn in_turn<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&IndexSnapshot, Deadline) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let turn = self.searching.clone().acquire_owned();
        let turn = tokio::time::timeout(SEARCH_TIME_MAX, turn).await;
        let Ok(Ok(turn)) = turn else {
            return Err(SearchError::TooMany { max: SEARCHES_AT_ONCE });
        };
        let (deadline, _asker) = Deadline::within(SEARCH_TIME_MAX);
        let snapshot = self.index.caught_up().await.snapshot().map_err(IndexError::from)?;
        let look = move || {
            let answer = answer(&snapshot, deadline);
            drop(turn);
            answer
        };
        tokio::task::spawn_blocking(look).await.map_err(SearchError::Task)?
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
    let typed = query;
    let (query, orders) = &with_orders(&view, query)?;
    let Some(root) = query.whole() else { return Ok(view.empty(query)) };
    let asked = Asked::of(&view, &root, query.mode)?;
    let of = |error| view.error(error);
    let sought = typed.root.as_ref().map(Node::sought).unwrap_or_default();
    let (hits, matches) =
        rayon::join(|| Hits::of(&view, &asked), || known::matches(&view, &sought));
    let hits = hits.map_err(of)?;
    let mut answer = view.empty(query);
    answer.filters.extend(orders.iter().map(|order| format!("order or text {order}")));
    answer.total = hits.count();
    (answer.matches, answer.more_matches) = matches.map_err(of)?;
    let no_fields = typed.root.as_ref().map(Node::no_fields).unwrap_or_default();
    answer.taken_as_text = no_fields.into_iter().map(str::to_string).collect();
    if answer.total == 0 {
        answer.unknown = unknown(&view, &root)?.unwrap_or_default();
        if answer.unknown.is_empty() {
            let (looked, words) = looked_at(&view, query)?;
            (answer.looked_at, answer.words) = (Some(looked), words);
            answer.looser = looser(&view, query)?;
        }
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
