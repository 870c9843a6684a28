//! Reads the segment files of `open-wal` 0.2 by position. Its own reader starts at the oldest
//! segment each time and borrows the writer; following needs neither. The format (its
//! `docs/wal_design_v6.md` §5), in which one entry is one of our frames:
//!
//! ```text
//! segment = header[64] ‖ entry* ‖ zeros up to the allocated size
//! entry   = crc u32 ‖ length u32 ‖ lsn u64 ‖ type u8 (1) ‖ flags u8 ‖ reserved u16 ‖ payload ‖ zeros to 8 bytes
//! crc     = CRC-32C over everything after itself, padding included; integers little-endian
//! ```

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Where the entries of a segment begin.
pub(super) const HEADER_BYTES: u32 = 64;
const ENTRY_HEADER_BYTES: usize = 20;
/// Entries begin at multiples of it.
const ALIGNMENT: usize = 8;
const WHOLE_ENTRY: u8 = 1;
/// What is compared at once with what was read. Entries begin at a multiple of their alignment, and
/// none begins with zeros only.
const ZEROS: [u8; 4_096] = [0; 4_096];

/// What a segment begins with whose first frame is to have this number (§5.2): magic, version u16,
/// flags u16, number u64, when it was made u64 (nobody asks), zeros, CRC-32C u32 of all that.
pub(super) fn header(lsn: u64) -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    header[..8].copy_from_slice(b"WAL\0SEG1");
    header[8..10].copy_from_slice(&1_u16.to_le_bytes());
    header[12..20].copy_from_slice(&lsn.to_le_bytes());
    let crc = open_wal::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// What stands at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A whole entry whose checksum holds; where in the buffer its payload is.
    Whole { lsn: u64, payload: Range<usize>, entry_bytes: usize },
    /// Nothing was written here, or not yet all of the entry's header.
    End,
    /// The buffer stops before the entry does; at least this many bytes are needed.
    Short { needed_bytes: usize },
    /// Not an entry.
    Damaged(&'static str),
}

/// What stands before an entry's payload.
struct Header {
    crc: u32,
    payload_bytes: usize,
    lsn: u64,
    entry_type: u8,
}

impl Header {
    fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes: &[u8; ENTRY_HEADER_BYTES] = bytes.first_chunk()?;
        let (crc, rest) = bytes.split_first_chunk()?;
        let (payload_bytes, rest) = rest.split_first_chunk()?;
        let (lsn, rest) = rest.split_first_chunk()?;
        Some(Header {
            crc: u32::from_le_bytes(*crc),
            payload_bytes: u32::from_le_bytes(*payload_bytes) as usize,
            lsn: u64::from_le_bytes(*lsn),
            entry_type: *rest.first()?,
        })
    }
}

/// Reads the entry at the start of `buffer`.
pub(super) fn entry(buffer: &[u8]) -> Entry {
    let Some(header) = Header::decode(buffer) else {
        return Entry::Short { needed_bytes: ENTRY_HEADER_BYTES };
    };
    // What `open-wal` takes for the end, so that both agree on where the log ends.
    if header.entry_type == 0 {
        return Entry::End;
    }
    let entry_bytes = entry_bytes(header.payload_bytes);
    let Some(entry) = buffer.get(..entry_bytes) else {
        return Entry::Short { needed_bytes: entry_bytes };
    };
    if open_wal::crc32c(&entry[4..]) != header.crc {
        return Entry::Damaged("checksum does not match");
    }
    if header.entry_type != WHOLE_ENTRY {
        return Entry::Damaged("unknown type of entry");
    }
    let payload = ENTRY_HEADER_BYTES..ENTRY_HEADER_BYTES + header.payload_bytes;
    Entry::Whole { lsn: header.lsn, payload, entry_bytes }
}

/// Bytes that an entry with such a payload takes.
pub(super) fn entry_bytes(payload_bytes: usize) -> usize {
    (ENTRY_HEADER_BYTES + payload_bytes).next_multiple_of(ALIGNMENT)
}

/// A whole entry behind bytes that are none.
pub(super) struct Later<'a> {
    pub(super) distance: usize,
    pub(super) payload: &'a [u8],
}

/// The first whole entry in `rest`, which begins where that of `expected_lsn` should.
pub(super) fn later_entry(rest: &[u8], expected_lsn: u64) -> Option<Later<'_>> {
    // Numbers that a segment can reach: they tell most chances from entries without a checksum.
    let lsns = expected_lsn..=expected_lsn.saturating_add(rest.len() as u64);
    let places =
        rest.chunks(ZEROS.len()).enumerate().filter(|(_, chunk)| !is_zero(chunk)).flat_map(
            |(number, chunk)| {
                (0..chunk.len()).step_by(ALIGNMENT).map(move |byte| number * ZEROS.len() + byte)
            },
        );
    places.filter(|distance| *distance > 0).find_map(|distance| {
        let rest = rest.get(distance..)?;
        let header = Header::decode(rest)?;
        if header.entry_type != WHOLE_ENTRY || !lsns.contains(&header.lsn) {
            return None;
        }
        match entry(rest) {
            Entry::Whole { payload, .. } => Some(Later { distance, payload: rest.get(payload)? }),
            _ => None,
        }
    })
}

/// Whether nothing was written: a segment is allocated ahead with zeros.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

/// Fills `buffer` from `position` as far as the file goes; returns how much was read.
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
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
