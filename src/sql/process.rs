//! One worker process, seen from the server: killed once it is dropped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::SqlError;
use super::stillness::{Seen, cpu_ticks};
use super::turns::Turn;
use crate::durable::bytes_under;

/// How long the end of a process is waited for that has closed its socket.
const END_TIME_MAX: Duration = Duration::from_secs(2);
/// Signals of a process that did what no process may; an overflowing stack is the usual reason.
const OWN_FAULTS: [i32; 3] = [6, 7, 11];

/// The program that answers questions in a process of its own, and the arguments that make it do so.
#[derive(Clone, Debug)]
pub struct WorkerProgram {
    pub path: PathBuf,
    /// Before those that each process gets: `--server PID --spill FOLDER`.
    pub arguments: Vec<String>,
}

/// Why the server killed it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    /// It took more memory than any may.
    OwnMemory {
        max: u64,
    },
    /// All together did, and it had the most.
    MostMemory {
        max: u64,
        own: u64,
    },
    /// The disk was nearly full, and it had the most of what all had there.
    MostDisk {
        own: u64,
    },
    StoodStill,
}

#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    spill: PathBuf,
    kill: CancellationToken,
    ended_for: OnceLock<Ended>,
    /// The permit of the question that it computes: given back when the process is gone, if not
    /// before.
    turn: Arc<Mutex<Option<Turn>>>,
    /// How often the server began to wait for what it says next, and whether it does now.
    waits: AtomicU64,
    is_awaited: AtomicBool,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl WorkerProgram {
    /// Starts it, with a socket as its standard input. It ends with the thread that calls this.
    pub(super) fn start(
        &self,
        spill: &Path,
    ) -> io::Result<(Child, std::os::unix::net::UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).arg("--server").arg(std::process::id().to_string());
        command.arg("--spill").arg(spill).stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        // Not of the terminal's group: an interrupt there is the server's to answer.
        command.stdout(Stdio::null()).process_group(0).kill_on_drop(true);
        Ok((command.spawn()?, ours))
    }
}

impl Process {
    /// Waits for `child` in the background, and removes `spill` when it is gone: a process that is
    /// killed leaves its files.
    pub(super) fn of(
        child: Child,
        spill: PathBuf,
        stop: &CancellationToken,
    ) -> io::Result<Process> {
        let pid = child.id().ok_or_else(|| io::Error::other("it has ended already"))?;
        let kill = stop.child_token();
        let turn = Arc::<Mutex<Option<Turn>>>::default();
        let (ending, ended) = watch::channel(None);
        tokio::spawn(see_off(child, kill.clone(), spill.clone(), turn.clone(), ending));
        let (ended_for, waits, is_awaited) = Default::default();
        Ok(Process { pid, spill, kill, ended_for, turn, waits, is_awaited, ended })
    }

    /// Begins a question.
    pub(super) fn hold(&self, turn: Turn) {
        *self.turn.lock() = Some(turn);
    }

    /// Ends a question.
    pub(super) fn give_back(&self) {
        *self.turn.lock() = None;
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.kill.is_cancelled() && self.ended.borrow().is_none()
    }

    /// Whether it computes a question.
    pub(super) fn is_busy(&self) -> bool {
        self.is_alive() && self.turn.lock().is_some()
    }

    /// Ends it at once.
    pub(super) fn end_for(&self, reason: Ended) {
        let _ = self.ended_for.set(reason);
        self.kill.cancel();
    }

    /// Waits for the `word` that it says next.
    pub(super) async fn heard<T>(&self, word: impl Future<Output = T>) -> T {
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.is_awaited.store(true, Ordering::Relaxed);
        let word = word.await;
        self.is_awaited.store(false, Ordering::Relaxed);
        word
    }

    /// What it does; `None` where the system does not say.
    pub(super) fn seen(&self) -> Option<Seen> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let (waits, is_awaited) =
            (self.waits.load(Ordering::Relaxed), self.is_awaited.load(Ordering::Relaxed));
        Some(Seen { cpu_ticks: cpu_ticks(&stat)?, waits, is_awaited })
    }

    /// Why it ended amid a question: nothing more comes from it.
    pub(super) async fn why_ended(&self) -> SqlError {
        match self.ended_for.get() {
            Some(Ended::OwnMemory { max }) => return SqlError::TooMuchMemory { max: *max },
            Some(Ended::MostMemory { max, own }) => {
                return SqlError::MostMemory { max: *max, own: *own };
            }
            Some(Ended::MostDisk { own }) => return SqlError::MostDisk { own: *own },
            Some(Ended::StoodStill) => return SqlError::StoodStill,
            None => {}
        }
        let mut ended = self.ended.clone();
        let ended = tokio::time::timeout(END_TIME_MAX, ended.wait_for(Option::is_some)).await;
        let Ok(Ok(Some(status))) = ended.map(|ended| ended.map(|status| *status)) else {
            return SqlError::Session(
                "the process that computed the query fell silent".to_string(),
            );
        };
        tracing::warn!(%status, "a query ended the process that computed it");
        match std::os::unix::process::ExitStatusExt::signal(&status) {
            Some(signal) if OWN_FAULTS.contains(&signal) => SqlError::TooDeep,
            Some(_) => SqlError::Killed(status.to_string()),
            None => SqlError::Session(format!("the process that computed the query: {status}")),
        }
    }

    /// Memory of its own, in bytes; 0 where the system does not say.
    pub(super) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = own.and_then(|own| own.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    }

    /// Whether it is gone, with what it had on disk.
    pub(super) fn is_seen_off(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// What it has put on disk, in bytes.
    pub(super) fn spilled(&self) -> u64 {
        bytes_under(&self.spill)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}

async fn see_off(
    mut child: Child,
    kill: CancellationToken,
    spill: PathBuf,
    turn: Arc<Mutex<Option<Turn>>>,
    ending: watch::Sender<Option<ExitStatus>>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        () = kill.cancelled() => {
            let _ = child.start_kill();
            child.wait().await
        }
    };
    // At a stop all of them go at once.
    if let Err(error) = tokio::fs::remove_dir_all(&spill).await
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %spill.display(), "cannot remove what a query left");
    }
    *turn.lock() = None;
    ending.send_replace(status.ok());
}
