//! What is known of a sealed segment without reading it: a file beside it, written when it is
//! sealed. In the file of `checked.rs`:
//!
//! ```text
//! name = "verbatim/segment"
//! body = first u64 ‖ end u64 ‖ first_lsn u64 ‖ end_lsn u64 ‖ first_received_at i64 ‖ last_received_at i64
//!        ‖ file_bytes u64 ‖ file_crc u32 ‖ count u32 ‖ (offset − first u32 ‖ byte u32) × count
//! ```
//! Ends are half-open; `file_crc` is the CRC-32C of the whole segment file.

use std::fs;
use std::path::Path;

use super::LogError;
use super::checked::{self, Fields, Name};
use super::positions::{FramePosition, Positions};
use super::segment_file::HEADER_BYTES;
use crate::model::{Micros, Offset};

const NAME: &Name = b"verbatim/segment";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sidecar {
    /// Its first record.
    pub(super) first: Offset,
    /// First offset after it.
    pub(super) end: Offset,
    /// Number of its first frame.
    pub(super) first_lsn: u64,
    /// Number of the first frame after it.
    pub(super) end_lsn: u64,
    pub(super) first_received_at: Micros,
    pub(super) last_received_at: Micros,
    pub(super) file_bytes: u64,
    pub(super) file_crc: u32,
    pub(super) positions: Positions,
}

impl Sidecar {
    pub(super) fn encode(&self) -> Vec<u8> {
        let noted = self.positions.noted();
        let mut body = Vec::with_capacity(64 + noted.len() * 8);
        for number in [self.first.0, self.end.0, self.first_lsn, self.end_lsn] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&self.first_received_at.0.to_le_bytes());
        body.extend_from_slice(&self.last_received_at.0.to_le_bytes());
        body.extend_from_slice(&self.file_bytes.to_le_bytes());
        body.extend_from_slice(&self.file_crc.to_le_bytes());
        // A segment has far fewer positions than 2^32: one for each 64 KiB.
        body.extend_from_slice(&(noted.len() as u32).to_le_bytes());
        for (count, byte) in noted {
            body.extend_from_slice(&count.to_le_bytes());
            body.extend_from_slice(&byte.to_le_bytes());
        }
        checked::encode(NAME, &body)
    }

    /// Reads a sidecar's file.
    pub(super) fn read(path: &Path) -> Result<Sidecar, LogError> {
        let bytes = fs::read(path).map_err(|source| LogError::read(path, 0, source))?;
        Sidecar::decode(&bytes)
            .map_err(|detail| LogError::File { path: path.to_path_buf(), detail })
    }

    fn decode(bytes: &[u8]) -> Result<Sidecar, String> {
        let mut fields = Fields(checked::decode(NAME, bytes)?);
        let (first, end) = (Offset(fields.u64()?), Offset(fields.u64()?));
        let (first_lsn, end_lsn) = (fields.u64()?, fields.u64()?);
        let (first_received_at, last_received_at) = (Micros(fields.i64()?), Micros(fields.i64()?));
        let (file_bytes, file_crc) = (fields.u64()?, fields.u32()?);
        let count = fields.u32()?;
        let noted: Result<_, String> =
            (0..count).map(|_| Ok((fields.u32()?, fields.u32()?))).collect();
        let at_start = FramePosition { offset: first, byte: HEADER_BYTES };
        let positions = Positions::of(at_start, noted?);
        Ok(Sidecar {
            first,
            end,
            first_lsn,
            end_lsn,
            first_received_at,
            last_received_at,
            file_bytes,
            file_crc,
            positions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar() -> Sidecar {
        let at_start = FramePosition { offset: Offset(7), byte: HEADER_BYTES };
        Sidecar {
            first: Offset(7),
            end: Offset(300),
            first_lsn: 3,
            end_lsn: 9,
            first_received_at: Micros(1_000),
            last_received_at: Micros(2_000),
            file_bytes: 65_536,
            file_crc: 0x0102_0304,
            positions: Positions::of(at_start, vec![(5, 0x1_0040)]),
        }
    }

    /// Later builds read what this one wrote.
    #[test]
    fn the_layout_stands() {
        let golden = concat!(
            "766572626174696d2f7365676d656e74", // verbatim/segment
            "0100",                             // version
            "0700000000000000",
            "2c01000000000000",
            "0300000000000000",
            "0900000000000000",
            "e803000000000000",
            "d007000000000000",
            "0000010000000000",
            "04030201",
            "01000000",
            "0500000040000100",
            "e8872b35",
        );
        assert_eq!(hex::encode(sidecar().encode()), golden);
    }

    #[test]
    fn what_was_written_is_read_and_any_flipped_bit_is_found() {
        let bytes = sidecar().encode();
        assert_eq!(Sidecar::decode(&bytes).unwrap(), sidecar());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Sidecar::decode(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Sidecar::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_newer_version_is_refused_by_its_number() {
        let mut bytes = sidecar().encode();
        bytes[16] = 2;
        let end = bytes.len() - 4;
        let crc = open_wal::crc32c(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&crc);
        let detail = Sidecar::decode(&bytes).unwrap_err();
        assert_eq!(detail, "it is of version 2; this build reads version 1");
    }
}
