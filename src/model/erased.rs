//! That a record's content was erased, and what stays of it: when, why, and what its leaf is made of.
//!
//! A tombstone keeps its place, its times, its kind, who sent it and what figures are made of; it has
//! no text, no files, no data, no name and no salt. Its three commitments are kept, so that its leaf
//! can be computed again and every other proof still verifies; without the salt nobody can test a
//! guess against them.

use serde::{Deserialize, Serialize};

use super::{Commitments, Micros, Record};

/// What stands in the place of a record's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// When that was asked for.
    pub at: Micros,
    /// Why, as whoever asked put it.
    pub ground: String,
    /// What the content was committed to as.
    #[serde(skip)]
    pub commitments: Commitments,
}

/// As a customer sees it: the ground may speak of others.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CustomerErased {
    pub at: Micros,
}

impl Record {
    /// The record without its content; itself where it has none any more, and where it may not be
    /// seen, so that its commitments cannot be computed.
    pub fn erased_at(&self, at: Micros, ground: &str) -> Record {
        let Some(commitments) = self.commitments().filter(|_| self.erased.is_none()) else {
            return self.clone();
        };
        let mut tombstone = self.clone();
        tombstone.event.text = None;
        tombstone.event.attachments = Vec::new();
        tombstone.event.data = None;
        tombstone.event.sender.name = None;
        tombstone.salt = None;
        tombstone.erased = Some(Box::new(Erased { at, ground: ground.to_string(), commitments }));
        tombstone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Chain;
    use crate::model::testing::record;

    /// Another's proof goes through this record's leaf.
    #[test]
    fn a_tombstone_has_no_content_and_the_leaf_it_had() {
        let said = record(
            0,
            r#"{"id":"m","conversation":"c","kind":"message","text":"my card is 4711",
            "sender":{"id":"u","role":"customer","name":"Ann"},"data":{"iban":1},"order":"A-1"}"#,
        );
        let tombstone = said.erased_at(Micros(7), "asked by the customer");
        assert_eq!(tombstone.leaf_behind(&Chain::default()), Some(said.leaf));
        let shown = serde_json::to_string(&tombstone.public()).unwrap();
        for gone in ["4711", "Ann", "iban"] {
            assert!(!shown.contains(gone), "{shown}");
        }
        for kept in ["A-1", "\"id\":\"u\"", "asked by the customer", "1970-01-01T00:00:00.000007Z"]
        {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
        let again = tombstone.erased_at(Micros(9), "again");
        assert_eq!(again.erased, tombstone.erased, "what was erased first stands");
    }
}
