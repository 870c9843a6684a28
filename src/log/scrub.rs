//! Reads the sealed segments over and over, at leisure, so that damage is found while what was
//! damaged can still be had from elsewhere. It reports and repairs nothing.
//!
//! Of each segment it checks the sum of the whole file, each frame and its records, and that the
//! offsets go on in the next.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::codec::Unpacker;
use super::cursor::Cursor;
use super::file_sum::FileSum;
use super::segment::Segment;
use super::sidecar::Sidecar;
use super::{LogError, LogReader};
use crate::model::Offset;

/// Most damages that are listed: where there are more, a person has enough to look at.
const DAMAGES_MAX: usize = 100;
/// How long it rests between two rounds.
const REST: Duration = Duration::from_secs(60);

const NO_SEGMENT: &str = "no segment holds them";

/// What the scrubber has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// The sealed records below it were read in this round.
    pub to: Offset,
    /// Whole rounds before it.
    pub rounds: u64,
    /// What this round found, and the last one beyond `to`; in order.
    pub damages: Vec<Damage>,
}

/// A stretch of the log that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub path: PathBuf,
    pub offsets: Range<Offset>,
    pub detail: String,
}

impl Scrubbed {
    /// Forgets what was trimmed.
    fn forget_below(&mut self, oldest: Offset) {
        self.damages.retain(|damage| damage.offsets.end > oldest);
    }

    /// Takes in what was found in a segment.
    fn add(&mut self, offsets: Range<Offset>, damages: Vec<Damage>) {
        self.to = offsets.end;
        // What an earlier round found there is found again, or gone.
        self.damages.retain(|damage| {
            damage.offsets.start >= offsets.end || damage.offsets.end <= offsets.start
        });
        self.damages.extend(damages);
        self.damages.sort_by_key(|damage| damage.offsets.start);
        self.damages.truncate(DAMAGES_MAX);
    }
}

/// Damages that reads of records met, before the scrubber comes by.
#[derive(Clone, Debug, Default)]
pub(super) struct Met {
    damages: Arc<Mutex<Vec<Damage>>>,
}

impl Met {
    /// Hands on what was read, and notes down where it was damaged.
    pub(super) fn noting<T>(&self, read: Result<T, LogError>) -> Result<T, LogError> {
        if let Err(LogError::Damaged { path, offsets, detail, .. }) = &read {
            let mut damages = self.damages.lock();
            let is_known = damages.iter().any(|known| known.offsets == *offsets);
            if !is_known && damages.len() < DAMAGES_MAX {
                let (path, offsets) = (path.clone(), offsets.clone());
                damages.push(Damage { path, offsets, detail: detail.clone() });
            }
        }
        read
    }

    /// Those at or above `oldest`.
    pub(super) fn since(&self, oldest: Offset) -> Vec<Damage> {
        let mut damages = self.damages.lock();
        damages.retain(|damage| damage.offsets.end > oldest);
        damages.clone()
    }
}

/// Every damage of the sealed segments, read whole and at once.
pub fn damages(log: &LogReader) -> Vec<Damage> {
    let inspected = log.segments.sealed().into_iter().flat_map(|offsets| {
        let mut inspection = Inspection::of(log, offsets);
        while inspection.step().is_some() {}
        inspection.damages
    });
    inspected.collect()
}

/// Scrubs round after round, reading at most so many bytes a second, until `stop`. It holds up its
/// thread for about one frame at a time: it is to be given one of its own.
pub async fn scrub(
    log: &LogReader,
    bytes_per_second: u64,
    report: &watch::Sender<Scrubbed>,
    stop: &CancellationToken,
) {
    let pace = Pace { bytes_per_second, stop };
    while !stop.is_cancelled() {
        let sealed = log.segments.sealed();
        // Asked for after the list: what was trimmed in between is then not taken for lost.
        let mut next = log.oldest();
        report.send_modify(|scrubbed| scrubbed.forget_below(next));
        for offsets in sealed {
            let mut inspection = Inspection::of(log, offsets.clone());
            if next < offsets.start {
                inspection.add(next..offsets.start, NO_SEGMENT.to_string());
            }
            let offsets = next.min(offsets.start)..offsets.end;
            next = offsets.end;
            while let Some(bytes) = inspection.step() {
                pace.after(bytes).await;
                // Trimmed meanwhile, erased perhaps: its file is not held open any longer.
                if offsets.end <= log.oldest() {
                    break;
                }
            }
            if stop.is_cancelled() {
                return;
            }
            report.send_modify(|scrubbed| scrubbed.add(offsets, inspection.damages));
        }
        report.send_modify(|scrubbed| scrubbed.rounds += 1);
        pace.rest().await;
    }
}

/// Holds the reading back.
struct Pace<'a> {
    bytes_per_second: u64,
    stop: &'a CancellationToken,
}

