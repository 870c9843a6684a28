//! What a store derived from the log is: to whoever feeds it, and to whoever asks it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::state::State;
use super::{Batch, Forgot, Forgotten, LogReader, ReadBarrier};
use crate::model::{ErrorKind, Kinded, MaintenanceState, Offset};

/// A store derived from the log.
///
/// `apply` takes records into memory, where questions can see them at once; `commit` makes data
/// **and** cursor durable in one atomic step. (The lookup's may fall back in a power cut, both
/// together, and is read again from log or archive.) A store is never handed an offset twice in one run,
/// and after it was opened again only those from its committed cursor on. Each runs on a thread of
/// its own and may block it. After an error it is dropped and opened again.
pub trait Store: Sized {
    /// How people call it.
    const NAME: &'static str;
    /// Folders of the data directory that are its alone.
    const FOLDERS: &'static [&'static str];
    /// Longest pause before it is opened again after an error.
    const PAUSE_MAX: Duration = Duration::from_mins(5);

    type Error: Kinded + Send + Sync + 'static;
    type Options: Clone + Send + 'static;
    /// What questions hold. It is there before the store is open and outlives each reopening.
    type Reader: Clone + Default + Send + Sync + 'static;

    /// Opens or creates the store in the data directory `root` and shows `reader` what it holds.
    fn open(
        root: &Path,
        log: &LogReader,
        options: &Self::Options,
        reader: &Self::Reader,
    ) -> impl Future<Output = Result<Self, Self::Error>>;

    /// The cursor that the store in the data directory `root` has committed, read without opening it
    /// for anything else; 0 where there is no such store.
    fn committed(root: &Path) -> impl Future<Output = Result<Offset, Self::Error>>;

    /// What the maintenance of its tables is at, where it has any.
    fn maintenance(_reader: &Self::Reader) -> MaintenanceState {
        MaintenanceState::default()
    }

    /// First offset not yet applied.
    fn applied(&self) -> Offset;

    /// Takes the next records, which begin at [`Store::applied`].
    fn apply(&mut self, batch: Batch) -> impl Future<Output = Result<(), Self::Error>>;

    /// Makes everything applied durable, with the cursor; returns the cursor.
    fn commit(&mut self) -> impl Future<Output = Result<Offset, Self::Error>>;

    /// Forgets what was erased of records below its cursor: durably, and so that no byte of it stays
    /// in any file that nobody reads. Everything applied is committed when this is called; to forget again what was
    /// forgotten changes nothing.
    fn forget(
        &mut self,
        forgotten: &Forgotten,
    ) -> impl Future<Output = Result<Forgot, Self::Error>>;
}

/// A store as questions hold it: its reader, and the barrier that waits for what was acknowledged.
#[derive(Clone)]
pub struct Followed<R> {
    reader: R,
    barrier: ReadBarrier,
}

impl<R> Followed<R> {
    pub fn new(reader: R, log: LogReader, state: watch::Receiver<State>) -> Followed<R> {
        Followed { reader, barrier: ReadBarrier::new(log, state) }
    }

    /// A reader that shows what it shows, of a log that does not grow meanwhile.
    pub fn standing(reader: R, log: LogReader) -> Followed<R> {
        let head = log.head();
        let state = State { is_open: true, applied: head, committed: head, failed: None };
        // A closed channel keeps its last value.
        let (_, state) = watch::channel(state);
        Followed { reader, barrier: ReadBarrier::new(log, state) }
    }

    /// The log that is followed.
    pub fn log_reader(&self) -> &LogReader {
        self.barrier.log_reader()
    }

    /// The reader as it is.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The reader, after waiting briefly until it shows everything acknowledged so far. Where that
    /// takes too long, it shows less: each answer names the offset it is complete to.
    pub async fn caught_up(&self) -> &R {
        self.barrier.wait().await;
        &self.reader
    }
}

/// Where questions find what a store shows: nothing until it was first opened, then what the newest
/// opening of it shows.
#[derive(Debug)]
pub struct Slot<T> {
    current: Arc<Mutex<Option<Arc<Mutex<T>>>>>,
}

impl<T> Slot<T> {
    /// Shows `shown` from now on, as the store goes on changing it.
    pub fn show(&self, shown: Arc<Mutex<T>>) {
        *self.current.lock() = Some(shown);
    }

    /// What `store` shows now.
    pub fn current(&self, store: &'static str) -> Result<Arc<Mutex<T>>, NotOpen> {
        self.current.lock().clone().ok_or(NotOpen { store })
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Slot<T> {
        Slot { current: self.current.clone() }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot { current: Arc::default() }
    }
}

/// A question came before the store had been opened for the first time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the {store} is not open yet; `verbatim status` says why")]
pub struct NotOpen {
    pub store: &'static str,
}

impl Kinded for NotOpen {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Retry
    }
}
