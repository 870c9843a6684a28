//! The processes that questions run in. Some wait, started and warm; one that ended well waits again,
//! for any shop's question, since its caches hold footers of files and no rows. Whatever else happens
//! to a question, its process is killed.
//!
//! Invariants: a process computes one question at a time; no more run than questions and exports may;
//! none outlives the server, whichever way that ends; one that takes more memory than it may is killed, or disk
//! where that runs short, and so is one whose asker is gone, however long it computes.

use std::io;
use std::sync::{Arc, Weak, mpsc};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::SqlError;
use super::keeper::{Keeper, Order, Started};
use super::process::{Process, WorkerProgram};
use super::spill::Spill;
use super::turns::Turn;

/// Processes that are started before anybody asks.
const WARM: usize = 2;
/// Processes that wait at most: for a dashboard, which asks nine questions at once.
const WAITING_MAX: usize = 9;
/// Memory of a process that may wait: × 9 = 576 MiB at most, and usually a third.
const WAITING_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long those wait that are more than the warm ones.
const WAITING_TIME_MAX: Duration = Duration::from_secs(60);

/// All of them.
#[derive(Clone)]
pub(super) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    orders: mpsc::Sender<Order>,
    waiting: Mutex<Waiting>,
    stop: CancellationToken,
    /// Where each has a folder for what finds no room in memory.
    _spill: Spill,
}

#[derive(Default)]
struct Waiting {
    /// Each since when; the last came last.
    workers: Vec<(Instant, Worker)>,
    /// How many will join them.
    starting: usize,
}

/// One of them, and the way to it.
pub(super) struct Worker {
    pub(super) process: Arc<Process>,
    pub(super) socket: UnixStream,
}

impl Workers {
    /// Starts the first. To be called within a runtime.
    pub(super) fn start(
        program: WorkerProgram,
        disk_reserve_bytes: u64,
    ) -> Result<Workers, SqlError> {
        let spill = Spill::create().map_err(SqlError::Worker)?;
        let orders =
            Keeper::start(program, spill.path(), disk_reserve_bytes).map_err(SqlError::Worker)?;
        let (waiting, stop) = (Mutex::default(), CancellationToken::new());
        let workers = Workers { shared: Arc::new(Shared { orders, waiting, stop, _spill: spill }) };
        workers.warm_up();
        tokio::spawn(send_home(Arc::downgrade(&workers.shared)));
        Ok(workers)
    }

    /// One for a question whose turn it is: the last that waits, whose caches are the newest, or a new
    /// one.
    pub(super) async fn take(&self, turn: Turn) -> Result<Worker, SqlError> {
        let waiting = self.shared.take_waiting();
        self.warm_up();
        let worker = match waiting {
            Some(worker) => worker,
            None => self.shared.start_one().await.map_err(SqlError::Worker)?,
        };
        worker.process.hold(turn);
        let _ = self.shared.orders.send(Order::Watch(Arc::downgrade(&worker.process)));
        Ok(worker)
    }

    /// Takes back one whose question ended well.
    pub(super) fn give_back(&self, worker: Worker) {
        worker.process.give_back();
        if worker.process.memory() <= WAITING_BYTES_MAX {
            self.shared.wait(worker);
        }
    }

    /// Sees to it that the next who asks need not wait for a start.
    fn warm_up(&self) {
        let missing = {
            let mut waiting = self.shared.waiting.lock();
            let missing = WARM.saturating_sub(waiting.workers.len() + waiting.starting);
            waiting.starting += missing;
            missing
        };
        for _ in 0..missing {
            let shared = self.shared.clone();
            tokio::spawn(async move {
                let started = shared.start_one().await;
                shared.waiting.lock().starting -= 1;
                match started {
                    Ok(worker) => shared.wait(worker),
                    // Whoever asks tries again, and is told.
                    Err(error) => tracing::warn!(%error, "cannot start a process for queries"),
                }
            });
        }
    }
}

impl Shared {
    async fn start_one(&self) -> io::Result<Worker> {
        let gone = || io::Error::other("no process is started any more");
        let (reply, started) = oneshot::channel();
        self.orders.send(Order::Start(reply)).map_err(|_| gone())?;
        let Started { child, socket, spill } = started.await.map_err(|_| gone())??;
        let process = Arc::new(Process::of(child, spill, &self.stop)?);
        Ok(Worker { process, socket: UnixStream::from_std(socket)? })
    }

    fn take_waiting(&self) -> Option<Worker> {
        loop {
            let (_, worker) = self.waiting.lock().workers.pop()?;
            // The system may have ended it.
            if worker.process.is_alive() {
                return Some(worker);
            }
        }
    }

    fn wait(&self, worker: Worker) {
        let workers = &mut self.waiting.lock().workers;
        if workers.len() < WAITING_MAX {
            workers.push((Instant::now(), worker));
        }
    }

    /// Ends those that nobody has needed for long, and leaves the warm ones.
    fn send_home(&self) {
        let workers = &mut self.waiting.lock().workers;
        let is_unneeded = |(since, _): &(Instant, Worker)| since.elapsed() > WAITING_TIME_MAX;
        while workers.len() > WARM && workers.first().is_some_and(is_unneeded) {
            workers.remove(0);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn send_home(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(WAITING_TIME_MAX / 2).await;
        match shared.upgrade() {
            Some(shared) => shared.send_home(),
            None => return,
        }
    }
}
