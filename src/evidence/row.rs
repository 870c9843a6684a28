//! A record as the evidence copy has it: one line of `data/messages.jsonl`, RFC 8785 JSON.
//!
//! ```text
//! {"kind":2,"leaf":HEX,"parts":{"body":PART,"meta":PART,"sender":PART},
//!  "prev":HEX,"received_at_us":N,"seq":N,"thread":HEX,"zone":"+08:00"}
//! PART = {"canonical":TEXT,"salt":HEX}                     disclosed
//!      | {"commitment":HEX,"why":WORD}                     withheld; of a sender also "role", as the
//!                                                          exporter says it and nothing proves it
//! ```
//! `zone` is how far from UTC the display copies show its time. The leaf follows from all that stands
//! there, as `model::leaf` says; a line whose leaf does not is no row.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex_bytes::HexBytes;
use super::json::{self, INTEGER_END, Json, Object};
use super::redact::{META, PARTS, Redaction};
use crate::model::{
    Audience, CanonicalParts, Chain, Commitments, Kind, Leaf, Micros, Reader, Record, Seq,
};

/// A line of `data/messages.jsonl`. Fields stand in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) kind: u8,
    pub(super) leaf: HexBytes<32>,
    pub(super) parts: RowParts,
    pub(super) prev: HexBytes<32>,
    pub(super) received_at_us: u64,
    pub(super) seq: u32,
    pub(super) thread: HexBytes<16>,
    pub(super) zone: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowParts {
    pub(super) body: Part,
    pub(super) meta: Part,
    pub(super) sender: Part,
}

/// One part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Part {
    Disclosed {
        canonical: String,
        salt: HexBytes<16>,
    },
    Withheld {
        commitment: HexBytes<32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        why: String,
    },
}

/// Why a part is not disclosed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Its text was forgotten, on the grounds that the shop's records say.
    Erased,
    /// The shop's own, which the customer did not hear: notes, tags, who was assigned, holds, erasures; and the meta
    /// of what answers one of these, since it names it.
    Private,
    /// Outside of the time that was asked for.
    Range,
    /// Left out by a rule of the export.
    Redacted,
}

impl Why {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Why::Erased => "erased",
            Why::Private => "private",
            Why::Range => "range",
            Why::Redacted => "redacted",
        }
    }
}

/// What of a conversation an export discloses.
pub(super) struct Disclosure<'a> {
    /// `[from, to)` by `occurred_at`.
    pub(super) from: Option<Micros>,
    pub(super) to: Option<Micros>,
    pub(super) with_private: bool,
    pub(super) redactions: &'a [Redaction],
}

impl Disclosure<'_> {
    /// Who reads a conversation in the bundle.
    pub(super) fn reader(&self) -> Reader {
        Reader::new(if self.with_private { Audience::Shop } else { Audience::OtherSide })
    }

    /// Why each part of the reader's next record stays hidden, in the order of [`PARTS`]; `None` where it is
    /// disclosed.
    pub(super) fn why_not(&self, record: &Record, reader: &mut Reader) -> [Option<Why>; 3] {
        let at = record.occurred_at();
        let is_outside =
            self.from.is_some_and(|from| at < from) || self.to.is_some_and(|to| at >= to);
        if !reader.sees(&record.event) {
            [Some(Why::Private); 3]
        } else if record.salt.is_none() {
            [Some(Why::Erased); 3]
        } else if is_outside {
            [Some(Why::Range); 3]
        } else {
            let is_redacted =
                |part: &str| self.redactions.iter().any(|rule| rule.hides(record, part));
            let names_hidden = reader.answers_hidden(&record.event);
            PARTS.map(|part| {
                if is_redacted(part) {
                    Some(Why::Redacted)
                } else {
                    (part == META && names_hidden).then_some(Why::Private)
                }
            })
        }
    }
}

impl Row {
    /// The row of a record that stands behind `chain`, with the parts for which there is no reason `why_not`.
    /// `commitments` are those kept with it, which is all that an erased one has. `None` where it does not have the leaf that it was given.
    pub(super) fn of(
        record: &Record,
        chain: &Chain,
        commitments: &Commitments,
        why_not: [Option<Why>; 3],
        zone: String,
    ) -> Option<Row> {
        let kind = record.event.kind;
        let leaf = Leaf { chain, received_at: record.received_at, kind, commitments }.hash();
        if leaf != record.leaf || record.seq != chain.next_seq() {
            return None;
        }
        let texts =
            CanonicalParts::of(&record.shop, record.origin, record.by.as_ref(), &record.event);
        let part = |index: usize, text: String| match (why_not[index], record.salt) {
            (None, Some(salt)) => {
                Part::Disclosed { canonical: text, salt: HexBytes(salt.of_part(PARTS[index])) }
            }
            (why, _) => Part::withheld(
                commitments.0[index],
                why.unwrap_or(Why::Erased),
                role_of(record, index, why),
            ),
        };
        Some(Row {
            kind: kind as u8,
            leaf: HexBytes(leaf.0),
            prev: HexBytes(chain.last_leaf),
            received_at_us: u64::try_from(record.received_at.0).ok()?,
            seq: record.seq.0,
            thread: HexBytes(chain.thread),
            zone,
            parts: RowParts {
                sender: part(0, texts.sender),
                body: part(1, texts.body),
                meta: part(2, texts.meta),
            },
        })
    }

