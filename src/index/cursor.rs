//! The cursor as it is written into a commit's payload, with what it takes to notice that it, or
//! the index around it, is not what was committed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::schema::VERSION;
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
    /// Of the fields and terms; the first had no number.
    #[serde(default = "first_version")]
    version: u32,
    cursor: Offset,
    documents: u64,
    check: String,
}

fn first_version() -> u32 {
    1
}

/// Why a payload says nothing of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PayloadError {
    /// It is whole, and of an index of an earlier version.
    Earlier(u32),
    /// What is wrong with it.
    Damaged(String),
}

impl Committed {
    pub(super) fn payload(self) -> String {
        let Committed { cursor, documents } = self;
        let payload = Payload { version: VERSION, cursor, documents, check: self.check(VERSION) };
        // Numbers and a string: there is no error to give.
        serde_json::to_string(&payload).unwrap_or_default()
    }

    pub(super) fn from_payload(payload: &str) -> Result<Committed, PayloadError> {
        let damaged = PayloadError::Damaged;
        let read: Payload = serde_json::from_str(payload)
            .map_err(|error| damaged(format!("its cursor `{payload}` is unreadable: {error}")))?;
        let committed = Committed { cursor: read.cursor, documents: read.documents };
        let check = committed.check(read.version);
        if read.check != check {
            return Err(damaged(format!("its cursor `{payload}` fails its check: want {check}")));
        }
        match read.version {
            VERSION => Ok(committed),
            version if version < VERSION => Err(PayloadError::Earlier(version)),
            version => {
                Err(damaged(format!("it is of version {version}, and this build reads {VERSION}")))
            }
        }
    }

    /// tantivy checksums its segments but not `meta.json`, where a flipped bit would make another
    /// number.
    fn check(self, version: u32) -> String {
        let digest =
            Sha256::digest(format!("verbatim/index/v{version} {} {}", self.cursor, self.documents));
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
    #[test]
    fn an_earlier_version_is_told_from_damage() {
        let first = r#"{"cursor":7,"documents":7,"check":"CHECK"}"#;
        let check = Committed { cursor: Offset(7), documents: 7 }.check(1);
        let payload = first.replace("CHECK", &check);
        assert_eq!(Committed::from_payload(&payload), Err(PayloadError::Earlier(1)));
        let changed = payload.replacen("7", "8", 1);
        assert!(matches!(Committed::from_payload(&changed), Err(PayloadError::Damaged(_))));
    }
}
