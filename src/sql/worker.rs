//! A process that answers questions, one after the other, for the server that started it. It is
//! started for that alone, reads files and nothing else of the data directory, and may be killed at any
//! moment.
//!
//! Invariants: it ends with the server; what runs in it gives way to the server, for the cores and for
//! memory.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;
use rustix::process::{Pid, Signal};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc};

use super::SqlError;
use super::channel::{ToServer, ToWorker, receive, send};
use super::engine::Engine;
use super::ipc::{Decoder, Encoder, PIECE_BYTES_MAX, pieces};
use super::job::{Failure, Job};
use super::source::{Files, Source};
use super::stored::Stored;

/// Plans are gone through by recursion; see `size`.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// How far behind the server it stands in the queue for a core.
const NICENESS: i32 = 5;
/// The first to be ended by a system that runs out of memory.
const FIRST_TO_GO: &str = "1000";
/// Longest message of the server's: the files of one table, about 1 KiB each.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Pieces that are made before one is sent.
const READY_MAX: usize = 4;
/// How often it is asked whether the last question still runs, after its end.
const IDLE_TRIES: u32 = 20;
const IDLE_EVERY: Duration = Duration::from_millis(1);

/// What a worker is told as it starts.
#[derive(Debug)]
pub struct WorkerOptions {
    /// The process that asks, on standard input.
    pub server: u32,
    /// Where that which finds no room in memory goes.
    pub spill: PathBuf,
}

/// Answers what the server asks, until it asks no more.
pub fn answer_questions(options: &WorkerOptions) -> Result<(), SqlError> {
    // Before there are threads, which all become what this one is.
    stand_back(options.server).map_err(SqlError::Worker)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(cores).thread_name("sql").thread_stack_size(STACK_BYTES);
    let runtime = runtime.enable_all().build().map_err(SqlError::Worker)?;
    let engine = Arc::new(Engine::new(Some(&options.spill))?);
    let answered = runtime.block_on(async {
        let server = Arc::new(Server::on_standard_input()?);
        // A stop of the whole service is the server's to answer: it lets questions end.
        let _ignored = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        while let Some(job) = server.next_job().await? {
            // On one of the threads with a large stack.
            let answer = answer(engine.clone(), server.clone(), job);
            let rows = tokio::spawn(answer).await.map_err(io::Error::other)?;
            let rows = rows.map_err(|error| Failure::from(&error));
            let is_idle = is_idle().await;
            server.say(&ToServer::End { rows, is_idle }, b"").await?;
        }
        Ok(())
    });
    runtime.shutdown_background();
    answered.map_err(SqlError::Worker)
}

/// Ends with the server, and gives way to it. What the system does not allow is done without, but not
/// the first.
fn stand_back(server: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before that.
    if rustix::process::getppid().map(Pid::as_raw_pid) != i32::try_from(server).ok() {
        return Err(io::Error::other("the server that started this has ended"));
    }
    let _ = rustix::process::nice(NICENESS);
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    // A gigabyte of an asker's rows.
    let _ = rlimit::Resource::CORE.set(0, 0);
    Ok(())
}

/// Sends the rows of one answer; returns how many. While some are sent, the next are made.
async fn answer(engine: Arc<Engine>, server: Arc<Server>, job: Job) -> Result<u64, SqlError> {
    let broken = |error: io::Error| SqlError::Session(error.to_string());
    let mut rows = engine.answer(job, Arc::new(OfServer(server.clone()))).await?;
    let mut encoder = Encoder::new(&rows.schema()).map_err(unsent)?;
    server.say(&ToServer::Schema, &encoder.schema()).await.map_err(broken)?;
    let (ready, mut made) = mpsc::channel(READY_MAX);
    let making = tokio::spawn(async move {
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            for piece in pieces(batch?).map_err(unsent)? {
                count += piece.num_rows() as u64;
                let bytes = encoder.encode(&piece).map_err(unsent)?;
                if bytes.len() > PIECE_BYTES_MAX {
                    return Err(SqlError::RowTooLarge { max: PIECE_BYTES_MAX });
                }
                ready.send(bytes).await.map_err(unsent)?;
            }
        }
        Ok(count)
    });
    while let Some(bytes) = made.recv().await {
        server.say(&ToServer::Rows, &bytes).await.map_err(broken)?;
    }
    making.await.map_err(unsent)?
}

fn unsent(error: impl ToString) -> SqlError {
    SqlError::Session(error.to_string())
}

