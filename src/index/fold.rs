//! Folded text: what two texts have in common when case, width, ligatures and invisible characters
//! do not count.
//!
//! `fold(text)` is Unicode's `toNFKC_Casefold(text)`: each character's `NFKC_Casefold`, then NFC. A
//! folded text with a map also knows which bytes of the original each stretch of it came from.
//! Invariants: `fold_with_map(text).text == fold(text)`; ranges of the original are whole extended
//! grapheme clusters.
//! It knows nothing of words or terms.

use std::ops::Range;

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_segmentation::UnicodeSegmentation;

use super::characters::{can_combine_backwards, character};

/// `text`, folded.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let mut is_stable = true;
    for char in text.chars() {
        let character = character(char);
        folded.push_str(character.fold);
        is_stable &= character.is_stable;
    }
    if is_stable {
        folded
    } else {
        ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned()
    }
}

/// A folded text that knows where each part of it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub text: String,
    /// In the order of the text; stretches that folded to nothing are left out.
    stretches: Vec<Stretch>,
}

/// A stretch of whole clusters that folds by itself. It reaches to the next stretch's
/// `folded_from`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    folded_from: usize,
    original: Range<usize>,
}

/// `text`, folded, with its map.
pub fn fold_with_map(text: &str) -> Folded {
    let mut folded = Folded { text: String::with_capacity(text.len()), ..Folded::default() };
    let mut pending = Pending { original: 0..0, fold: String::new(), is_joined: false };
    for (from, cluster) in text.grapheme_indices(true) {
        let original = from..from + cluster.len();
        let fold = fold(cluster);
        if fold.is_empty() {
            continue;
        }
        if joins(&pending.fold, &fold) {
            pending.original.end = original.end;
            pending.is_joined = true;
            // Only the last character decides whether more joins; the whole is folded once, when
            // complete.
            pending.fold.push_str(&fold);
        } else {
            folded.take(
                text,
                std::mem::replace(&mut pending, Pending { original, fold, is_joined: false }),
            );
        }
    }
    folded.take(text, pending);
    folded
}

/// Clusters whose stretch may not be complete yet.
struct Pending {
    original: Range<usize>,
    fold: String,
    is_joined: bool,
}

/// Whether NFC would change something where `left` and `right` meet. That needs an invisible
/// character between a letter and its mark (`e`, U+200B, U+0301), or Hangul written in
/// compatibility jamo (`ㄱㅏ` folds to `가`).
fn joins(left: &str, right: &str) -> bool {
    let (Some(last), Some(first)) = (left.chars().next_back(), right.chars().next()) else {
        return false;
    };
    match first {
        '\u{1161}'..='\u{1175}' => matches!(last, '\u{1100}'..='\u{1112}'),
        '\u{11a8}'..='\u{11c2}' => {
            matches!(last, '\u{1161}'..='\u{1175}' | '\u{ac00}'..='\u{d7a3}')
        }
        _ => !first.is_ascii() && can_combine_backwards(first),
    }
}

impl Folded {
    fn take(&mut self, text: &str, pending: Pending) {
        if pending.fold.is_empty() {
            return;
        }
        self.stretches
            .push(Stretch { folded_from: self.text.len(), original: pending.original.clone() });
        if pending.is_joined {
            self.text.push_str(&fold(&text[pending.original]));
        } else {
            self.text.push_str(&pending.fold);
        }
    }

    /// Adds `text`, which came from these bytes of the original.
    pub(super) fn add(&mut self, text: &str, original: Range<usize>) {
        if !text.is_empty() {
            self.stretches.push(Stretch { folded_from: self.text.len(), original });
            self.text.push_str(text);
        }
    }

    /// The bytes of the original that `folded`, a byte range of the folded text, came from: whole
    /// clusters.
    pub fn original(&self, folded: Range<usize>) -> Range<usize> {
        if folded.is_empty() {
            return 0..0;
        }
        let holding = |byte: usize| {
            let after = self.stretches.partition_point(|stretch| stretch.folded_from <= byte);
            self.stretches.get(after.saturating_sub(1)).map(|stretch| stretch.original.clone())
        };
        match (holding(folded.start), holding(folded.end - 1)) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::Dice;

    /// Folds `text`, finds `piece` in it and expects the original stretch `expected`.
    fn check(text: &str, folded: &str, piece: &str, expected: &str) {
        let with_map = fold_with_map(text);
        assert_eq!(with_map.text, folded, "{text:?}");
        assert_eq!(fold(text), folded, "{text:?}");
        let from = with_map.text.find(piece).expect("piece is in the folded text");
        assert_eq!(
            &text[with_map.original(from..from + piece.len())],
            expected,
            "{piece:?} in {text:?}"
        );
    }

    #[test]
    fn pieces_lead_back_to_whole_clusters() {
        check("Refund", "refund", "fun", "fun");
        check("Straße 7", "strasse 7", "ss", "ß");
        check("Straße 7", "strasse 7", "sse", "ße");
        check("Straße 7", "strasse 7", "as", "aß");
        check("eﬃcient", "efficient", "fi", "ﬃ");
        check("订单１２３", "订单123", "12", "１２");
        check("İstanbul", "i\u{307}stanbul", "i", "İ");
        check("\u{1112}\u{1161}\u{11ab}국", "한국", "한", "\u{1112}\u{1161}\u{11ab}");
        check("ㄱㅏㅠㅠ", "가\u{1172}\u{1172}", "가", "ㄱㅏ");
        check("a👨‍👩‍👧b", "a👨👩👧b", "👩", "👨‍👩‍👧");
        check("re\u{200b}fund", "refund", "ef", "e\u{200b}f");
        check("ﾊﾞｯｸﾞ", "バッグ", "バ", "ﾊﾞ");
        check("cafe\u{301}!", "café!", "é", "e\u{301}");
        check("e\u{200b}\u{301}", "é", "é", "e\u{200b}\u{301}");
        check("a\u{202e}dnufer", "adnufer", "ad", "a\u{202e}d");
        check("a\r\nb", "a\r\nb", "\n", "\r\n");
        check("ＲＥＦＵＮＤ退款", "refund退款", "d退", "Ｄ退");
    }

    #[test]
    fn what_folds_to_nothing_vanishes() {
        for text in ["", "\u{200b}", "\u{fe0f}\u{200d}", "\u{ad}\u{3164}"] {
            assert_eq!(fold(text), "");
            assert_eq!(fold_with_map(text).text, "");
            assert_eq!(fold_with_map(text).original(0..0), 0..0);
        }
    }

    #[test]
    fn the_mapped_fold_is_the_fold() {
        let alphabet: Vec<char> =
            "aEßﬁİé\u{301}\u{323}\u{345}\u{200b}\u{200d}가각ㄱㅏㅠ\u{1100}\u{1161}\u{11a8}ﾊﾞ゛ｶカ退１م\u{64b}क\u{93e}\u{94d}\r\n \u{9c7}\u{9be}👩🇩🇪ά\u{16d67}"
                .chars()
                .collect();
        let mut dice = Dice::new(7);
        for _ in 0..20_000 {
            let text: String = (0..8).map(|_| dice.pick(&alphabet)).collect();
            let folded = fold(&text);
            assert_eq!(fold_with_map(&text).text, folded, "{text:?}");
            let base =
                |text: &str| -> String { text.chars().map(|char| character(char).base).collect() };
            assert_eq!(base(&folded), base(&text), "{text:?}");
        }
    }
}
