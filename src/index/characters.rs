//! What the index knows of each character: how it folds, what of it goes into terms, and which kind
//! of token it is in.
//!
//! - *fold*: Unicode `NFKC_Casefold`, which drops default-ignorables.
//! - *base*: its base letters, which are the fold, fully decomposed, without the marks that
//!   canonical ordering or composition can move or absorb (those whose combining class is not 0).
//!   Terms are made of base letters.
//! - *variant*: its base, with the simplified form of each Chinese character that has one
//!   ([`super::simplified`]).
//! - *class*: separator, letter of a script without spaces, letter of a word, or symbol.
//!
//! Invariant: all four depend on nothing but the character, so the base of a concatenation is the
//! concatenation of the bases, and a text that contains a piece, as is or folded, has a base that
//! contains the piece's. Folded text alone would not do: `e` + U+0301 contains `e`, but its fold
//! `é` does not contain `e`. What the base loses, verification against the stored text brings back;
//! a *stable* character loses nothing.

use std::sync::OnceLock;

use icu_casemap::CaseMapper;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::simplified::simplified;

/// Which kind of token a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Whitespace and controls: between tokens, never in one.
    Separator,
    /// A script written without spaces between words: each character is a token.
    Unspaced,
    /// Letters, digits and marks; neighbours of the same script make one token.
    Word(Script),
    /// Any other visible character: a token of its own.
    Symbol,
}

/// What the index knows of one character.
#[derive(Clone, Copy, Debug)]
pub struct Character {
    pub fold: &'static str,
    pub base: &'static str,
    pub variant: &'static str,
    pub class: Class,
    /// Whether it may stand between two characters without parting what they say: whitespace and
    /// punctuation.
    pub is_pause: bool,
    /// Whether fold and base are the same and stay so next to any other stable character.
    pub is_stable: bool,
}

/// Looks up `char`. The tables are made page by page when first needed (about 0.3 ms each).
pub fn character(char: char) -> Character {
    let code = char as u32;
    let page = PAGES[(code / PAGE_CHARS) as usize]
        .get_or_init(|| Page::of(code / PAGE_CHARS * PAGE_CHARS));
    let entry = &page.entries[(code % PAGE_CHARS) as usize];
    Character {
        fold: &page.text[entry.fold_from as usize..entry.base_from as usize],
        base: &page.text[entry.base_from as usize..entry.variant_from as usize],
        variant: &page.text[entry.variant_from as usize..entry.variant_to as usize],
        class: entry.class,
        is_pause: entry.is_pause,
        is_stable: entry.is_stable,
    }
}

/// Whether fold and base of `text` are the same, so that terms alone prove a match.
pub fn is_stable(text: &str) -> bool {
    text.is_ascii() || text.chars().all(|char| character(char).is_stable)
}

const PAGE_CHARS: u32 = 256;
/// One cell for each of the 4,352 pages of Unicode: × 16 bytes = 70 KB. A filled page takes about 8
/// KB, and texts in many scripts fill about 150: 1.2 MB.
static PAGES: [OnceLock<Box<Page>>; 0x11_0000 / PAGE_CHARS as usize] =
    [const { OnceLock::new() }; 0x11_0000 / PAGE_CHARS as usize];

struct Page {
    text: String,
    entries: Vec<Entry>,
}

/// Byte positions in the page's text: first the fold, then the base, then the variant.
struct Entry {
    fold_from: u32,
    base_from: u32,
    variant_from: u32,
    variant_to: u32,
    class: Class,
    is_pause: bool,
    is_stable: bool,
}

impl Page {
    fn of(first: u32) -> Box<Page> {
        let mut page =
            Page { text: String::new(), entries: Vec::with_capacity(PAGE_CHARS as usize) };
        for code in first..first + PAGE_CHARS {
            // Surrogates are no characters: nothing ever asks for them.
            page.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Box::new(page)
    }

    fn push(&mut self, char: char) {
        let fold = nfkc_casefold(char);
        let base = base_of(&fold);
        let fold_from = self.text.len() as u32;
        self.text.push_str(&fold);
        let base_from = self.text.len() as u32;
        self.text.push_str(&base);
        let is_stable = fold == base && !fold.chars().any(can_combine_backwards);
        let variant_from = self.text.len() as u32;
        self.text.extend(base.chars().map(simplified));
        let variant_to = self.text.len() as u32;
        let (class, is_pause) = (class_of(char), is_pause(char));
        self.entries.push(Entry {
            fold_from,
            base_from,
            variant_from,
            variant_to,
            class,
            is_pause,
            is_stable,
        });
    }
}

/// The `NFKC_Casefold` property of a character: decompose, fold case, drop default-ignorables,
/// compose, until nothing changes (no character takes more than three rounds; a test goes through
/// all of them).
fn nfkc_casefold(char: char) -> String {
    const ROUNDS_MAX: usize = 4;
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let mut text = char.to_string();
    for _ in 0..ROUNDS_MAX {
        let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&text);
        let folded = CaseMapper::new().fold_string(&decomposed);
        let visible: String = folded.chars().filter(|char| !ignorable.contains(*char)).collect();
        let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(&visible);
        if composed == text {
            break;
        }
        text = composed.into_owned();
    }
    text
}

fn base_of(fold: &str) -> String {
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(fold);
    decomposed.chars().filter(|char| combining_class(*char) == 0).collect()
}

fn combining_class(char: char) -> u8 {
    CanonicalCombiningClassMapBorrowed::new().get_u8(char)
}

