//! The thread that starts worker processes and looks at how much memory they take, and whether they do anything. They end with it,
//! so it stays as long as they are wanted; where no question runs, it sleeps.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::process::{Ended, Process, WorkerProgram};
use super::stillness::Stillness;

/// Memory that one question may take: what the engine counts, twice.
const OWN_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Memory that all of them may take together.
const ALL_BYTES_MAX: u64 = 1536 * 1024 * 1024;
/// How often it looks: a core fills some 40 MiB meanwhile, of memory or of a disk.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// In how many looks it asks once whether one stands still: in a second.
const LOOKS_A_SECOND: u64 = 50;

/// A process that was started, the server's end of its socket, and where it puts what finds no room.
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) socket: std::os::unix::net::UnixStream,
    pub(super) spill: PathBuf,
}

pub(super) enum Order {
    Start(oneshot::Sender<io::Result<Started>>),
    /// A question begins in it; it is looked at for as long as that runs.
    Watch(Weak<Process>),
}

pub(super) struct Keeper {
    program: WorkerProgram,
    /// A folder in it for each process.
    spill: PathBuf,
    disk_reserve_bytes: u64,
    runtime: Handle,
    started: u64,
    looks: u64,
    watched: Vec<Watched>,
    /// Ended for what it had on disk, which may not be free yet.
    freeing: Option<Arc<Process>>,
}

/// A process with a question.
struct Watched {
    process: Weak<Process>,
    stillness: Stillness,
}

impl Keeper {
    /// Starts the thread. It ends when nobody can give it an order any more.
    pub(super) fn start(
        program: WorkerProgram,
        spill: &Path,
        disk_reserve_bytes: u64,
    ) -> io::Result<mpsc::Sender<Order>> {
        let (orders, received) = mpsc::channel();
        let keeper = Keeper {
            program,
            spill: spill.to_path_buf(),
            disk_reserve_bytes,
            runtime: Handle::current(),
            started: 0,
            looks: 0,
            watched: Vec::new(),
            freeing: None,
        };
        std::thread::Builder::new()
            .name("sql-keeper".to_string())
            .spawn(move || keeper.run(&received))?;
        Ok(orders)
    }

    fn run(mut self, orders: &mpsc::Receiver<Order>) {
        let mut looked_at = Instant::now();
        loop {
            let order = if self.watched.is_empty() {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(LOOK_EVERY.saturating_sub(looked_at.elapsed()))
            };
            match order {
                Ok(Order::Start(reply)) => {
                    // Whoever waited may be gone: then it is dropped, and killed.
                    let _ = reply.send(self.start_process());
                }
                Ok(Order::Watch(process)) => {
                    self.watched.retain(|watched| !watched.process.ptr_eq(&process));
                    self.watched.push(Watched { process, stillness: Stillness::default() });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked_at.elapsed() >= LOOK_EVERY {
                self.look();
                self.end_largest_spill();
                self.looks += 1;
                if self.looks.is_multiple_of(LOOKS_A_SECOND) {
                    self.end_still();
                }
                looked_at = Instant::now();
            }
        }
    }

    fn start_process(&mut self) -> io::Result<Started> {
        let spill = self.spill.join(self.started.to_string());
        self.started += 1;
        std::fs::create_dir(&spill)?;
        let _runtime = self.runtime.enter();
        let (child, socket) = self.program.start(&spill)?;
        Ok(Started { child, socket, spill })
    }

    /// Ends whoever takes too much. What ends is not counted any more: its memory is about to be free.
    fn look(&mut self) {
        let is_busy = |process: &Weak<Process>| process.upgrade().is_some_and(|it| it.is_busy());
        self.watched.retain(|watched| is_busy(&watched.process));
        let running = self.watched.iter().filter_map(|watched| watched.process.upgrade());
        let mut running: Vec<(u64, Arc<Process>)> =
            running.map(|process| (process.memory(), process)).collect();
        running.sort_by_key(|(bytes, _)| *bytes);
        let mut all: u64 = running.iter().map(|(bytes, _)| bytes).sum();
        while let Some((own, process)) = running.pop() {
            let reason = if own > OWN_BYTES_MAX {
                Ended::OwnMemory { max: OWN_BYTES_MAX }
            } else if all > ALL_BYTES_MAX {
                Ended::MostMemory { max: ALL_BYTES_MAX, own }
            } else {
                return;
            };
            process.end_for(reason);
            all -= own;
        }
    }

    /// Ends whoever has the most on the disk, where that nears its reserve: below that no message is taken. Where
    /// somebody else filled it, nobody is ended.
    fn end_largest_spill(&mut self) {
        self.freeing.take_if(|process| process.is_seen_off());
        // A disk that does not answer is not taken for a full one.
        let free = fs4::available_space(&self.spill).unwrap_or(u64::MAX);
        if self.freeing.is_some() || free >= self.disk_reserve_bytes.saturating_mul(2) {
            return;
        }
        let running = self.watched.iter().filter_map(|watched| watched.process.upgrade());
        let spilled = running.map(|process| (process.spilled(), process));
        if let Some((own, process)) = spilled.max_by_key(|(bytes, _)| *bytes)
            && own > 0
        {
            process.end_for(Ended::MostDisk { own });
            self.freeing = Some(process);
        }
    }

    /// Ends whoever will never say anything.
    fn end_still(&mut self) {
        for Watched { process, stillness } in &mut self.watched {
            let Some(process) = process.upgrade() else { continue };
            if stillness.look(process.seen()) {
                tracing::warn!("a query stood still, and its process was ended");
                process.end_for(Ended::StoodStill);
            }
        }
    }
}
