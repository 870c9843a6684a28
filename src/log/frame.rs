//! A frame: the records of one sync as one entry of the log, so that a power cut leaves all of them
//! or none.
//!
//! ```text
//! frame  = version u8 (1) ‖ codec u8 ‖ first offset u64 ‖ count u32 ‖ lines_bytes u32
//!          ‖ (leaf[32] ‖ salt[16]) × count ‖ packed lines            integers little-endian
//! lines  = the text of each record (JSON) and a line feed; lines_bytes long once unpacked
//! ```
//! Leaves and salts stand raw: nothing packs them. That a record says what its leaf commits to is
//! not proven here: that takes the whole conversation before it.

use std::ops::Range;
use std::sync::Arc;

use super::LogError;
use super::codec::{Packer, Unpacker};
use crate::model::{LeafHash, Offset, Record, Salt};

pub(super) const VERSION: u8 = 1;
const HEADER_BYTES: usize = 18;
/// Leaf and salt of one record.
const RAW_BYTES: usize = 48;

/// Largest record: a 64 KiB frame of the API whose strings all need `\u00xx` escapes (× 6), with
/// room for what the relay adds.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// A frame of this size takes no further record: some 2,500 of 400 bytes. Whoever wants one of them
/// unpacks them all, in about a millisecond.
pub(super) const FULL_BYTES: usize = 1024 * 1024;
/// Largest frame: full but for one byte when the largest record comes, and nothing of it could be
/// packed.
pub(super) const FRAME_BYTES_MAX: usize = HEADER_BYTES + FULL_BYTES + RAW_BYTES + RECORD_BYTES_MAX;

/// What stands before the records of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    codec: u8,
    first: Offset,
    count: u32,
    lines_bytes: u32,
}

/// Why a frame cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FrameError {
    /// It was written by a later build.
    Newer {
        version: u8,
    },
    Damaged(String),
}

impl FrameHeader {
    pub(super) fn decode(frame: &[u8]) -> Result<FrameHeader, FrameError> {
        let too_short = || FrameError::Damaged("the frame is shorter than its header".to_string());
        let (version, rest) = frame.split_first().ok_or_else(too_short)?;
        if *version != VERSION {
            return Err(FrameError::Newer { version: *version });
        }
        let (codec, rest) = rest.split_first().ok_or_else(too_short)?;
        let (first, rest) = rest.split_first_chunk().ok_or_else(too_short)?;
        let (count, rest) = rest.split_first_chunk().ok_or_else(too_short)?;
        let lines_bytes = rest.first_chunk().ok_or_else(too_short)?;
        let header = FrameHeader {
            codec: *codec,
            first: Offset(u64::from_le_bytes(*first)),
            count: u32::from_le_bytes(*count),
            lines_bytes: u32::from_le_bytes(*lines_bytes),
        };
        // Both bound what is allocated for it.
        if header.lines_bytes as usize > FRAME_BYTES_MAX || header.count > header.lines_bytes {
            return Err(FrameError::Damaged("the frame is larger than any may be".to_string()));
        }
        if header.count == 0 {
            return Err(FrameError::Damaged("the frame holds no record".to_string()));
        }
        Ok(header)
    }

    /// The offsets of its records.
    pub(super) fn offsets(&self) -> Range<Offset> {
        self.first..self.first + u64::from(self.count)
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.codec;
        bytes[2..10].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[10..14].copy_from_slice(&self.count.to_le_bytes());
        bytes[14..18].copy_from_slice(&self.lines_bytes.to_le_bytes());
        bytes
    }
}

/// The records of a frame that was found whole.
pub(super) struct FrameRecords<'a> {
    first: Offset,
    raw: &'a [[u8; RAW_BYTES]],
    lines: Vec<&'a [u8]>,
}