impl Pace<'_> {
    async fn after(&self, bytes: usize) {
        self.wait(time_for(bytes, self.bytes_per_second)).await;
    }

    async fn rest(&self) {
        self.wait(REST).await;
    }

    async fn wait(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// One sealed segment being read.
struct Inspection {
    /// What its records should be.
    offsets: Range<Offset>,
    path: PathBuf,
    stage: Stage,
    damages: Vec<Damage>,
}

enum Stage {
    Sum { sum: FileSum, segment: Arc<Segment>, sidecar: Sidecar },
    Frames { cursor: Cursor, segment: Arc<Segment>, unpacker: Unpacker, is_sum_wrong: bool },
    Done,
}

impl Inspection {
    fn of(log: &LogReader, offsets: Range<Offset>) -> Inspection {
        let path = log.segments.folder.sealed_path(offsets.start);
        let mut inspection = Inspection { offsets, path, stage: Stage::Done, damages: Vec::new() };
        match inspection.open(log) {
            Ok(stage) => inspection.stage = stage,
            // Trimmed since it was listed.
            Err(_) if inspection.offsets.start < log.oldest() => {}
            Err(error) => inspection.note(&error),
        }
        inspection
    }

    fn open(&mut self, log: &LogReader) -> Result<Stage, LogError> {
        let folder = &log.segments.folder;
        let sidecar = Sidecar::read(&folder.sidecar_path(self.offsets.start))?;
        let segment = Arc::new(Segment::open_sealed(folder, self.offsets.start)?);
        if sidecar.end != self.offsets.end {
            let missing = sidecar.end..self.offsets.end;
            self.add(missing, NO_SEGMENT.to_string());
        }
        Ok(Stage::Sum { sum: FileSum::new(segment.clone()), segment, sidecar })
    }

    /// Reads some more; how many bytes that were, `None` when all is read.
    fn step(&mut self) -> Option<usize> {
        match self.try_step() {
            Ok(bytes) => bytes,
            Err(error) => {
                self.note(&error);
                self.stage = Stage::Done;
                None
            }
        }
    }

    fn try_step(&mut self) -> Result<Option<usize>, LogError> {
        match &mut self.stage {
            Stage::Done => Ok(None),
            Stage::Sum { sum, segment, sidecar } => {
                if let Some(bytes) = sum.read_on()? {
                    return Ok(Some(bytes));
                }
                let is_sum_wrong = (sum.bytes, sum.crc) != (sidecar.file_bytes, sidecar.file_crc);
                let cursor = Cursor::near(segment.clone(), segment.first);
                let (segment, unpacker) = (segment.clone(), Unpacker::open()?);
                self.stage = Stage::Frames { cursor, segment, unpacker, is_sum_wrong };
                Ok(Some(0))
            }
            Stage::Frames { cursor, segment, unpacker, is_sum_wrong } => {
                if cursor.next_offset() >= segment.end() {
                    if *is_sum_wrong && self.damages.is_empty() {
                        let detail = "each frame is whole, but the file is not as it was sealed";
                        self.add(self.offsets.clone(), detail.to_string());
                    }
                    self.stage = Stage::Done;
                    return Ok(None);
                }
                let damage = match check_next(cursor, unpacker) {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(damage) => damage,
                };
                // It goes on with the next frame whose place is known.
                match segment.after(cursor.next_offset()) {
                    Some(known) => *cursor = Cursor::new(segment.clone(), known),
                    None => self.stage = Stage::Done,
                }
                self.note(&damage);
                Ok(Some(0))
            }
        }
    }

    fn note(&mut self, error: &LogError) {
        match error {
            LogError::Damaged { offsets, detail, .. } => self.add(offsets.clone(), detail.clone()),
            error => self.add(self.offsets.clone(), error.to_string()),
        }
    }

    fn add(&mut self, offsets: Range<Offset>, detail: String) {
        tracing::error!(path = %self.path.display(), first = offsets.start.0, end = offsets.end.0, detail, "the log is damaged");
        self.damages.push(Damage { path: self.path.clone(), offsets, detail });
    }
}

/// Checks the frame before the cursor, whose bytes it returns.
fn check_next(cursor: &mut Cursor, unpacker: &mut Unpacker) -> Result<usize, LogError> {
    let Some(passed) = cursor.pass()? else {
        return Err(cursor.damaged("the segment ends before this record"));
    };
    cursor.records(&passed, unpacker)?;
    Ok((passed.bytes.end - passed.bytes.start) as usize)
}

/// How long reading so many bytes is to take.
fn time_for(bytes: usize, bytes_per_second: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / bytes_per_second.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_takes_the_time_that_its_pace_allows() {
        assert_eq!(time_for(0, 1_000), Duration::ZERO);
        assert_eq!(time_for(1_500, 1_000), Duration::from_millis(1_500));
        assert_eq!(time_for(2, 0), Duration::from_secs(2));
    }
}
