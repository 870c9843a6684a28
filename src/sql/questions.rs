//! From a query to its answer: a turn for each, a short wait for the stores to have what is acknowledged
//! now, a snapshot of them, and the engine, here or in a process of its own.
//!
//! Invariants: each store is as it was at one instant, and the answer complete to what all of them had.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use chrono_tz::Tz;
use futures::TryStreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{
    ANSWER_BYTES_MAX, ANSWER_ROWS_MAX, ANSWERS_BYTES_MAX, Answer, AnswerStream, QUERY_TIME_MAX,
    in_time,
};
use super::asked::Asked;
use super::engine::Engine;
use super::ipc::bytes_of;
use super::job::{Job, JobKind};
use super::lately::{Lately, lately};
use super::postgres::{Client, Wanted};
use super::process::WorkerProgram;
use super::snapshot::ShopSnapshot;
use super::turns::Turns;
use super::workers::Workers;
use super::{SqlError, Value};
use crate::archive::ArchiveReader;
use crate::facts::FactsReader;
use crate::log::Followed;
use crate::model::Offset;

/// Questions that run at once, of one shop three quarters: a dashboard asks nine (four panels, each twice where it compares, and the choices).
const QUESTIONS_AT_ONCE: usize = 16;
/// Exports that run at once, of one shop three quarters.
const EXPORTS_AT_ONCE: usize = 16;
/// How long a query waits for its turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(10);

/// Beside the name: quotes, a colon, a comma, `null`.
const NAME_BYTES: usize = 8;
/// What answers in memory are counted in.
const KIB: usize = 1024;

/// SQL over the archive and the facts as they are now.
#[derive(Clone)]
pub struct Sql {
    archive: Followed<ArchiveReader>,
    facts: Followed<FactsReader>,
    /// Where the named queries of shops lie.
    pub(super) queries: PathBuf,
    pub(super) zone: Tz,
    computed: Computed,
    /// Of questions.
    asking: Turns,
    /// Of exports: whoever reads one slowly holds up no question.
    exporting: Turns,
    /// Answers that are given again for a while.
    pub(super) lately: Lately,
    /// A permit for each KiB of the answers that are held in memory while they come.
    room: Arc<Semaphore>,
}

/// A question that failed before its first row.
#[derive(Debug)]
pub struct NotBegun {
    pub error: SqlError,
    /// Whether a table of the shop had been read by then: the error may hold a value of it.
    pub has_read: bool,
}

impl NotBegun {
    fn unread(error: SqlError) -> NotBegun {
        NotBegun { error, has_read: false }
    }
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
    /// as `worker` says, or without that in this one, which it may then end. Where those processes put what finds no
    /// room in memory, `disk_reserve_bytes` stay free.
    pub fn new(
        archive: Followed<ArchiveReader>,
        facts: Followed<FactsReader>,
        queries: PathBuf,
        zone: Tz,
        worker: Option<WorkerProgram>,
        disk_reserve_bytes: u64,
    ) -> Result<Sql, SqlError> {
        let computed = match worker {
            Some(program) => Computed::Apart(Workers::start(program, disk_reserve_bytes)?),
            None => Computed::Here(Arc::new(Engine::new(None)?)),
        };
        let (asking, exporting) = (Turns::of(QUESTIONS_AT_ONCE), Turns::of(EXPORTS_AT_ONCE));
        let room = Arc::new(Semaphore::new(ANSWERS_BYTES_MAX / KIB));
        let lately = lately();
        Ok(Sql { archive, facts, queries, zone, computed, asking, exporting, lately, room })
    }

    /// How many questions and how many exports run now.
    pub fn running(&self) -> (usize, usize) {
        (self.asking.taken(), self.exporting.taken())
    }