    /// Parts with their names, in the order of the leaf.
    pub(super) fn parts(&self) -> [(&'static str, &Part); 3] {
        let RowParts { body, meta, sender } = &self.parts;
        [(PARTS[0], sender), (PARTS[1], body), (PARTS[2], meta)]
    }

    /// As a line of the file, without its end.
    pub(super) fn line(&self) -> String {
        json::written(self)
    }
}

impl Part {
    fn withheld(commitment: [u8; 32], why: Why, role: Option<String>) -> Part {
        let why = why.as_str().to_string();
        Part::Withheld { commitment: HexBytes(commitment), role, why }
    }

    fn commitment(&self) -> [u8; 32] {
        match self {
            Part::Disclosed { canonical, salt } => {
                Sha256::new().chain_update(salt.0).chain_update(canonical).finalize().into()
            }
            Part::Withheld { commitment, .. } => commitment.0,
        }
    }
}

/// Of a sender that a rule or an erasure hides, which side it is, or nobody could follow who answers
/// whom.
fn role_of(record: &Record, part: usize, why: Option<Why>) -> Option<String> {
    let is_hidden = matches!(why, Some(Why::Redacted | Why::Erased));
    (part == 0 && is_hidden).then(|| record.event.sender.role.as_str().to_string())
}

/// A row with what its disclosed parts say.
#[derive(Clone, Debug)]
pub(super) struct ParsedRow {
    pub(super) row: Row,
    pub(super) kind: Kind,
    /// Empty where they are withheld.
    pub(super) sender: Object,
    pub(super) body: Object,
    pub(super) meta: Object,
}

impl ParsedRow {
    /// A row whose leaf follows from what it says.
    ///
    /// # Errors
    /// In a few words, what is wrong.
    pub(super) fn parse(line: &str) -> Result<ParsedRow, &'static str> {
        let not_one = "is not a record in canonical JSON";
        let row: Row = json::read(line).ok_or(not_one)?;
        let kind = Kind::from_repr(row.kind).ok_or(not_one)?;
        let is_sender_alone = row.parts().iter().all(|(name, part)| {
            *name == PARTS[0] || !matches!(part, Part::Withheld { role: Some(_), .. })
        });
        if row.received_at_us >= INTEGER_END || row.seq == 0 || !is_sender_alone {
            return Err(not_one);
        }
        let commitments = Commitments(row.parts().map(|(_, part)| part.commitment()));
        if row.leaf.0 != leaf_of(&row, kind, &commitments) {
            return Err("is not what was committed to at receipt");
        }
        let [sender, body, meta] = row.parts().map(|(_, part)| match part {
            Part::Disclosed { canonical, .. } => json::read_object(canonical),
            Part::Withheld { .. } => Some(Object::new()),
        });
        let (Some(sender), Some(body), Some(meta)) = (sender, body, meta) else {
            return Err(not_one);
        };
        let is_of_kind = meta.get("kind").is_none_or(|said| said.text() == Some(kind.as_str()));
        let says_whose = ["conversation", "shop"]
            .iter()
            .all(|name| meta.get(*name).is_none_or(|said| said.text().is_some()));
        if !is_of_kind || !says_whose || !names_files(&body) {
            return Err(not_one);
        }
        Ok(ParsedRow { row, kind, sender, body, meta })
    }

    /// Whether a part of it was erased.
    pub(super) fn is_erased(&self) -> bool {
        self.withheld().any(|(_, why)| why == Why::Erased.as_str())
    }

    /// Names of the withheld parts, and why they are.
    pub(super) fn withheld(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.row.parts().into_iter().filter_map(|(name, part)| match part {
            Part::Withheld { why, .. } => Some((name, why.as_str())),
            Part::Disclosed { .. } => None,
        })
    }
}

/// Whether what a body names as its files are such, each with the sum by which it is known.
fn names_files(body: &Object) -> bool {
    let is_file = |file: &Json| {
        let sha256 = file.object().and_then(|file| file.get("sha256"));
        sha256.is_some_and(|sum| sum.text().is_some())
    };
    body.get("attachments")
        .is_none_or(|files| files.list().is_some_and(|files| files.iter().all(is_file)))
}

/// The leaf of a row, from its own numbers.
fn leaf_of(row: &Row, kind: Kind, commitments: &Commitments) -> [u8; 32] {
    let last_seq = Seq(row.seq.saturating_sub(1));
    let chain = Chain { thread: row.thread.0, last_seq, last_leaf: row.prev.0 };
    // Below 2^53.
    let received_at = Micros(row.received_at_us as i64);
    Leaf { chain: &chain, received_at, kind, commitments }.hash().0
}
