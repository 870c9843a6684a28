//! Reads the segment files of `open-wal` 0.2 by position. Its own reader starts at the oldest
//! segment each time and borrows the writer; following needs neither. The format (its
//! `docs/wal_design_v6.md` §5):
//!
//! ```text
//! NNNNNNNNNNNNNNNNNNNN.wal    named by the number (LSN, from 1) of its first record
//! header 64 bytes, then records, then zeros up to the allocated size
//! record = crc u32 ‖ length u32 ‖ lsn u64 ‖ type u8 (1) ‖ flags u8 ‖ reserved u16 ‖ payload ‖ zeros to 8 bytes
//! crc    = CRC-32C over everything after itself, padding included; integers little-endian
//! ```

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::LogError;
use crate::model::{LeafHash, Offset, Record, Salt};

/// Where the records of a segment begin.
pub const HEADER_BYTES: u64 = 64;
const RECORD_HEADER_BYTES: usize = 20;
const FULL_RECORD: u8 = 1;
const SALT_BYTES: usize = 16;

/// One record's place in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole record whose checksum holds.
    Record { offset: Offset, payload: &'a [u8], framed_bytes: usize },
    /// Zeros: nothing further in this segment.
    End,
    /// The buffer stops before the record does; at least this many bytes are needed.
    Short { needed_bytes: usize },
    /// Not a record.
    Damaged(&'static str),
}

/// What stands before a record's payload.
struct Header {
    crc: u32,
    payload_bytes: usize,
    lsn: u64,
    record_type: u8,
}

impl Header {
    fn decode(bytes: &[u8; RECORD_HEADER_BYTES]) -> Option<Header> {
        let (crc, rest) = bytes.split_first_chunk()?;
        let (payload_bytes, rest) = rest.split_first_chunk()?;
        let (lsn, rest) = rest.split_first_chunk()?;
        Some(Header {
            crc: u32::from_le_bytes(*crc),
            payload_bytes: u32::from_le_bytes(*payload_bytes) as usize,
            lsn: u64::from_le_bytes(*lsn),
            record_type: *rest.first()?,
        })
    }
}

/// The payload of one record: `leaf[32] ‖ salt[16] ‖` its text.
pub fn encode(record: &Record) -> Vec<u8> {
    let salt = record.salt.map_or([0; SALT_BYTES], |salt| salt.0);
    [record.leaf.0.as_slice(), &salt, &record.to_text()].concat()
}

/// The record of [`encode`]'s payload at `offset`.
pub fn decode(offset: Offset, payload: &[u8]) -> Result<Record, LogError> {
    let cut = LogError::CutPayload { offset };
    let Some((leaf, rest)) = payload.split_first_chunk() else { return Err(cut) };
    let Some((salt, text)) = rest.split_first_chunk() else { return Err(cut) };
    Ok(Record::from_text(offset, LeafHash(*leaf), Salt(*salt), text)?)
}

/// Reads the record at the start of `buffer`.
pub fn frame(buffer: &[u8]) -> Frame<'_> {
    let Some((bytes, header)) =
        buffer.first_chunk().and_then(|bytes| Some((bytes, Header::decode(bytes)?)))
    else {
        return Frame::Short { needed_bytes: RECORD_HEADER_BYTES };
    };
    if bytes.iter().all(|byte| *byte == 0) {
        return Frame::End;
    }
    let payload_end = RECORD_HEADER_BYTES + header.payload_bytes;
    let framed_bytes = payload_end.next_multiple_of(8);
    let Some(framed) = buffer.get(..framed_bytes) else {
        return Frame::Short { needed_bytes: framed_bytes };
    };
    if open_wal::crc32c(&framed[4..]) != header.crc {
        return Frame::Damaged("checksum does not match");
    }
    if header.record_type != FULL_RECORD {
        return Frame::Damaged("unknown record type");
    }
    match offset_of(header.lsn) {
        None => Frame::Damaged("record number 0"),
        Some(offset) => {
            let payload = &framed[RECORD_HEADER_BYTES..payload_end];
            Frame::Record { offset, payload, framed_bytes }
        }
    }
}

/// The library counts records from 1 (LSN), verbatim from 0.
pub fn offset_of(lsn: u64) -> Option<Offset> {
    lsn.checked_sub(1).map(Offset)
}

fn lsn_of(offset: Offset) -> u64 {
    offset.0 + 1
}

/// The segments in `dir` by their first records, ascending.
pub fn list(dir: &Path) -> io::Result<Vec<Offset>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if let Some(digits) = name.to_str().and_then(|name| name.strip_suffix(".wal"))
            && let Some(first) = digits.parse().ok().and_then(offset_of)
        {
            segments.push(first);
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// The file of the segment whose first record is `first`.
pub fn path_of(dir: &Path, first: Offset) -> PathBuf {
    dir.join(format!("{:020}.wal", lsn_of(first)))
}

/// Fills `buffer` from `position` as far as the file goes; returns how much was read.
pub fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