    /// The zone in which days are counted by default.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Answers a query as it comes, after waiting briefly for the stores to have what is
    /// acknowledged now.
    pub async fn stream(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<AnswerStream, SqlError> {
        self.answer(Job::new(shop, sql, values), &self.exporting).await
    }

    /// The same of rows of a table, which are sorted however many they are.
    pub async fn export(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<AnswerStream, SqlError> {
        let job = Job { kind: JobKind::Export, ..Job::new(shop, sql, values) };
        self.answer(job, &self.exporting).await
    }

    /// Answers a query of the Postgres wire as it comes: rows among the exports, what they will be
    /// among the questions.
    pub(super) async fn stream_to(
        &self,
        shop: &str,
        sql: &str,
        client: Client,
    ) -> Result<AnswerStream, SqlError> {
        let turns = match client.wanted {
            Wanted::Rows => &self.exporting,
            Wanted::Description => &self.asking,
        };
        let job = Job { client: Some(client), ..Job::new(shop, sql, Vec::new()) };
        self.answer(job, turns).await
    }

    /// Answers a question of somebody's own as it comes, however many rows it has: its first are there, and
    /// it is given up where it computes for a minute and gives none.
    pub async fn ask(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<AnswerStream, NotBegun> {
        let begun = async {
            let answer = self.stream(shop, sql, values).await.map_err(NotBegun::unread)?;
            let has_read = answer.read();
            let begun = answer.begun(QUERY_TIME_MAX).await;
            begun.map_err(|error| NotBegun { error, has_read: has_read() })
        };
        let begun = tokio::time::timeout(QUERY_TIME_MAX, begun).await;
        // Whatever it had read by then.
        begun.map_err(|_| NotBegun { error: SqlError::TooLong(QUERY_TIME_MAX), has_read: true })?
    }

    /// The same of a question whose rows are taken as soon as they come, by whoever waits for no other: among
    /// the questions.
    pub async fn read(&self, shop: &str, sql: &str) -> Result<AnswerStream, SqlError> {
        self.begun(self.answer(Job::new(shop, sql, Vec::new()), &self.asking)).await
    }

    async fn begun(
        &self,
        answer: impl Future<Output = Result<AnswerStream, SqlError>>,
    ) -> Result<AnswerStream, SqlError> {
        in_time(async { answer.await?.begun(QUERY_TIME_MAX).await }).await
    }

    /// Answers a question, as of now.
    async fn answer(&self, job: Job, turns: &Turns) -> Result<AnswerStream, SqlError> {
        let turn = tokio::time::timeout(TURN_TIME_MAX, turns.take(&job.shop)).await;
        let Ok(Ok(turn)) = turn else { return Err(SqlError::TooMany) };
        let snapshot = self.snapshot(&job.shop).await?;
        let (complete_to, schedules) = (snapshot.complete_to(), snapshot.schedules());
        let job = Job { complete_to, schedules, ..job };
        match &self.computed {
            Computed::Here(engine) => {
                let rows = engine.answer(job, Arc::new(snapshot)).await?;
                Ok(AnswerStream::new(complete_to, rows, turn))
            }
            Computed::Apart(workers) => Asked::begin(workers, job, snapshot, turn).await,
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

    /// Answers a query with parameters; see [`Sql::query`].
    pub(super) async fn collect(
        &self,
        shop: &str,
        sql: &str,
        values: Vec<(String, Value)>,
    ) -> Result<Answer, SqlError> {
        let collected = async {
            let AnswerStream { complete_to, schema, mut rows, .. } =
                self.answer(Job::new(shop, sql, values), &self.asking).await?;
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
        in_time(collected).await
    }

    /// Room in memory for some rows, which others may have taken.
    fn room_for(&self, rows: &RecordBatch) -> Result<OwnedSemaphorePermit, SqlError> {
        let kib = u32::try_from(bytes_of(rows).div_ceil(KIB)).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(kib).map_err(|_| SqlError::TooMany)
    }

    /// How many records there are.
    pub(super) fn head(&self) -> Offset {
        self.archive.log_reader().head()
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
