//! Where a page of an answer ended, so that the next goes on there.
//!
//! A page holds what it says up to the offset that the first page was complete to, and orders it by
//! what never changes, so new records neither move nor double anything between two pages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::{Micros, Offset};

/// When a message occurred and where it stands: one order of all messages.
pub(super) type Place = (Micros, Offset);

/// Where a page ended. Written as `OFFSET`, then `.cTIME.OFFSET` and `.hTIME.OFFSET` where they are
/// known: times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What the first page was complete to: nothing from there on is looked at.
    pub complete_to: Offset,
    /// The hit by which the last conversation of the page was placed: the next ones come after it.
    pub conversations: Option<(Micros, Offset)>,
    /// The last hit shown of a conversation: only later ones are shown.
    pub hits: Option<(Micros, Offset)>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.complete_to)?;
        for (letter, place) in [('c', self.conversations), ('h', self.hits)] {
            if let Some((Micros(time), offset)) = place {
                write!(formatter, ".{letter}{time}.{offset}")?;
            }
        }
        Ok(())
    }
}

/// Text that no page ended at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not where a page of an answer ended")]
pub struct NotACursor(String);

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Cursor, NotACursor> {
        read(text).ok_or_else(|| NotACursor(text.to_string()))
    }
}

fn read(text: &str) -> Option<Cursor> {
    let mut parts = text.split('.');
    let complete_to = Offset(parts.next()?.parse().ok()?);
    let mut cursor = Cursor { complete_to, conversations: None, hits: None };
    while let Some(time) = parts.next() {
        let offset = Offset(parts.next()?.parse().ok()?);
        let place = match (time.strip_prefix('c'), time.strip_prefix('h')) {
            (Some(time), _) if cursor.conversations.is_none() => (time, &mut cursor.conversations),
            (_, Some(time)) if cursor.hits.is_none() => (time, &mut cursor.hits),
            _ => return None,
        };
        *place.1 = Some((Micros(place.0.parse().ok()?), offset));
    }
    Some(cursor)
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        let place = Some((Micros(-5), Offset(7)));
        for conversations in [None, place] {
            for hits in [None, place] {
                let cursor = Cursor { complete_to: Offset(9), conversations, hits };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
        for bad in ["", "x", "9.c1", "9.x1.2", "9.c1.2.c1.2", "9.c1.2.", "-1", "9.h.2", "9.c1.2 "] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
