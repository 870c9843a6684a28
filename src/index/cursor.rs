//! The cursor as it is written into a commit's payload, with what it takes to notice that it, or
//! the index around it, is not what was committed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::Offset;

/// What a commit says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Committed {
    /// First offset not in the index.
    pub cursor: Offset,
    /// How many documents the index has. One per record, but not always the cursor: an index may
    /// begin above 0.
    pub documents: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    cursor: Offset,
    documents: u64,
    check: String,
}

impl Committed {
    pub(super) fn payload(self) -> String {
        let payload =
            Payload { cursor: self.cursor, documents: self.documents, check: self.check() };
        // Two numbers and a string: there is no error to give.
        serde_json::to_string(&payload).unwrap_or_default()
    }

    pub(super) fn from_payload(payload: &str) -> Result<Committed, String> {
        let read: Payload = serde_json::from_str(payload)
            .map_err(|error| format!("its cursor `{payload}` is unreadable: {error}"))?;
        let committed = Committed { cursor: read.cursor, documents: read.documents };
        if read.check == committed.check() {
            Ok(committed)
        } else {
            Err(format!("its cursor `{payload}` fails its check: want {}", committed.check()))
        }
    }

    /// tantivy checksums its segments but not `meta.json`, where a flipped bit would make another
    /// number.
    fn check(self) -> String {
        let digest =
            Sha256::digest(format!("verbatim/index/v1 {} {}", self.cursor, self.documents));
        hex::encode(&digest[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_byte_is_noticed() {
        let committed = Committed { cursor: Offset(123_456), documents: 123_400 };
        let payload = committed.payload();
        assert_eq!(Committed::from_payload(&payload), Ok(committed));
        for position in 0..payload.len() {
            for bit in 0..7 {
                let mut bytes = payload.clone().into_bytes();
                bytes[position] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(Committed::from_payload(&changed).is_err(), "{changed}");
            }
        }
    }
}
