//! Opens the log to write: what a crash left half done is done again, and nothing else is changed.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use open_wal::{TailState, Wal, WalConfig, WalError};
use tokio::sync::watch;

use super::folder::LogFolder;
use super::frame::{FRAME_BYTES_MAX, FULL_BYTES, FrameBuilder};
use super::oldest::Start;
use super::recent::Recent;
use super::segment::Segment;
use super::segments::Segments;
use super::survey::{self, Survey};
use super::writer::Begin;
use super::{LogError, LogReader, LogWriter, seal, segment_file, trim};
use crate::durable::{Disk, make_directory};
use crate::model::Offset;

/// One segment file is allocated ahead at this size: some 400,000 records.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Longest wait for a process that is being started, and between two looks.
const LOCKED_TIME_MAX: Duration = Duration::from_secs(10);
const LOCKED_PAUSE: Duration = Duration::from_millis(1);

/// What opening the log found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// First offset still in the log.
    pub oldest: Offset,
    /// First offset not yet written.
    pub head: Offset,
    /// Whether an unfinished, never acknowledged write was cut off the end.
    pub torn_tail_cut: bool,
}

/// How large things are, and the disk through which sealed segments are moved.
pub(super) struct Options {
    pub(super) segment_bytes: u64,
    pub(super) full_bytes: usize,
    pub(super) disk: Arc<Disk>,
}

/// Opens or creates the log in `dir`, cutting off a torn end. Damage before the end is an error,
/// never a cut. Reads the active segments, and one sidecar of the sealed ones.
pub fn open(dir: &Path) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    open_with_segments(dir, SEGMENT_BYTES)
}

/// [`open`], with new segments of another size.
pub fn open_with_segments(
    dir: &Path,
    segment_bytes: u64,
) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    let disk = Disk::open(dir).map_err(|source| LogError::write(dir, source))?;
    let options = Options { segment_bytes, full_bytes: FULL_BYTES, disk: Arc::new(disk) };
    open_with(dir, options)
}

pub(super) fn open_with(
    dir: &Path,
    options: Options,
) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    let Options { segment_bytes, full_bytes, disk } = options;
    let folder = LogFolder::new(dir);
    let active = folder.active();
    make_directory(&active).map_err(|source| LogError::write(&active, source))?;
    refuse_without_active(&folder)?;
    let segment_bytes = segment_bytes_of(&folder, segment_bytes)?;
    let (wal, tail) = open_wal(&folder, segment_bytes)?;
    let Survey { oldest, sealed, active, next } = Survey::of(&folder)?;
    refuse_other_end(&folder, &wal, next)?;
    let Some(written) = active.last().cloned() else {
        let (path, detail) = (folder.active(), "it holds no segment".to_string());
        return Err(LogError::File { path, detail });
    };
    let was_cleaned = clean_end(&written)?;
    let torn_tail_cut = was_cleaned || !matches!(tail, TailState::Clean);

    let segments = Arc::new(Segments::new(folder, oldest, sealed, active, Some(disk)));
    // What was begun is ended. Where that fails, the next roll or start tries again, and until then
    // the segments are read where they lie.
    seal::seal_all(&segments);
    trim::sweep(&segments);
    let (head, seen) = watch::channel(next.offset);
    let recovered = Recovered { oldest, head: *seen.borrow(), torn_tail_cut };
    let recent = Recent::default();
    let reader = LogReader::new(segments.clone(), seen, recent.clone());
    let frame = FrameBuilder::new(recovered.head, full_bytes)?;
    let begin = Begin { wal, segments, active: written, segment_bytes, frame, head, recent };
    Ok((LogWriter::new(begin)?, reader, recovered))
}

/// The size to open with: the library reads a segment only so far, and zeroes what it takes for a
/// torn end, so never less than what is there. A smaller size holds once the larger ones are sealed.
fn segment_bytes_of(folder: &LogFolder, wanted: u64) -> Result<u64, LogError> {
    let mut segment_bytes = wanted;
    for lsn in folder.list_active()? {
        let path = folder.active_path(lsn);
        let file = fs::metadata(&path).map_err(|source| LogError::read(&path, 0, source))?;
        segment_bytes = segment_bytes.max(file.len());
    }
    Ok(segment_bytes)
}

/// `open-wal` would begin a new log where it finds no segment.
fn refuse_without_active(folder: &LogFolder) -> Result<(), LogError> {
    let is_new = folder.list_sealed()?.is_empty() && !folder.oldest_path().exists();
    if is_new || !folder.list_active()?.is_empty() {
        return Ok(());
    }
    let detail = "its newest segment is missing, with the records after the sealed ones";
    Err(LogError::File { path: folder.active(), detail: detail.to_string() })
}

/// The library and our own reader must have found the same end: what one of them does not know of
/// is about to be written over.
fn refuse_other_end(folder: &LogFolder, wal: &Wal, next: Start) -> Result<(), LogError> {
    let lsn = wal.last_lsn().next().0;
    if lsn == next.lsn {
        return Ok(());
    }
    let detail = format!("it goes on with {next}, and to the library with frame {lsn}");
    Err(LogError::File { path: folder.active(), detail })
}

pub(super) fn open_wal(
    folder: &LogFolder,
    segment_size: u64,
) -> Result<(Wal, TailState), LogError> {
    let frame_bytes_max = segment_size.saturating_sub(128).min(FRAME_BYTES_MAX as u64);
    // The library looks so far behind a torn end for what would make it damage.
    let config = WalConfig { segment_size, max_record_size: frame_bytes_max as u32 };
    match Wal::open(&folder.active(), config) {
        Ok((wal, report)) => Ok((wal, report.tail_state)),
        Err(WalError::Locked) => Err(LogError::Locked { dir: folder.root().to_path_buf() }),
        // Our own reader names the offsets.
        Err(source) => Err(match Survey::of(folder) {
            Err(damage) => damage,
            Ok(_) => LogError::Open { dir: folder.root().to_path_buf(), source },
        }),
    }
}

/// [`open_wal()`], right after it was closed. A process that starts just then (one that computes SQL) has our
/// files open, and with them the lock, until it runs its own program.
pub(super) fn open_wal_again(
    folder: &LogFolder,
    segment_size: u64,
) -> Result<(Wal, TailState), LogError> {
    let began = Instant::now();
    loop {
        match open_wal(folder, segment_size) {
            Err(LogError::Locked { .. }) if began.elapsed() < LOCKED_TIME_MAX => {
                std::thread::sleep(LOCKED_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Zeros what lies behind the last whole frame, durably; false where nothing did. A write that lost
/// the page its frame began on leaves the rest of itself there, which the library takes for a clean
/// end; a later frame that ends just where a part of it looks whole would bring it back.
fn clean_end(segment: &Segment) -> Result<bool, LogError> {
    let rest = survey::rest_of(segment)?;
    if segment_file::is_zero(&rest) {
        return Ok(false);
    }
    let zero = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&segment.path)?;
        file.write_all_at(&vec![0; rest.len()], u64::from(segment.end_byte()))?;
        file.sync_data()
    };
    zero().map_err(|source| LogError::write(&segment.path, source))?;
    Ok(true)
}
