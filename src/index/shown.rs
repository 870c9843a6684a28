//! What is shown with a hit beside its text, packed into one stored value: as fields of their own it
//! would take twice the bytes.
//!
//! ```text
//! kind u8  role u8  flags u8  seq  files  received_at − occurred_at   (numbers: LEB128, the last zigzag)
//! id ␟ sender id ␟ sender name ␟ order ␟ target                               (␟: U+001F, in no id; empty: none)
//! ```
//!
//! Invariant: [`Shown::unpack`] gives what was packed, or nothing.

use crate::model::{Kind, Micros, Origin, Record, Role, Seq, Visibility};

/// What is shown with a hit beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub kind: Kind,
    pub sender_role: Role,
    pub visibility: Visibility,
    pub automatic: bool,
    pub origin: Origin,
    pub seq: Seq,
    /// How many attachments it has.
    pub attachments: usize,
    pub received_at: Micros,
    pub id: String,
    pub sender_id: String,
    pub sender_name: Option<String>,
    pub order: Option<String>,
    /// The id that an edit, a retraction or a read is about.
    pub target: Option<String>,
}

const PRIVATE: u8 = 1;
const AUTOMATIC: u8 = 2;
const IMPORTED: u8 = 4;
const UNIT_SEPARATOR: char = '\u{1f}';
const STRINGS: usize = 5;

impl Shown {
    pub fn of(record: &Record) -> Shown {
        let event = &record.event;
        Shown {
            kind: event.kind,
            sender_role: event.sender.role,
            visibility: event.visibility,
            automatic: event.automatic,
            origin: record.origin,
            seq: record.seq,
            attachments: event.attachments.len(),
            received_at: record.received_at,
            id: event.id.clone(),
            sender_id: event.sender.id.clone(),
            sender_name: event.sender.name.clone(),
            order: event.order.clone(),
            target: event.target.clone(),
        }
    }

    pub(super) fn pack(&self, occurred_at: Micros) -> Vec<u8> {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(self.visibility == Visibility::Private, PRIVATE)
            | flag(self.automatic, AUTOMATIC)
            | flag(self.origin == Origin::Imported, IMPORTED);
        let mut packed = vec![self.kind as u8, self.sender_role as u8, flags];
        let late = self.received_at.0.wrapping_sub(occurred_at.0);
        let zigzag = ((late << 1) ^ (late >> 63)).cast_unsigned();
        for number in [u64::from(self.seq.0), self.attachments as u64, zigzag] {
            push_number(&mut packed, number);
        }
        let strings: [&str; STRINGS] = [
            &self.id,
            &self.sender_id,
            self.sender_name.as_deref().unwrap_or_default(),
            self.order.as_deref().unwrap_or_default(),
            self.target.as_deref().unwrap_or_default(),
        ];
        packed.extend_from_slice(strings.join(UNIT_SEPARATOR.encode_utf8(&mut [0; 4])).as_bytes());
        packed
    }

    /// What [`Shown::pack`] made of a record that occurred then.
    pub fn unpack(packed: &[u8], occurred_at: Micros) -> Option<Shown> {
        let ([kind, role, flags], rest) = packed.split_first_chunk::<3>()?;
        let (seq, rest) = take_number(rest)?;
        let (files, rest) = take_number(rest)?;
        let (zigzag, rest) = take_number(rest)?;
        let late = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        let mut strings = std::str::from_utf8(rest).ok()?.split(UNIT_SEPARATOR);
        let id = strings.next()?.to_string();
        let sender_id = strings.next()?.to_string();
        let mut optional =
            || strings.next().map(|text| (!text.is_empty()).then(|| text.to_string()));
        let (sender_name, order, target) = (optional()?, optional()?, optional()?);
        Some(Shown {
            kind: Kind::from_repr(*kind)?,
            sender_role: Role::from_repr(*role)?,
            visibility: match flags & PRIVATE {
                0 => Visibility::Public,
                _ => Visibility::Private,
            },
            automatic: flags & AUTOMATIC != 0,
            origin: match flags & IMPORTED {
                0 => Origin::Live,
                _ => Origin::Imported,
            },
            seq: Seq(u32::try_from(seq).ok()?),
            attachments: usize::try_from(files).ok()?,
            received_at: Micros(occurred_at.0.wrapping_add(late)),
            id,
            sender_id,
            sender_name,
            order,
            target,
        })
    }
}

fn push_number(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn take_number(packed: &[u8]) -> Option<(u64, &[u8])> {
    // 64 bits by sevens.
    const BYTES_MAX: usize = 10;
    let mut number = 0;
    for (place, byte) in packed.iter().enumerate().take(BYTES_MAX) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &packed[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{position, record_at};

    #[test]
    fn what_is_packed_comes_back() {
        for origin in [Origin::Live, Origin::Imported] {
            for sent_at in
                ["2026-01-03T02:13:05+08:00", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
            {
                for event in [
                    serde_json::json!({"id": "m", "conversation": "c", "kind": "edit", "text": "x", "target": "m-1",
                        "sender": {"id": "u", "role": "human", "name": "林晓"}, "visibility": "private",
                        "order": "FL1", "sent_at": sent_at, "automatic": true}),
                    serde_json::json!({"id": "m", "conversation": "c", "kind": "message", "text": "x",
                        "sender": {"id": "u", "role": "bot"}, "sent_at": sent_at}),
                ] {
                    let at = position(300, Micros(1_700_000_000_000_000));
                    let record = record_at(at, "shop", origin, event);
                    let shown = Shown::of(&record);
                    let packed = shown.pack(record.occurred_at());
                    let unpacked = |packed: &[u8]| Shown::unpack(packed, record.occurred_at());
                    assert_eq!(unpacked(&packed), Some(shown.clone()));
                    for end in 0..packed.len() - 1 {
                        assert!(unpacked(&packed[..end]).is_none_or(|cut| cut != shown));
                    }
                }
            }
        }
    }
}
