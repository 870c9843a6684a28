//! Whether a text contains what is looked for, and where. What the index proposes, this decides; it
//! is the definition of a hit.

use std::ops::Range;

use super::SearchQuery;
use crate::index::{fold, fold_with_map};

/// The text looked for, in the form in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needle {
    /// Any text will do.
    Any,
    AsIs(String),
    Folded(String),
}

impl Needle {
    pub(super) fn of(query: &SearchQuery) -> Needle {
        match (query.text.as_str(), query.exact) {
            ("", _) => Needle::Any,
            (sought, true) => Needle::AsIs(sought.to_string()),
            (sought, false) => Needle::Folded(fold(sought)),
        }
    }

    /// Whether `text` contains it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        match self {
            Needle::Any => true,
            Needle::AsIs(sought) => text.contains(sought),
            Needle::Folded(sought) => fold(text).contains(sought),
        }
    }

    /// Where in `text` it stands: byte ranges, ascending, not touching each other's bytes.
    pub(super) fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        match self {
            Needle::Any => {}
            Needle::AsIs(sought) => {
                for (from, _) in text.match_indices(sought.as_str()) {
                    add(&mut spans, from..from + sought.len());
                }
            }
            Needle::Folded(sought) => {
                let folded = fold_with_map(text);
                for (from, _) in folded.text.match_indices(sought.as_str()) {
                    add(&mut spans, folded.original(from..from + sought.len()));
                }
            }
        }
        spans
    }
}

/// Two matches can meet inside one cluster (`s` twice in `ß`): they are then one span.
fn add(spans: &mut Vec<(usize, usize)>, span: Range<usize>) {
    match spans.last_mut() {
        Some(last) if span.start < last.1 => last.1 = last.1.max(span.end),
        _ => spans.push((span.start, span.end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_bytes_of_the_original() {
        let check = |sought: &str, exact: bool, text: &str, expected: &[&str]| {
            let needle = Needle::of(&SearchQuery { exact, ..SearchQuery::new("s", sought) });
            let shown: Vec<&str> =
                needle.spans(text).into_iter().map(|(from, to)| &text[from..to]).collect();
            assert_eq!(shown, expected, "{needle:?} in {text:?}");
            assert_eq!(needle.is_in(text), !expected.is_empty());
        };
        check("退款", false, "请退款，退款！", &["退款", "退款"]);
        check(
            "refund",
            false,
            "Refund ＲＥＦＵＮＤ re\u{200b}fund",
            &["Refund", "ＲＥＦＵＮＤ", "re\u{200b}fund"],
        );
        check("refund", true, "Refund refund", &["refund"]);
        check("s", false, "ß", &["ß"]);
        check("aa", false, "aaa", &["aa"]);
        check("é", false, "cafe\u{301}", &["e\u{301}"]);
        check("e", false, "cafe\u{301}", &[]);
        check("e", true, "cafe\u{301}", &["e"]);
    }
}
