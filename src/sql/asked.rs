//! A question that a worker answers, from the server's side: what the worker asks of the tables is
//! answered, and rows are passed on.
//!
//! Invariant: an answer ends well only where the worker said that it is whole, with as many rows as
//! have come. Dropped before that, it kills the worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{ToServer, ToWorker, receive, send};
use super::ipc::{Decoder, Encoder, PIECE_BYTES_MAX};
use super::job::{Failure, Job};
use super::snapshot::ShopSnapshot;
use super::stored::Stored;
use super::turns::Turn;
use super::workers::{Worker, Workers};
use super::{AnswerStream, SqlError};
use crate::model::{ErrorKind, Kinded};

/// Batches of a tail that are made before one is taken.
const TAIL_READY_MAX: usize = 1;

/// Batches of an answer that are read before one is taken: × 32 answers × 8 MiB = 256 MiB at most.
const READY_MAX: usize = 1;

pub(super) struct Asked {
    workers: Workers,
    worker: Worker,
    /// Its files stay until the last row was taken.
    snapshot: Arc<ShopSnapshot>,
    decoder: Decoder,
    rows: u64,
    has_read: Arc<AtomicBool>,
}

impl Asked {
    /// Begins to answer; the rows come as they are taken.
    pub(super) async fn begin(
        workers: &Workers,
        job: Job,
        snapshot: ShopSnapshot,
        turn: Turn,
    ) -> Result<AnswerStream, SqlError> {
        let worker = workers.take(turn).await?;
        let (workers, snapshot) = (workers.clone(), Arc::new(snapshot));
        let (complete_to, has_read) = (snapshot.complete_to(), Arc::<AtomicBool>::default());
        let (decoder, rows) = (Decoder::default(), 0);
        let mut asked =
            Asked { workers, worker, snapshot, decoder, rows, has_read: has_read.clone() };
        asked.say(&ToWorker::Job(job), b"").await?;
        let schema = match asked.next().await? {
            Next::Schema(schema) => schema,
            Next::End { failure: Some(failure), is_idle } => {
                asked.end(Some(&failure), is_idle);
                return Err(failure);
            }
            Next::End { failure: None, .. } | Next::Rows(_) => return Err(unexpected("no schema")),
        };
        let (ready, taken) = mpsc::channel(READY_MAX);
        let passing_on = AbortOnDropHandle::new(tokio::spawn(asked.pass_on(ready)));
        let rows = Rows { taken: Some(taken), _passing_on: passing_on };
        let rows = stream::unfold(rows, Rows::next).boxed();
        Ok(AnswerStream { complete_to, schema, rows, has_read })
    }

    /// Reads ahead, so that what is read is made into bytes for the asker while more comes.
    async fn pass_on(mut self, ready: mpsc::Sender<Result<Passed, SqlError>>) {
        loop {
            let passed = match self.next().await {
                Ok(Next::Rows(rows)) => {
                    if ready.send(Ok(Passed::Rows(rows))).await.is_err() {
                        return;
                    }
                    continue;
                }
                Ok(Next::End { failure, is_idle }) => {
                    self.end(failure.as_ref(), is_idle);
                    failure.map_or(Ok(Passed::End), Err)
                }
                Ok(Next::Schema(_)) => Err(unexpected("a second schema")),
                Err(error) => Err(error),
            };
            // Fails where nobody waits any longer.
            let _ = ready.send(passed).await;
            return;
        }
    }

