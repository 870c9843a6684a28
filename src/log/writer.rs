//! The one writer: append to memory, then make a whole batch durable with one sync.

use std::path::Path;
use std::sync::Arc;

use open_wal::{Lsn, TailState, Wal, WalConfig, WalError};
use tokio::sync::watch;

use super::LogError;
use super::reader::LogReader;
use super::recent::Recent;
use super::segment;
use crate::model::{Offset, Record};

/// One segment file is allocated ahead at this size.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Largest record: a 64 KiB frame whose strings all need `\u00xx` escapes (× 6), with room for what
/// the relay adds.
const RECORD_BYTES_MAX: u32 = 1024 * 1024;

/// Most records of one sync.
const APPENDED_RECORDS_MAX: usize = 8_192;

/// The only thing that changes log bytes. One task owns it.
pub struct LogWriter {
    wal: Wal,
    head: watch::Sender<Offset>,
    /// Appended and not yet durable, with the lengths of their encodings.
    appended: Vec<(Arc<Record>, usize)>,
    recent: Recent,
}

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

/// Opens or creates the log in `dir`, cutting off a torn tail. Damage before the tail is an error,
/// never a cut.
pub fn open(dir: &Path) -> Result<(LogWriter, LogReader, Recovered), LogError> {
    let config = WalConfig { segment_size: SEGMENT_BYTES, max_record_size: RECORD_BYTES_MAX };
    let (wal, report) = Wal::open(dir, config).map_err(|source| match source {
        WalError::Locked => LogError::Locked { dir: dir.to_path_buf() },
        source => LogError::Open { dir: dir.to_path_buf(), source },
    })?;
    let recovered = Recovered {
        oldest: offset_of(report.oldest_lsn),
        head: offset_of(report.durable_lsn.next()),
        torn_tail_cut: !matches!(report.tail_state, TailState::Clean),
    };
    let (head, head_seen) = watch::channel(recovered.head);
    let recent = Recent::default();
    let reader = LogReader::new(Arc::from(dir), head_seen, recent.clone());
    Ok((LogWriter { wal, head, appended: Vec::new(), recent }, reader, recovered))
}

impl LogWriter {
    /// Adds a record to the batch in memory; [`LogWriter::commit`] makes it durable.
    /// The record's offset must be the next one.
    pub fn append(&mut self, record: Arc<Record>) -> Result<(), LogError> {
        let encoded = segment::encode(&record);
        let lsn = self.wal.append(&encoded).map_err(|source| LogError::Append { source })?;
        assert_eq!(offset_of(lsn), record.offset, "the relay and the log count offsets alike");
        self.appended.push((record, encoded.len()));
        Ok(())
    }

    /// Whether what is appended should be committed before more is.
    pub fn is_full(&self) -> bool {
        self.appended.len() >= APPENDED_RECORDS_MAX
    }

    /// Makes everything appended durable, then lets readers see it. After an error nothing is
    /// appended again: the log library poisons itself, since a failed sync must not be retried.
    pub fn commit(&mut self) -> Result<Offset, LogError> {
        let durable = self.wal.commit().map_err(|source| LogError::Append { source })?;
        let head = offset_of(durable.next());
        self.recent.add(self.appended.drain(..));
        self.head.send_replace(head);
        Ok(head)
    }

    /// First offset not yet durable.
    pub fn head(&self) -> Offset {
        *self.head.borrow()
    }
}

fn offset_of(lsn: Lsn) -> Offset {
    segment::offset_of(lsn.0).unwrap_or_default()
}
