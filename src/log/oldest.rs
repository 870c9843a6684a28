//! Where the log begins: a file that is written before older segments are removed, so that a
//! segment that was trimmed is told from one that was lost. In the file of `checked.rs`:
//!
//! ```text
//! name = "verbatim/oldest" ‖ 0
//! body = offset u64 ‖ lsn u64        the first record still kept, and the number of its frame
//! ```

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::LogError;
use super::checked::{self, Fields, Name};
use crate::model::Offset;

const NAME: &Name = b"verbatim/oldest\0";

/// Where records or frames begin, by both of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) offset: Offset,
    pub(super) lsn: u64,
}

impl fmt::Display for Start {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "offset {} in frame {}", self.offset, self.lsn)
    }
}

impl Start {
    /// Of a log that was never trimmed.
    pub(super) const OF_ALL: Start = Start { offset: Offset(0), lsn: 1 };

    pub(super) fn encode(self) -> Vec<u8> {
        let body = [self.offset.0.to_le_bytes(), self.lsn.to_le_bytes()].concat();
        checked::encode(NAME, &body)
    }

    /// Reads the file; a log without one was never trimmed.
    pub(super) fn read(path: &Path) -> Result<Start, LogError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Start::OF_ALL),
            Err(source) => return Err(LogError::read(path, 0, source)),
        };
        let decode = |bytes| {
            let mut fields = Fields(checked::decode(NAME, bytes)?);
            Ok(Start { offset: Offset(fields.u64()?), lsn: fields.u64()? })
        };
        decode(&bytes).map_err(|detail| LogError::File { path: path.to_path_buf(), detail })
    }
}
