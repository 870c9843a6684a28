//! Length and CRC-32C of a segment's whole file, read piece by piece.

use std::sync::Arc;

use super::LogError;
use super::segment::Segment;
use super::segment_file;

/// How much is read at once.
const READ_BYTES: usize = 1024 * 1024;

pub(super) struct FileSum {
    segment: Arc<Segment>,
    buffer: Vec<u8>,
    /// Read so far.
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

impl FileSum {
    pub(super) fn new(segment: Arc<Segment>) -> FileSum {
        FileSum { segment, buffer: vec![0; READ_BYTES], bytes: 0, crc: 0 }
    }

    /// Reads the next piece; returns its length, `None` at the end.
    pub(super) fn read_on(&mut self) -> Result<Option<usize>, LogError> {
        let read = segment_file::read_at(&self.segment.file, &mut self.buffer, self.bytes)
            .map_err(|source| LogError::read(&self.segment.path, self.bytes, source))?;
        self.bytes += read as u64;
        self.crc = crc32c::crc32c_append(self.crc, &self.buffer[..read]);
        Ok(Some(read).filter(|read| *read > 0))
    }
}
