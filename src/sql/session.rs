//! From a query to its rows: a session for each, after a short wait for the stores to have what is
//! acknowledged now.
//!
//! Invariants: a session knows one shop's tables and nothing else; each store is as it was at one
//! instant, and the answer complete to what all of them had.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider,
};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use futures::StreamExt;
use tokio::sync::Semaphore;

use super::answer::{ANSWER_BYTES_MAX, ANSWER_ROWS_MAX, Answer, AnswerStream};
use super::bounded::Bound;
use super::ending::{Asker, Waiting};
use super::shop_tail::ShopTail;
use super::tables::{RowFilter, ShopTable};
use super::threads::Threads;
use super::{NamedQuery, SqlError, Value, functions, guard, named, views};
use crate::archive::{ArchiveError, ArchiveReader, events_schema};
use crate::facts::{FactsReader, FactsSnapshot, FactsTable};
use crate::log::{Followed, LogError, LogReader, Tail};
use crate::model::{Micros, Offset};
use crate::table::TableSnapshot;

/// Records that are read from the log where the archive is behind the facts: as many as wait for its
/// commit at most.
const BEYOND_RECORDS_MAX: u64 = 65_536;
/// Memory that one process's queries may take together; larger sorts and joins spill to disk.
const MEMORY_BYTES_MAX: usize = 768 * 1024 * 1024;
/// Disk that the process's queries may take together for what finds no room in memory.
const SPILL_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Questions that run at once: a dashboard asks seven.
const QUESTIONS_AT_ONCE: usize = 16;
/// Exports that run at once.
const EXPORTS_AT_ONCE: usize = 16;
/// How long a query waits for its turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest a query may run.
const QUERY_TIME_MAX: Duration = Duration::from_secs(60);

/// SQL over the archive and the facts as they are now.
#[derive(Clone)]
pub struct Sql {
    archive: Followed<ArchiveReader>,
    facts: Followed<FactsReader>,
    queries: PathBuf,
    zone: Tz,
    /// Shared: its lists of functions are long, and every request and socket has a `Sql`.
    base: Arc<SessionState>,
    /// A permit for each question that may run now.
    asking: Arc<Semaphore>,
    /// A permit for each export: whoever reads one slowly holds up no question.
    exporting: Arc<Semaphore>,
    threads: Threads,
}

impl Sql {
    /// SQL over these stores; a shop's own named queries lie in `queries`; days are counted in
    /// `zone` where a query does not say otherwise.
    pub fn new(
        archive: Followed<ArchiveReader>,
        facts: Followed<FactsReader>,
        queries: PathBuf,
        zone: Tz,
    ) -> Result<Sql, SqlError> {
        let config = SessionConfig::new().with_information_schema(true);
        let pool = FairSpillPool::new(MEMORY_BYTES_MAX);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_max_temp_directory_size(SPILL_BYTES_MAX)
            .build_arc()?;
        let mut base = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_scalar_functions(functions::scalar())
            .build();
        base.register_function_rewrite(Arc::new(Bound))?;
        let asking = Arc::new(Semaphore::new(QUESTIONS_AT_ONCE));
        let exporting = Arc::new(Semaphore::new(EXPORTS_AT_ONCE));
        let base = Arc::new(base);
        let threads = Threads::start().map_err(SqlError::Threads)?;
        Ok(Sql { archive, facts, queries, zone, base, asking, exporting, threads })
    }

    /// How many questions and how many exports run now.
    pub fn running(&self) -> (usize, usize) {
        let asking = QUESTIONS_AT_ONCE.saturating_sub(self.asking.available_permits());
        let exporting = EXPORTS_AT_ONCE.saturating_sub(self.exporting.available_permits());
        (asking, exporting)
    }

    /// The zone in which days are counted by default.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The named queries of a shop, by name; see [`named::load`].
    pub fn named(&self, shop: &str) -> Result<Vec<NamedQuery>, SqlError> {
        named::load(&self.queries, shop)
    }