/// Whether nothing of a question runs any longer; its last tasks may be about to end.
async fn is_idle() -> bool {
    let running = || Handle::current().metrics().num_alive_tasks();
    for _ in 0..IDLE_TRIES {
        if running() == 0 {
            return true;
        }
        tokio::time::sleep(IDLE_EVERY).await;
    }
    false
}

/// The server, over the socket. One question is asked at a time, by whoever holds the reading half;
/// between questions that is the loop above.
#[derive(Debug)]
struct Server {
    from: Mutex<OwnedReadHalf>,
    to: Mutex<OwnedWriteHalf>,
}

impl Server {
    fn on_standard_input() -> io::Result<Server> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        let socket = std::os::unix::net::UnixStream::from(socket);
        socket.set_nonblocking(true)?;
        let (from, to) = UnixStream::from_std(socket)?.into_split();
        Ok(Server { from: Mutex::new(from), to: Mutex::new(to) })
    }

    /// The next question; `None` where the server asks no more.
    async fn next_job(&self) -> io::Result<Option<Job>> {
        match receive(&mut *self.from.lock().await, MESSAGE_BYTES_MAX).await? {
            Some((ToWorker::Job(job), _)) => Ok(Some(job)),
            Some((other, _)) => Err(unexpected(&other)),
            None => Ok(None),
        }
    }

    async fn say(&self, what: &ToServer, body: &[u8]) -> io::Result<()> {
        send(&mut *self.to.lock().await, what, body).await
    }

    async fn ask_for_files(&self, table: Stored) -> io::Result<Files> {
        let mut from = self.from.lock().await;
        self.say(&ToServer::Files { table }, b"").await?;
        match receive(&mut *from, MESSAGE_BYTES_MAX).await? {
            Some((ToWorker::Files(files), _)) => Ok(files),
            Some((other, _)) => Err(unexpected(&other)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    async fn ask_whether_whole(
        &self,
        table: Stored,
        paths: Vec<Arc<str>>,
    ) -> io::Result<Result<(), Failure>> {
        let mut from = self.from.lock().await;
        self.say(&ToServer::Whole { table, paths }, b"").await?;
        match receive(&mut *from, MESSAGE_BYTES_MAX).await? {
            Some((ToWorker::Whole(whole), _)) => Ok(whole),
            Some((other, _)) => Err(unexpected(&other)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    async fn ask_for_tail(
        &self,
        table: Stored,
        columns: Vec<usize>,
    ) -> io::Result<Vec<RecordBatch>> {
        let mut from = self.from.lock().await;
        self.say(&ToServer::Tail { table, columns }, b"").await?;
        let (mut decoder, mut batches) = (Decoder::default(), Vec::new());
        loop {
            match receive(&mut *from, MESSAGE_BYTES_MAX).await? {
                Some((ToWorker::Tail, rows)) => {
                    batches.push(decoder.decode(rows).map_err(io::Error::other)?);
                }
                Some((ToWorker::EndOfTail, _)) => return Ok(batches),
                Some((other, _)) => return Err(unexpected(&other)),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

fn unexpected(said: &ToWorker) -> io::Error {
    io::Error::other(format!("the server said what was not asked: {said:?}"))
}

/// The server as the source of rows. What was asked is listened to, also where the scan that asked is
/// given up meanwhile: the next answer would be taken for this one.
#[derive(Debug)]
struct OfServer(Arc<Server>);

#[async_trait]
impl Source for OfServer {
    async fn files(&self, table: Stored) -> Result<Files, SqlError> {
        let server = self.0.clone();
        listened(async move { server.ask_for_files(table).await }).await
    }

    async fn tail(&self, table: Stored, columns: &[usize]) -> Result<Vec<RecordBatch>, SqlError> {
        let (server, columns) = (self.0.clone(), columns.to_vec());
        listened(async move { server.ask_for_tail(table, columns).await }).await
    }

    async fn require_whole(&self, table: Stored, paths: &[Arc<str>]) -> Result<(), SqlError> {
        let (server, paths) = (self.0.clone(), paths.to_vec());
        let whole = listened(async move { server.ask_whether_whole(table, paths).await }).await?;
        whole.map_err(SqlError::from)
    }
}

async fn listened<T: Send + 'static>(
    asked: impl Future<Output = io::Result<T>> + Send + 'static,
) -> Result<T, SqlError> {
    let heard = tokio::spawn(asked).await.map_err(io::Error::other).flatten();
    heard.map_err(|error| SqlError::Session(error.to_string()))
}
