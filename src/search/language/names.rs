//! The names of fields in a query.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

/// What may stand before a colon.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum FieldName {
    Order,
    Customer,
    Agent,
    Category,
    Conversation,
    Role,
    Kind,
    From,
    To,
    Has,
    Is,
}

/// What `has:` takes.
pub(super) const HAS: &[&str] = &["attachment"];
/// What `is:` takes.
pub(super) const IS: &[&str] = &["edited", "retracted", "private"];

/// Words that join others, where they stand alone in capitals.
pub(super) const OPERATORS: &[&str] = &["AND", "OR", "NOT"];

/// The field that `name` is a slip away from, if it is none itself: to take `costumer:88` for a word
/// would find nothing and never say why.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    // Short names are a slip away from many words: `find:`, `form:`, `rule:`.
    const LETTERS_MIN: usize = 5;
    let is_near = |known: &&&str| known.len() >= LETTERS_MIN && is_slip(name, known);
    FieldName::VARIANTS.iter().find(is_near).copied()
}

/// Whether two words of ASCII letters differ by one letter left out or added, by two neighbours that
/// changed places, or by one letter, in long words two.
fn is_slip(typed: &str, known: &str) -> bool {
    let (typed, known) = (typed.as_bytes(), known.as_bytes());
    let same = typed.iter().zip(known).take_while(|(typed, known)| typed == known).count();
    let (typed_rest, known_rest) = (&typed[same..], &known[same..]);
    if typed.len() != known.len() {
        return typed_rest.get(1..) == Some(known_rest) || known_rest.get(1..) == Some(typed_rest);
    }
    let wrong = typed.iter().zip(known).filter(|(typed, known)| typed != known).count();
    let are_swapped =
        matches!((typed_rest, known_rest), ([a, b, ..], [c, d, ..]) if (a, b) == (d, c));
    wrong == 1 || (wrong == 2 && (are_swapped || known.len() > 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_words() {
        for (name, field) in [
            ("costumer", Some("customer")),
            ("custmer", Some("customer")),
            ("cutsomer", Some("customer")),
            ("oder", Some("order")),
            ("ordre", Some("order")),
            ("orders", Some("order")),
            ("rule", None),
            ("order", None),
            ("note", None),
            ("https", None),
            ("has", None),
            ("form", None),
        ] {
            assert_eq!(meant(name), field, "{name}");
        }
    }
}