    /// What comes next of the answer. What the worker asks meanwhile is answered.
    async fn next(&mut self) -> Result<Next, SqlError> {
        loop {
            let word = receive(&mut self.worker.socket, PIECE_BYTES_MAX);
            let said = self.worker.process.heard(word).await;
            let Ok(Some((said, body))) = said else {
                return Err(self.worker.process.why_ended().await);
            };
            match said {
                ToServer::Files { table } => {
                    self.has_read.store(true, Ordering::Relaxed);
                    let files = self.snapshot.files(table);
                    self.say(&ToWorker::Files(files), b"").await?;
                }
                ToServer::Tail { table, columns } => self.send_tail(table, columns).await?,
                ToServer::Whole { table, paths } => {
                    let snapshot = self.snapshot.clone();
                    let compare = move || snapshot.require_whole(table, &paths);
                    let whole = tokio::task::spawn_blocking(compare).await.map_err(unexpected)?;
                    let whole = whole.map_err(|error| Failure::from(&error));
                    self.say(&ToWorker::Whole(whole), b"").await?;
                }
                ToServer::Schema => {
                    let schema = self.decoder.schema(body).map_err(unexpected)?;
                    // The plan is made, and nobody else holds it now.
                    if let Some(snapshot) = Arc::get_mut(&mut self.snapshot) {
                        snapshot.let_tail_go();
                    }
                    return Ok(Next::Schema(schema));
                }
                ToServer::Rows => {
                    let rows = self.decoder.decode(body).map_err(unexpected)?;
                    self.rows += rows.num_rows() as u64;
                    return Ok(Next::Rows(rows));
                }
                ToServer::End { rows: Ok(rows), is_idle } if rows == self.rows => {
                    return Ok(Next::End { failure: None, is_idle });
                }
                ToServer::End { rows: Ok(rows), .. } => {
                    return Err(unexpected(format!("{} of {rows} rows came", self.rows)));
                }
                ToServer::End { rows: Err(failure), is_idle } => {
                    return Ok(Next::End { failure: Some(failure.into()), is_idle });
                }
            }
        }
    }

    /// Sends the rows beyond the files, each batch as it is made.
    async fn send_tail(&mut self, table: Stored, columns: Vec<usize>) -> Result<(), SqlError> {
        let (ready, mut batches) = mpsc::channel(TAIL_READY_MAX);
        let snapshot = self.snapshot.clone();
        let made = tokio::task::spawn_blocking(move || {
            let mut encoder: Option<Encoder> = None;
            snapshot.tail(table, &columns, |batch| {
                let encoder = match &mut encoder {
                    Some(encoder) => encoder,
                    none => none.insert(Encoder::new(&batch.schema()).map_err(unexpected)?),
                };
                let bytes = encoder.encode(&batch).map_err(unexpected)?;
                // Nobody takes it where the question has ended.
                ready.blocking_send(bytes).map_err(unexpected)
            })
        });
        while let Some(rows) = batches.recv().await {
            self.say(&ToWorker::Tail, &rows).await?;
        }
        made.await.map_err(unexpected)??;
        self.say(&ToWorker::EndOfTail, b"").await
    }

    async fn say(&mut self, what: &ToWorker, body: &[u8]) -> Result<(), SqlError> {
        match send(&mut self.worker.socket, what, body).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.worker.process.why_ended().await),
        }
    }

    /// The worker may answer the next question, where it did nothing worse than to refuse this one.
    fn end(self, failure: Option<&SqlError>, is_idle: bool) {
        let kind = failure.map(Kinded::kind);
        if is_idle && matches!(kind, None | Some(ErrorKind::BadInput | ErrorKind::Denied)) {
            self.workers.give_back(self.worker);
        }
    }
}

/// What is taken of an answer. Without an end it broke off.
struct Rows {
    /// None after the end.
    taken: Option<mpsc::Receiver<Result<Passed, SqlError>>>,
    /// Dropped with this, and the worker killed, where it has not ended.
    _passing_on: AbortOnDropHandle<()>,
}

impl Rows {
    async fn next(mut self) -> Option<(Result<RecordBatch, SqlError>, Rows)> {
        let error = match self.taken.as_mut()?.recv().await {
            Some(Ok(Passed::Rows(rows))) => return Some((Ok(rows), self)),
            Some(Ok(Passed::End)) => return None,
            Some(Err(error)) => error,
            None => unexpected("it was given up"),
        };
        self.taken = None;
        Some((Err(error), self))
    }
}

enum Passed {
    Rows(RecordBatch),
    End,
}

enum Next {
    Schema(SchemaRef),
    Rows(RecordBatch),
    End { failure: Option<SqlError>, is_idle: bool },
}

fn unexpected(reason: impl ToString) -> SqlError {
    SqlError::Session(format!("the process that computed the query: {}", reason.to_string()))
}
