//! From a query to its answer: a turn for each, a short wait for the stores to have what is acknowledged
//! now, a snapshot of them, and the engine, here or in a process of its own.
//!
//! Invariants: each store is as it was at one instant, and the answer complete to what all of them had.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use chrono_tz::Tz;
use futures::TryStreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{ANSWER_BYTES_MAX, ANSWER_ROWS_MAX, ANSWERS_BYTES_MAX, Answer, AnswerStream};
use super::asked::Asked;
use super::engine::Engine;
use super::ipc::bytes_of;
use super::job::Job;
use super::process::WorkerProgram;
use super::snapshot::ShopSnapshot;
use super::workers::Workers;
use super::{NamedQuery, SqlError, Value, named};
use crate::archive::ArchiveReader;
use crate::facts::FactsReader;
use crate::log::Followed;
use crate::model::Micros;

/// Questions that run at once: a dashboard asks seven.
const QUESTIONS_AT_ONCE: usize = 16;
/// Exports that run at once.
const EXPORTS_AT_ONCE: usize = 16;
/// How long a query waits for its turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);
/// Longest a query may run.
const QUERY_TIME_MAX: Duration = Duration::from_secs(60);

/// Beside the name: quotes, a colon, a comma, `null`.
const NAME_BYTES: usize = 8;
/// What answers in memory are counted in.
const KIB: usize = 1024;

/// SQL over the archive and the facts as they are now.
#[derive(Clone)]
pub struct Sql {
    archive: Followed<ArchiveReader>,
    facts: Followed<FactsReader>,
    queries: PathBuf,
    zone: Tz,
    computed: Computed,
    /// A permit for each question that may run now.
    asking: Arc<Semaphore>,
    /// A permit for each export: whoever reads one slowly holds up no question.
    exporting: Arc<Semaphore>,
    /// A permit for each KiB of the answers that are held in memory while they come.
    room: Arc<Semaphore>,
}

/// Where questions are computed.
#[derive(Clone)]
enum Computed {
    /// In this process, which is the asker's own.
    Here(Arc<Engine>),
    /// Each in a process of its own.
    Apart(Workers),
}

impl Sql {
    /// SQL over these stores; a shop's own named queries lie in `queries`; days are counted in
    /// `zone` where a query does not say otherwise. Each question runs in a process of its own, started
    /// as `worker` says, or without that in this one, which it may then end.
    pub fn new(
        archive: Followed<ArchiveReader>,
        facts: Followed<FactsReader>,
        queries: PathBuf,
        zone: Tz,
        worker: Option<WorkerProgram>,
    ) -> Result<Sql, SqlError> {
        let computed = match worker {
            Some(program) => Computed::Apart(Workers::start(program)?),
            None => Computed::Here(Arc::new(Engine::new(None)?)),
        };
        let [asking, exporting, room] =
            [QUESTIONS_AT_ONCE, EXPORTS_AT_ONCE, ANSWERS_BYTES_MAX / KIB]
                .map(|permits| Arc::new(Semaphore::new(permits)));
        Ok(Sql { archive, facts, queries, zone, computed, asking, exporting, room })
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
        self.answer(shop, sql, values, &self.exporting).await
    }

    async fn answer(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
        turns: &Arc<Semaphore>,
    ) -> Result<AnswerStream, SqlError> {
        let turn = tokio::time::timeout(TURN_TIME_MAX, turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(SqlError::TooMany) };
        let snapshot = self.snapshot(shop).await?;
        let complete_to = snapshot.complete_to();
        let (shop, sql) = (shop.to_string(), sql.to_string());
        let job = Job { shop, sql, values, complete_to, schedules: snapshot.schedules() };
        match &self.computed {
            Computed::Here(engine) => {
                let rows = engine.answer(job, Arc::new(snapshot)).await?;
                Ok(AnswerStream::new(complete_to, rows, turn))
            }
            Computed::Apart(workers) => {
                let (schema, rows) = Asked::begin(workers, job, snapshot, turn).await?;
                Ok(AnswerStream { complete_to, schema, rows })
            }
        }
    }

    /// Answers a query.
    ///
    /// # Errors
    /// Of an answer with more than [`ANSWER_ROWS_MAX`] rows nothing is shown: a part would pass for the
    /// whole.
    pub async fn query(&self, shop: &str, sql: &str) -> Result<Answer, SqlError> {
        self.collect(shop, sql, Vec::new()).await
    }

    /// Whether a named query is the shop's own: it may then show rows of chat.
    pub fn is_own(&self, shop: &str, name: &str) -> Result<bool, SqlError> {
        Ok(!named::find(&self.queries, shop, name)?.is_built_in())
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
        let collected = async {
            let AnswerStream { complete_to, schema, mut rows } =
                self.answer(shop, sql, values, &self.asking).await?;
            let mut answer = Answer { complete_to, schema, batches: Vec::new() };
            let names = bytes_of_names(&answer.schema);
            let (mut count, mut bytes) = (0, 0);
            let mut room: Option<OwnedSemaphorePermit> = None;
            while let Some(batch) = rows.try_next().await? {
                bytes += bytes_of(&batch) + batch.num_rows() * names;
                if bytes > ANSWER_BYTES_MAX {
                    return Err(SqlError::TooLarge { max: ANSWER_BYTES_MAX });
                }
                count += batch.num_rows();
                if count > ANSWER_ROWS_MAX {
                    return Err(SqlError::TooManyRows { max: ANSWER_ROWS_MAX });
                }
                let more = self.room_for(&batch)?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
                answer.batches.push(batch);
            }
            Ok(answer)
        };
        tokio::time::timeout(QUERY_TIME_MAX, collected)
            .await
            .map_err(|_| SqlError::TooLong(QUERY_TIME_MAX))?
    }

    /// Room in memory for some rows, which others may have taken.
    fn room_for(&self, rows: &RecordBatch) -> Result<OwnedSemaphorePermit, SqlError> {
        let kib = u32::try_from(bytes_of(rows).div_ceil(KIB)).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(kib).map_err(|_| SqlError::TooMany)
    }

    async fn snapshot(&self, shop: &str) -> Result<ShopSnapshot, SqlError> {
        let (archive, facts) = tokio::join!(self.archive.caught_up(), self.facts.caught_up());
        let (archive, log) = (archive.clone(), self.archive.log_reader().clone());
        let (facts, shop) = (facts.clone(), shop.to_string());
        // It may have Arrow to make, and records to read.
        let read = move || ShopSnapshot::read(&archive, &facts, &log, &shop);
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| SqlError::Session(error.to_string()))?
    }
}

/// What a row of an answer has beside its values where it is written as JSON: a name may be as long as
/// a query.
fn bytes_of_names(schema: &Schema) -> usize {
    let bytes = |field: &Arc<Field>| {
        let nested = match field.data_type() {
            plain if !plain.is_nested() => 0,
            nested => nested.to_string().len(),
        };
        field.name().len() + nested + NAME_BYTES
    };
    schema.fields().iter().map(bytes).sum()
}
