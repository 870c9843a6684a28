//! Reads the segment files of `open-wal` 0.2 by position. Its own reader starts at the oldest segment each time and
//! borrows the writer; following needs neither. The format (its `docs/wal_design_v6.md` §5):
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

/// Where the records of a segment begin.
pub const HEADER_BYTES: u64 = 64;
const RECORD_HEADER_BYTES: usize = 20;
const FULL_RECORD: u8 = 1;

/// One record's place in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole record whose checksum holds.
    Record { lsn: u64, payload: &'a [u8], framed_bytes: usize },
    /// Zeros: nothing further in this segment.
    End,
    /// The buffer stops before the record does; at least this many bytes are needed.
    Short { needed_bytes: usize },
    /// Not a record.
    Damaged(&'static str),
}

/// Reads the record at the start of `buffer`.
pub fn frame(buffer: &[u8]) -> Frame<'_> {
    let Some(header) = buffer.first_chunk::<RECORD_HEADER_BYTES>() else {
        return Frame::Short { needed_bytes: RECORD_HEADER_BYTES };
    };
    if header.iter().all(|byte| *byte == 0) {
        return Frame::End;
    }
    let [c0, c1, c2, c3, l0, l1, l2, l3, s0, s1, s2, s3, s4, s5, s6, s7, record_type, ..] = *header;
    let payload_bytes = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let framed_bytes = (RECORD_HEADER_BYTES + payload_bytes).next_multiple_of(8);
    let Some(framed) = buffer.get(..framed_bytes) else {
        return Frame::Short { needed_bytes: framed_bytes };
    };
    if open_wal::crc32c(&framed[4..]) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Frame::Damaged("checksum does not match");
    }
    if record_type != FULL_RECORD {
        return Frame::Damaged("unknown record type");
    }
    let payload = &framed[RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + payload_bytes];
    Frame::Record {
        lsn: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        payload,
        framed_bytes,
    }
}

/// The first record numbers of the segments in `dir`, ascending.
pub fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if let Some(digits) = name.to_str().and_then(|name| name.strip_suffix(".wal"))
            && let Ok(base) = digits.parse()
        {
            bases.push(base);
        }
    }
    bases.sort_unstable();
    Ok(bases)
}

/// The file of the segment whose first record is `base`.
pub fn path_of(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}.wal"))
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
