//! Whether a text contains the words, and where. What the index proposes, this decides; it is the definition of a hit.

use std::ops::Range;

use super::SearchQuery;
use crate::index::{fold, fold_with_map};

/// The words in the form they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// Any text will do.
    Any,
    AsIs(String),
    Folded(String),
}

impl Words {
    pub(super) fn of(query: &SearchQuery) -> Words {
        match (query.words.as_str(), query.exact) {
            ("", _) => Words::Any,
            (words, true) => Words::AsIs(words.to_string()),
            (words, false) => Words::Folded(fold(words)),
        }
    }

    /// Whether `text` contains the words.
    pub(super) fn are_in(&self, text: &str) -> bool {
        match self {
            Words::Any => true,
            Words::AsIs(words) => text.contains(words),
            Words::Folded(words) => fold(text).contains(words),
        }
    }

    /// Where in `text` the words stand: byte ranges, ascending, not touching each other's bytes.
    pub(super) fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        match self {
            Words::Any => {}
            Words::AsIs(words) => {
                for (from, _) in text.match_indices(words.as_str()) {
                    add(&mut spans, from..from + words.len());
                }
            }
            Words::Folded(words) => {
                let folded = fold_with_map(text);
                for (from, _) in folded.text.match_indices(words.as_str()) {
                    add(&mut spans, folded.original(from..from + words.len()));
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
        let check = |words: &str, exact: bool, text: &str, expected: &[&str]| {
            let words = Words::of(&SearchQuery { exact, ..SearchQuery::new("s", words) });
            let shown: Vec<&str> =
                words.spans(text).into_iter().map(|(from, to)| &text[from..to]).collect();
            assert_eq!(shown, expected, "{words:?} in {text:?}");
            assert_eq!(words.are_in(text), !expected.is_empty());
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
