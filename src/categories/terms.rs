//! The terms of a text: what the classifier counts.
//!
//! ```text
//! wWORD      a word of letters and digits, or a symbol   bWORD WORD   two that follow each other
//! cPIECE     2 to 4 characters of a word, with a space for each end of it
//! uPIECE     1 to 3 characters of a script without spaces
//! ```
//! Words and pieces of words together are what linear models of short texts do best with; pieces forgive
//! misspellings and endings (Joachims 1998; Wang and Manning 2012).
//!
//! Invariant: a term is a hash, and no text: a model that was trained holds no word that anybody
//! wrote. Two terms of one model share a hash once in millions of models. Letters count as the index's
//! variants do ([`crate::index::characters`]): case, width, accents and traditional forms tell nothing
//! apart. A digit is a digit: of an order number it matters that there is one.

use crate::index::characters::{Class, character};

/// Bytes of a text that count: what a chat is about is said long before. × about 6 terms a byte, each
/// of 8 bytes = 768 KiB while they are counted.
pub(super) const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Characters of a piece of a word, its ends included.
const PIECE_CHARS: std::ops::RangeInclusive<usize> = 2..=4;
/// Characters of a piece where no spaces part words.
const UNSPACED_CHARS: std::ops::RangeInclusive<usize> = 1..=3;
const END: char = ' ';

/// The terms of `text`, sorted, each as often as it occurs.
pub(super) fn terms(text: &str) -> Vec<u64> {
    let mut terms = Terms::default();
    for char in text[..text.floor_char_boundary(TEXT_BYTES_MAX)].chars() {
        let character = character(char);
        match character.class {
            Class::Word(_) => terms.letters(character.variant, Run::Word),
            Class::Unspaced => terms.letters(character.variant, Run::Unspaced),
            Class::Separator => terms.end_run(),
            Class::Symbol => {
                terms.end_run();
                terms.letters(character.variant, Run::Word);
                terms.end_run();
            }
        }
    }
    terms.end_run();
    terms.found.sort_unstable();
    terms.found
}

/// What letters that stand together make.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Run {
    #[default]
    Word,
    Unspaced,
}

#[derive(Default)]
struct Terms {
    found: Vec<u64>,
    kind: Run,
    /// Letters of the run that has not ended.
    run: Vec<char>,
    /// The word before it.
    before: Vec<char>,
}

impl Terms {
    fn letters(&mut self, letters: &str, kind: Run) {
        if kind != self.kind {
            self.end_run();
            self.kind = kind;
        }
        let digit_or_letter = |char: char| if char.is_numeric() { '0' } else { char };
        self.run.extend(letters.chars().map(digit_or_letter));
    }

    fn end_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let run = std::mem::take(&mut self.run);
        match self.kind {
            Run::Unspaced => {
                self.pieces(b'u', &run, UNSPACED_CHARS);
                self.before.clear();
            }
            Run::Word => {
                self.found.push(hash(b'w', &[&run]));
                if !self.before.is_empty() {
                    self.found.push(hash(b'b', &[&self.before, &[END], &run]));
                }
                let mut with_ends = Vec::with_capacity(run.len() + 2);
                with_ends.push(END);
                with_ends.extend_from_slice(&run);
                with_ends.push(END);
                self.pieces(b'c', &with_ends, PIECE_CHARS);
                self.before = run;
            }
        }
    }

    fn pieces(&mut self, tag: u8, run: &[char], lengths: std::ops::RangeInclusive<usize>) {
        for length in lengths {
            self.found.extend(run.windows(length).map(|piece| hash(tag, &[piece])));
        }
    }
}

/// FNV-1a, 64 bits: the same in every build, for ever, as a model that is read again must have it.
fn hash(tag: u8, parts: &[&[char]]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = (BASIS ^ u64::from(tag)).wrapping_mul(PRIME);
    for char in parts.iter().copied().flatten() {
        for byte in u32::from(*char).to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> u64 {
        hash(b'w', &[&text.chars().collect::<Vec<char>>()])
    }

    #[test]
    fn words_pairs_and_pieces_are_counted() {
        // " ab ": ab, its pieces of 2 (3), of 3 (2) and of 4 (1).
        assert_eq!(terms("ab").len(), 1 + 3 + 2 + 1);
        assert_eq!(terms("ab ab").len(), 2 * 7 + 1);
        assert!(terms("Where IS it").contains(&word("where")));
        // 退款: 退, 款, 退款.
        assert_eq!(terms("退款").len(), 3);
        assert!(terms("").is_empty());
        assert!(terms(" \n\t ").is_empty());
        assert!(terms("why?").contains(&word("?")), "how it is said tells something too");
    }

    #[test]
    fn what_tells_nothing_apart_is_one_term() {
        for (one, other) in [
            ("REFUND", "refund"),
            ("ｒｅｆｕｎｄ", "refund"),
            ("réfund", "refund"),
            ("退貨", "退货"),
            ("order 88213", "order 10457"),
            ("refund  now", "refund now"),
        ] {
            assert_eq!(terms(one), terms(other), "{one} {other}");
        }
        assert_ne!(terms("order 8821"), terms("order 88213"), "of another length");
        assert_ne!(terms("ab c"), terms("a bc"));
    }

    /// Models are read by later builds: a hash that changed would make of each a model of nothing.
    #[test]
    fn hashes_stand_for_ever() {
        assert_eq!(word("refund"), 0xc9c6_b129_925d_8578);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "退".repeat(TEXT_BYTES_MAX);
        assert_eq!(terms(&long).len(), 3 * (TEXT_BYTES_MAX / 3) - 3);
    }
}