/// Whether normalization can move or merge `char` with what stands before it. Says yes too often
/// rather than too rarely: all marks, the jamo that complete a Hangul syllable, and the vowel signs
/// of Kirat Rai, the one other script whose letters compose.
pub fn can_combine_backwards(char: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(char);
    let is_mark = matches!(
        category,
        GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
            | GeneralCategory::EnclosingMark
    );
    is_mark
        || combining_class(char) != 0
        || matches!(char, '\u{1160}'..='\u{11ff}' | '\u{16d40}'..='\u{16d7f}')
}

fn class_of(char: char) -> Class {
    use GeneralCategory as Category;
    let category = CodePointMapData::<Category>::new().get(char);
    if char.is_whitespace() || category == Category::Control {
        return Class::Separator;
    }
    let is_in_words = matches!(
        category,
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::NonspacingMark
            | Category::SpacingMark
            | Category::DecimalNumber
            | Category::LetterNumber
            | Category::OtherNumber
    );
    match CodePointMapData::<Script>::new().get(char) {
        _ if !is_in_words => Class::Symbol,
        script if is_unspaced(script) => Class::Unspaced,
        // Letters shared by the scripts of East Asia, such as the long vowel mark U+30FC.
        Script::Common | Script::Inherited if matches!(char, '\u{3000}'..='\u{30ff}') => {
            Class::Unspaced
        }
        Script::Common | Script::Inherited => Class::Word(Script::Latin),
        script => Class::Word(script),
    }
}

/// Whitespace, controls and punctuation. A tilde ends sentences in Chinese chat, though Unicode calls
/// it a sign of mathematics.
fn is_pause(char: char) -> bool {
    use GeneralCategory as Category;
    class_of(char) == Class::Separator
        || matches!(char, '~' | '～')
        || matches!(
            CodePointMapData::<Category>::new().get(char),
            Category::ConnectorPunctuation
                | Category::DashPunctuation
                | Category::OpenPunctuation
                | Category::ClosePunctuation
                | Category::InitialPunctuation
                | Category::FinalPunctuation
                | Category::OtherPunctuation
        )
}

fn is_unspaced(script: Script) -> bool {
    [
        Script::Han,
        Script::Hiragana,
        Script::Katakana,
        Script::Bopomofo,
        Script::Yi,
        Script::Thai,
        Script::Lao,
        Script::Khmer,
        Script::Myanmar,
        Script::Tibetan,
    ]
    .contains(&script)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = char> {
        '\0'..=char::MAX
    }

    #[test]
    fn folds_are_those_of_the_standard() {
        for (char, fold) in [
            ('A', "a"),
            ('ß', "ss"),
            ('ﬁ', "fi"),
            ('Ｒ', "r"),
            ('２', "2"),
            ('ﾊ', "ハ"),
            ('①', "1"),
            ('İ', "i\u{307}"),
            ('ς', "σ"),
            ('ᾳ', "αι"),
            ('\u{345}', "ι"),
            ('\u{200b}', ""),
            ('\u{ad}', ""),
            ('\u{fe0f}', ""),
            ('\u{3164}', ""),
            ('\u{a0}', " "),
            ('退', "退"),
            ('🙂', "🙂"),
        ] {
            assert_eq!(character(char).fold, fold, "{char:?}");
        }
    }

    #[test]
    fn a_fold_folds_to_itself_and_has_the_same_base() {
        for char in all() {
            let Character { fold, base, variant, is_stable, .. } = character(char);
            let again: String = fold.chars().map(|part| character(part).fold).collect();
            let again = ComposingNormalizerBorrowed::new_nfc().normalize(&again);
            assert_eq!(again, fold, "{char:?}");
            let of_fold: String = fold.chars().map(|part| character(part).base).collect();
            assert_eq!(of_fold, base, "{char:?}");
            let of_decomposed: String = DecomposingNormalizerBorrowed::new_nfd()
                .normalize(&char.to_string())
                .chars()
                .map(|part| character(part).base)
                .collect();
            assert_eq!(of_decomposed, base, "{char:?}");
            assert!(!is_stable || fold == base);
            let of_variant: String = variant.chars().map(|part| character(part).variant).collect();
            assert_eq!(of_variant, variant, "{char:?}");
            assert_eq!(variant.chars().count(), base.chars().count(), "{char:?}");
        }
    }

    #[test]
    fn stable_characters_never_compose() {
        let mut completing = BTreeSet::new();
        for char in all() {
            let decomposed =
                DecomposingNormalizerBorrowed::new_nfd().normalize(&char.to_string()).into_owned();
            let composes =
                ComposingNormalizerBorrowed::new_nfc().normalize(&decomposed).chars().eq([char]);
            if composes && decomposed.chars().count() > 1 {
                completing.extend(decomposed.chars().last());
            }
        }
        assert!(completing.len() > 50);
        for char in all().filter(|char| character(*char).is_stable) {
            let fold = character(char).fold;
            assert!(
                !fold.chars().any(|part| completing.contains(&part)),
                "{char:?} folds to {fold:?}"
            );
        }
    }

    #[test]
    fn classes() {
        for (chars, class) in [
            (" \t\n\u{3000}\u{0}\u{85}", Class::Separator),
            ("退のカーเດ々", Class::Unspaced),
            ("az09é", Class::Word(Script::Latin)),
            ("жя", Class::Word(Script::Cyrillic)),
            ("-_.!。、🙂€\u{20e3}", Class::Symbol),
        ] {
            for char in chars.chars() {
                assert_eq!(character(char).class, class, "{char:?}");
            }
        }
    }
}