impl<'a> FrameRecords<'a> {
    /// Unpacks a frame.
    pub(super) fn of(
        frame: &'a [u8],
        unpacker: &'a mut Unpacker,
    ) -> Result<FrameRecords<'a>, FrameError> {
        let header = FrameHeader::decode(frame)?;
        let count = header.count as usize;
        let (raw, packed) = frame
            .get(HEADER_BYTES..)
            .and_then(|rest| rest.split_at_checked(count * RAW_BYTES))
            .ok_or_else(|| FrameError::Damaged("the frame ends among its leaves".to_string()))?;
        let lines = unpacker
            .unpack(header.codec, packed, header.lines_bytes as usize)
            .map_err(FrameError::Damaged)?;
        let lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        if lines.len() != count {
            let detail = format!("{} records in the frame, not {count}", lines.len());
            return Err(FrameError::Damaged(detail));
        }
        Ok(FrameRecords { first: header.first, raw: raw.as_chunks().0, lines })
    }

    /// All of them.
    pub(super) fn all(&self) -> Result<Vec<Record>, FrameError> {
        (0..self.lines.len()).map(|index| self.decode(index)).collect()
    }

    /// The record at `offset`, which must be in the frame.
    pub(super) fn at(&self, offset: Offset) -> Result<Record, FrameError> {
        self.decode(usize::try_from(offset.since(self.first)).unwrap_or(usize::MAX))
    }

    fn decode(&self, index: usize) -> Result<Record, FrameError> {
        let offset = self.first + index as u64;
        let (Some(raw), Some(line)) = (self.raw.get(index), self.lines.get(index)) else {
            return Err(FrameError::Damaged(format!("offset {offset} is not in the frame")));
        };
        let (leaf, salt) = (raw.first_chunk(), raw.last_chunk());
        let (leaf, salt) = (leaf.copied().unwrap_or_default(), salt.copied().unwrap_or_default());
        Record::from_text(offset, LeafHash(leaf), Salt(salt), line)
            .map_err(|error| FrameError::Damaged(error.to_string()))
    }
}

/// Whether the text of the record at `offset` may stand in a frame.
fn check_line(offset: Offset, line: &[u8]) -> Result<(), LogError> {
    if line.len() >= RECORD_BYTES_MAX {
        let bytes = line.len();
        return Err(LogError::TooLarge { offset, bytes, bytes_max: RECORD_BYTES_MAX });
    }
    // Records are told apart by line feeds alone. None comes this way: JSON escapes them in strings,
    // and events whose `data` holds one are refused.
    if line.contains(&b'\n') {
        return Err(LogError::NotOneLine { offset });
    }
    Ok(())
}

/// The frame that is being filled.
pub(super) struct FrameBuilder {
    first: Offset,
    records: Vec<Arc<Record>>,
    raw: Vec<u8>,
    lines: Vec<u8>,
    packer: Packer,
    full_bytes: usize,
}

impl FrameBuilder {
    /// An empty frame that will begin at `first`, and takes no further record once it has
    /// `full_bytes`.
    pub(super) fn new(first: Offset, full_bytes: usize) -> Result<FrameBuilder, LogError> {
        Ok(FrameBuilder {
            first,
            records: Vec::new(),
            raw: Vec::new(),
            lines: Vec::new(),
            packer: Packer::open()?,
            full_bytes,
        })
    }

    /// Adds the record that follows.
    pub(super) fn add(&mut self, record: Arc<Record>) -> Result<(), LogError> {
        let expected = self.end();
        if record.offset != expected {
            return Err(LogError::Gap { expected, got: record.offset });
        }
        if self.is_full() {
            return Err(LogError::FrameFull { offset: record.offset });
        }
        let before = self.lines.len();
        record.write_text(&mut self.lines);
        if let Err(error) = check_line(record.offset, &self.lines[before..]) {
            self.lines.truncate(before);
            return Err(error);
        }
        self.raw.extend_from_slice(&record.leaf.0);
        self.raw.extend_from_slice(&record.salt.map_or([0; 16], |salt| salt.0));
        self.lines.push(b'\n');
        self.records.push(record);
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.raw.len() + self.lines.len() >= self.full_bytes
    }

    /// First offset after its records.
    pub(super) fn end(&self) -> Offset {
        self.first + self.records.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The frame as the log holds it.
    pub(super) fn encode(&mut self) -> Vec<u8> {
        let mut frame = vec![0; HEADER_BYTES];
        frame.extend_from_slice(&self.raw);
        let codec = self.packer.pack(&self.lines, &mut frame);
        let header = FrameHeader {
            codec,
            first: self.first,
            // Both are bounded by the frame's size.
            count: self.records.len() as u32,
            lines_bytes: self.lines.len() as u32,
        };
        frame[..HEADER_BYTES].copy_from_slice(&header.encode());
        frame
    }

    /// Hands out its records and begins the next frame at `first`.
    pub(super) fn restart(&mut self, first: Offset) -> Vec<Arc<Record>> {
        self.first = first;
        self.raw.clear();
        self.lines.clear();
        std::mem::take(&mut self.records)
    }
}
