//! What files of a form are made from: the rows of a bundle, conversation by conversation, and its attachments.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::InterchangeError;
use crate::evidence::row::ParsedRow;

/// Where the bytes of an attachment are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// In the bundle, of so many bytes.
    Within { name: String, bytes: u64 },
    /// Not in it, and why, in the bundle's word: `missing`, `damaged`.
    Lacking(String),
}

/// Attachments by the SHA-256 of their bytes, in hex.
pub(super) type Files = BTreeMap<String, Kept>;

/// What a bundle has, but for the bytes of its attachments.
pub(super) struct Source {
    /// In which people are shown times.
    pub(super) zone: Tz,
    pub(super) files: Files,
    /// Lines of the evidence copy.
    pub(super) messages: String,
}

/// Gives the bytes of attachments.
pub(super) trait Bytes {
    /// Those of an attachment that is there; `sha256` is the hash that they have.
    fn of(&mut self, sha256: &str) -> Result<Vec<u8>, InterchangeError>;
}

impl Source {
    /// The rows of one conversation after the other, each whole and in order.
    pub(super) fn conversations(
        &self,
    ) -> impl Iterator<Item = Result<Vec<ParsedRow>, InterchangeError>> {
        let mut lines = (1_usize..).zip(self.messages.lines()).peekable();
        std::iter::from_fn(move || {
            lines.peek()?;
            let mut rows: Vec<ParsedRow> = Vec::new();
            while let Some((number, line)) = lines.peek() {
                let row = match ParsedRow::parse(line) {
                    Ok(row) => row,
                    Err(wrong) => {
                        let reason = format!("line {number} of its evidence copy {wrong}");
                        // What follows it is not looked at.
                        lines.by_ref().for_each(drop);
                        return Some(Err(InterchangeError::BadBundle { reason }));
                    }
                };
                // In a bundle a conversation follows the other.
                if row.row.seq == 1 && !rows.is_empty() {
                    break;
                }
                rows.push(row);
                lines.next();
            }
            Some(Ok(rows))
        })
    }
}
