//! Where the words of a search stand in a text, for whoever shows the text without having searched.

use std::ops::Range;

use super::Mode;
use super::language::{Node, Words, parse};
use super::verify::{Needle, merged};
use crate::model::Micros;

/// A day late enough that days before it lie in no year that cannot be.
const ANY_DAY: Micros = Micros(4_102_444_800_000_000);

/// The words of one search, to be marked.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    needles: Vec<Needle>,
}

impl Marks {
    /// The words that a hit of `query` may have. A query that cannot be read has none: whoever shows a
    /// text shows it either way.
    pub fn of(query: &str, mode: Mode) -> Marks {
        // Dates mark nothing, so any zone and any day will do.
        let root = parse(query, chrono_tz::UTC, ANY_DAY).unwrap_or_default();
        root.map_or_else(Marks::default, |root| Marks::of_tree(&root, mode))
    }

    pub(super) fn of_tree(root: &Node, mode: Mode) -> Marks {
        let needle = |words: &Words| Needle::of(&words.text, mode);
        Marks { needles: root.sought().into_iter().map(needle).collect() }
    }

    /// Where they stand in `text`: bytes of whole characters as people see them, ascending, none
    /// sharing bytes with another.
    pub fn spans(&self, text: &str) -> Vec<Range<usize>> {
        merged(self.needles.iter().flat_map(|needle| needle.spans(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_may_be_there_is_marked() {
        let check = |query: &str, text: &str, expected: &[&str]| {
            let spans = Marks::of(query, Mode::Folded).spans(text);
            let shown: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
            assert_eq!(shown, expected, "{query}");
        };
        let text = "1月9日之前退款428元，ReFund 428";
        check("428 1月9日", text, &["1月9日", "428", "428"]);
        check("\"退款428\" OR 428", text, &["退款428", "428"]);
        check("refund -428 order:428 from:-14d", text, &["ReFund"]);
        check("refund \"", text, &[]);
        check("", text, &[]);
    }
}