    /// Answers a query as it comes, after waiting briefly for the stores to have what is
    /// acknowledged now.
    pub async fn stream(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<AnswerStream, SqlError> {
        let (this, shop, sql) = (self.clone(), shop.to_string(), sql.to_string());
        let (asker, waiting) = Asker::new();
        let answer =
            async move { this.answer(&shop, &sql, values, &this.exporting, waiting).await };
        let AnswerStream { complete_to, schema, rows } = self.threads.run(answer).await?;
        Ok(AnswerStream { complete_to, schema, rows: self.threads.flow(rows, asker) })
    }

    /// On this thread, which should be one of [`Threads`].
    async fn answer(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
        turns: &Arc<Semaphore>,
        waiting: Waiting,
    ) -> Result<AnswerStream, SqlError> {
        guard::check(sql)?;
        let turn = tokio::time::timeout(TURN_TIME_MAX, turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(SqlError::TooMany) };
        let (context, complete_to) = self.session(shop, waiting).await?;
        let mut question = context.sql(sql).await?;
        if !values.is_empty() {
            let values: Vec<(String, ScalarValue)> =
                values.into_iter().map(|(name, value)| (name, value.into())).collect();
            question = question.with_param_values(values)?;
        }
        Ok(AnswerStream::new(complete_to, question.execute_stream().await?, turn))
    }

    /// Answers a query.
    ///
    /// # Errors
    /// Of an answer with more than [`ANSWER_ROWS_MAX`] rows nothing is shown: a part would pass for the
    /// whole.
    pub async fn query(&self, shop: &str, sql: &str) -> Result<Answer, SqlError> {
        self.collect(shop, sql, Vec::new()).await
    }

    /// Answers a named query. Arguments are as people give them; see [`crate::model::instant_of`].
    pub async fn run_named(
        &self,
        shop: &str,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Answer, SqlError> {
        let query = named::find(&self.queries, shop, name)?;
        let values = query.values(arguments, self.zone, Micros::now())?;
        self.collect(shop, &query.sql, values).await
    }

    async fn collect(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<Answer, SqlError> {
        let (this, shop, sql) = (self.clone(), shop.to_string(), sql.to_string());
        let (_asker, waiting) = Asker::new();
        let collected = self.threads.run(async move {
            let AnswerStream { complete_to, schema, mut rows } =
                this.answer(&shop, &sql, values, &this.asking, waiting).await?;
            let mut answer = Answer { complete_to, schema, batches: Vec::new() };
            let (mut count, mut bytes) = (0, 0);
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                bytes += batch.get_array_memory_size();
                if bytes > ANSWER_BYTES_MAX {
                    return Err(SqlError::TooLarge { max: ANSWER_BYTES_MAX });
                }
                count += batch.num_rows();
                if count > ANSWER_ROWS_MAX {
                    return Err(SqlError::TooManyRows { max: ANSWER_ROWS_MAX });
                }
                answer.batches.push(batch);
            }
            Ok(answer)
        });
        tokio::time::timeout(QUERY_TIME_MAX, collected)
            .await
            .map_err(|_| SqlError::TooLong(QUERY_TIME_MAX))?
    }

    /// A session that knows one shop's tables and nothing else.
    async fn session(
        &self,
        shop: &str,
        waiting: Waiting,
    ) -> Result<(SessionContext, Offset), SqlError> {
        let (archive, facts) = tokio::join!(self.archive.caught_up(), self.facts.caught_up());
        let (archive, log) = (archive.clone(), self.archive.log_reader().clone());
        let (facts, of_shop) = (facts.clone(), shop.to_string());
        // It may have Arrow to make, and records to read.
        let read = move || Sources::read(&archive, &facts, &log, &of_shop);
        let read = tokio::task::spawn_blocking(read).await;
        let Sources { archive, tail, facts, complete_to } =
            read.map_err(|error| SqlError::Session(error.to_string()))??;
        let state = SessionStateBuilder::new_from_existing(SessionState::clone(&self.base))
            .with_catalog_list(empty_catalogs()?)
            .with_physical_optimizer_rule(Arc::new(waiting))
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context);
        let of_facts = |FactsTable { table, tail }: FactsTable| {
            let tail = ShopTail::Rows(tail);
            ShopTable::new(shop, table.schema.clone(), table, tail, RowFilter::Above)
        };
        let tail = ShopTail::Events { shop: shop.to_string(), tail, end: complete_to };
        let events = ShopTable::new(shop, events_schema(), archive, tail, RowFilter::Pushed)
            .below(complete_to);
        let stored = vec![
            ("events", events),
            ("turns", of_facts(facts.turns)),
            ("episodes", of_facts(facts.episodes)),
            ("changes", of_facts(facts.changes)),
            ("tags", of_facts(facts.tags)),
            ("strays", of_facts(facts.strays)),
        ];
        views::register(&context, stored).await?;
        Ok((context, complete_to))
    }
}

/// What a session is made of, of one shop and at one offset: archive and facts are followed apart, and
/// what one has beyond the other is left out, or read from the log.
struct Sources {
    archive: TableSnapshot,
    /// Records from the archive's cursor on, of all shops.
    tail: Tail,
    facts: FactsSnapshot,
    /// Every record below it is in all of them, and none above.
    complete_to: Offset,
}

impl Sources {
    fn read(
        archive: &ArchiveReader,
        facts: &FactsReader,
        log: &LogReader,
        shop: &str,
    ) -> Result<Sources, SqlError> {
        // Facts first: they are as of one offset, and of the archive less can be shown than it has.
        let facts = facts.snapshot(shop)?;
        let archive = archive.snapshot().map_err(ArchiveError::from)?;
        let (complete_to, end) = (facts.applied, archive.tail.end());
        if complete_to.since(end) > BEYOND_RECORDS_MAX {
            return Err(SqlError::ArchiveBehind { archive: end, facts: complete_to });
        }
        let mut tail = archive.tail;
        read_on(&mut tail, log, complete_to).map_err(ArchiveError::from)?;
        Ok(Sources { archive: archive.table, tail, facts, complete_to })
    }
}

/// Appends what the log has from the tail's end to `end`: the records that are in memory, not copies.
fn read_on(tail: &mut Tail, log: &LogReader, end: Offset) -> Result<(), LogError> {
    let mut scan = log.scan(tail.end());
    while tail.end() < end {
        let count = usize::try_from(end.since(tail.end())).unwrap_or(usize::MAX);
        let batch = scan.next_batch(count)?;
        if batch.is_empty() {
            break;
        }
        tail.append(batch)?;
    }
    Ok(())
}

/// A catalog of this session's own: sessions that share one would see each other's shops.
fn empty_catalogs() -> Result<Arc<MemoryCatalogProviderList>, SqlError> {
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("public", Arc::new(MemorySchemaProvider::new()))?;
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog("datafusion".to_string(), Arc::new(catalog));
    Ok(Arc::new(catalogs))
}
