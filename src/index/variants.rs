//! Texts without what writers vary: accents, traditional or simplified characters, and what stands
//! between Chinese characters.
//!
//! A text becomes the variants of its characters ([`super::characters`]), one after the other, and
//! then, unless it is told to keep them, loses the pauses (whitespace and punctuation) that stand
//! between two characters of scripts without spaces.
//!
//! Invariants, for any text `t` and words `w`: the map of [`variants_with_map`] leads to whole
//! extended grapheme clusters, as that of a fold; and if `t` contains `w`, as is or folded, then the
//! variants of `t` contain [`Sought::of`] `w`. For variants of characters are joined without changing
//! each other; a pause inside `w` between two such characters stands between them in `t` too; and the
//! pauses at the ends of `w`, of which it cannot be said what stands beyond them in `t`, are left out
//! of what is sought.

use unicode_segmentation::UnicodeSegmentation;

use super::characters::{Class, character};
use super::fold::Folded;

/// Words in the form in which they are looked for among variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    pub text: String,
    /// Whether texts must keep their pauses: words without a character between which pauses are lost
    /// may be pauses themselves.
    pub keeps_pauses: bool,
}

impl Sought {
    pub fn of(words: &str) -> Sought {
        let mut squeezed = Squeezed::default();
        words.chars().for_each(|char| squeezed.push(char, |_| {}));
        if !squeezed.has_unspaced {
            return Sought { text: variants(words, true), keeps_pauses: true };
        }
        // What waits would be kept only before something of another script.
        let text = squeezed.text;
        let after_pauses = text.trim_start_matches(|char| character(char).is_pause);
        let begins_unspaced = after_pauses.chars().next().is_some_and(is_unspaced);
        let text = if begins_unspaced { after_pauses.to_string() } else { text };
        Sought { text, keeps_pauses: false }
    }
}

/// The variants of `text`, with or without the pauses between characters of scripts without spaces.
pub fn variants(text: &str, keeps_pauses: bool) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    if keeps_pauses {
        return text.chars().map(|char| character(char).variant).collect();
    }
    let mut squeezed = Squeezed::default();
    text.chars().for_each(|char| squeezed.push(char, |_| {}));
    squeezed.finish(|_| {});
    squeezed.text
}

/// [`variants`] with the way back to `text`.
pub fn variants_with_map(text: &str, keeps_pauses: bool) -> Folded {
    let mut map = Folded::default();
    let mut squeezed = Squeezed::default();
    // Where the characters that wait came from; those that are not kept are forgotten.
    let mut waiting = Vec::new();
    for (from, cluster) in text.grapheme_indices(true) {
        let original = from..from + cluster.len();
        for char in cluster.chars() {
            if keeps_pauses {
                map.add(character(char).variant, original.clone());
                continue;
            }
            squeezed.push(char, |step| match step {
                Step::Waits => waiting.push(original.clone()),
                Step::Forgets => waiting.clear(),
                Step::Keeps(pauses) => {
                    for (char, original) in pauses.chars().zip(waiting.drain(..)) {
                        map.add(char.encode_utf8(&mut [0; 4]), original);
                    }
                }
                Step::Takes(char) => map.add(char.encode_utf8(&mut [0; 4]), original.clone()),
            });
        }
    }
    squeezed.finish(|step| {
        if let Step::Keeps(pauses) = step {
            for (char, original) in pauses.chars().zip(waiting.drain(..)) {
                map.add(char.encode_utf8(&mut [0; 4]), original);
            }
        }
    });
    map
}

/// A text that loses its pauses as it grows.
#[derive(Default)]
struct Squeezed {
    text: String,
    /// Pauses after a character of a script without spaces, until it is seen what follows.
    pending: String,
    ends_unspaced: bool,
    has_unspaced: bool,
}

/// What becomes of one character.
enum Step<'a> {
    /// A pause waits for what follows.
    Waits,
    /// The pauses that waited are lost.
    Forgets,
    /// The pauses that waited are kept.
    Keeps(&'a str),
    Takes(char),
}

impl Squeezed {
    fn push(&mut self, char: char, mut tell: impl FnMut(Step<'_>)) {
        for char in character(char).variant.chars() {
            if self.ends_unspaced && character(char).is_pause {
                self.pending.push(char);
                tell(Step::Waits);
                continue;
            }
            let is_unspaced = is_unspaced(char);
            if is_unspaced {
                self.pending.clear();
                tell(Step::Forgets);
            } else {
                self.text.push_str(&self.pending);
                tell(Step::Keeps(&self.pending));
                self.pending.clear();
            }
            self.text.push(char);
            tell(Step::Takes(char));
            self.ends_unspaced = is_unspaced;
            self.has_unspaced |= is_unspaced;
        }
    }

    /// Nothing follows: what waits is kept.
    fn finish(&mut self, mut tell: impl FnMut(Step<'_>)) {
        tell(Step::Keeps(&self.pending));
        self.text.push_str(&self.pending);
        self.pending.clear();
    }
}

fn is_unspaced(char: char) -> bool {
    character(char).class == Class::Unspaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::fold;
    use crate::model::testing::Dice;

    #[test]
    fn texts_lose_what_writers_vary() {
        for (text, expected) in [
            ("聊天記錄", "聊天记录"),
            ("Sofía", "sofia"),
            ("退，款 ！吧", "退款吧"),
            ("退款，ok 吗", "退款,ok 吗"),
            ("ok，退", "ok,退"),
            ("退款。", "退款。"),
            ("。退", "。退"),
            ("１月　９日", "1月 9日"),
            ("하나 둘", "\u{1112}\u{1161}\u{1102}\u{1161} \u{1103}\u{116e}\u{11af}"),
            ("退🙂款", "退🙂款"),
            ("e\u{301}，e", "e,e"),
        ] {
            assert_eq!(variants(text, false), expected, "{text}");
            assert_eq!(variants_with_map(text, false).text, expected, "{text}");
        }
        assert_eq!(variants("退，款", true), "退,款");
        let map = variants_with_map("請退 ，款項！", false);
        let from = map.text.find("退款项").unwrap();
        assert_eq!(map.original(from..from + 9), 3.."請退 ，款項".len());
    }

    /// Whatever a text contains, as is or folded, its variants contain too.
    #[test]
    fn variants_find_what_folds_find() {
        let alphabet: Vec<char> =
            "aEéß\u{301}\u{323}\u{200b}\u{200d}가각ㄱㅏ\u{1161}\u{11a8}ﾊﾞ退記记款，。 　!-~🙂ไท\u{e35}\r\n1１"
                .chars()
                .collect();
        let dice = &mut Dice::new(9);
        let mut found = 0;
        for _ in 0..60_000 {
            let text: Vec<char> = (0..10).map(|_| *dice.pick(&alphabet)).collect();
            let from = dice.roll(text.len());
            let length = 1 + dice.roll(text.len() - from);
            let piece: String = text[from..from + length].iter().collect();
            let words = if dice.roll(2) == 0 { fold(&piece) } else { piece };
            let text: String = text.into_iter().collect();
            assert_eq!(variants_with_map(&text, false).text, variants(&text, false));
            assert_eq!(variants_with_map(&text, true).text, variants(&text, true));
            if fold(&words).trim().is_empty() {
                continue;
            }
            if text.contains(&words) || fold(&text).contains(&fold(&words)) {
                found += 1;
                let sought = Sought::of(&words);
                assert!(
                    variants(&text, sought.keeps_pauses).contains(&sought.text),
                    "{words:?} in {text:?}: {sought:?}"
                );
            }
        }
        assert!(found > 30_000, "{found}");
    }
}
