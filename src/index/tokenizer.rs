//! Splits text into units and units into terms. Indexing and planning use the same function, so they cannot disagree.
//!
//! Separators stand between units. A character of a script without spaces is a unit; neighbouring letters, digits and
//! marks of one script are a unit (`mm-2026` is `mm`, `-`, `2026`; `重跑gen后` is `重`, `跑`, `gen`, `后`); any other visible
//! character is a unit. Units are counted: a unit's number is the position of its terms. Terms begin with a letter
//! that says their kind, so that an automaton over words visits words only:
//!
//! ```text
//! wWORD   a word, or the pieces of an over-long one         cX    a character of a script without spaces
//! sX      a symbol                                          bXY   two such characters with nothing between them
//! ```
//!
//! Invariant: units depend on the base alone ([`super::characters`]), and whether two characters share a unit
//! depends on those two alone: the units of a piece are units of any text that contains it, except that its first may
//! go on to the left there and its last to the right.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::characters::{Class, character};

/// Name under which the schema finds this tokenizer.
pub const TOKENIZER: &str = "verbatim";
/// A longer word becomes terms of this many characters, each beginning [`WORD_STEP_CHARS`] after the one before.
/// × 4 bytes of UTF-8 = 256 bytes, far below the 65,530 above which tantivy drops a term.
pub const WORD_CHARS_MAX: usize = 64;
/// Any stretch of this length lies whole in one of the terms of its word, at the end of the last one if the word ends
/// with it and at the start of the first one if the word starts with it.
pub const WORD_STEP_CHARS: usize = 32;

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitKind {
    Word,
    Spaceless,
    Symbol,
}

/// One unit: a range of [`Units::base`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    pub kind: UnitKind,
    pub from: usize,
    pub to: usize,
    /// Whether a separator stands before it; false for a unit that begins the text.
    pub is_separated: bool,
}

/// A text in units.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// The bases of all units, one after the other, without separators.
    pub base: String,
    pub units: Vec<Unit>,
    /// Whether a separator stands after the last unit.
    pub ends_separated: bool,
}

impl Units {
    /// The units of `text`.
    pub fn of(text: &str) -> Units {
        let mut units = Units::default();
        units.split(text);
        units
    }

    /// The base of `unit`.
    pub fn text(&self, unit: Unit) -> &str {
        &self.base[unit.from..unit.to]
    }

    /// Whether units `number` and `number + 1` are letters of scripts without spaces with nothing between them.
    pub fn is_pair(&self, number: usize) -> bool {
        let is_spaceless = |unit: &&Unit| unit.kind == UnitKind::Spaceless;
        self.units.get(number).filter(is_spaceless).is_some()
            && self
                .units
                .get(number + 1)
                .filter(is_spaceless)
                .is_some_and(|next| !next.is_separated)
    }

    fn split(&mut self, text: &str) {
        self.base.clear();
        self.units.clear();
        self.ends_separated = false;
        let mut last = None;
        for char in text.chars() {
            if char.is_ascii() {
                self.push(char.to_ascii_lowercase(), &mut last);
            } else {
                for char in character(char).base.chars() {
                    self.push(char, &mut last);
                }
            }
        }
    }

    /// Takes one character of the base; `last` is the class of the one before.
    fn push(&mut self, char: char, last: &mut Option<Class>) {
        let class = character(char).class;
        let kind = match class {
            Class::Separator => {
                self.ends_separated = true;
                *last = Some(class);
                return;
            }
            Class::Spaceless => UnitKind::Spaceless,
            Class::Word(_) => UnitKind::Word,
            Class::Symbol => UnitKind::Symbol,
        };
        let from = self.base.len();
        self.base.push(char);
        let to = self.base.len();
        match self.units.last_mut() {
            Some(word) if kind == UnitKind::Word && *last == Some(class) => word.to = to,
            _ => self.units.push(Unit { kind, from, to, is_separated: self.ends_separated }),
        }
        self.ends_separated = false;
        *last = Some(class);
    }
}

/// The term of a word, or of a piece of one.
pub fn word_term(word: &str) -> String {
    format!("w{word}")
}

/// The term of a unit that is not a word.
pub fn unit_term(kind: UnitKind, text: &str) -> String {
    format!("{}{text}", tag(kind))
}

/// The term of two characters side by side.
pub fn pair_term(pair: &str) -> String {
    format!("b{pair}")
}

fn tag(kind: UnitKind) -> char {
    match kind {
        UnitKind::Word => 'w',
        UnitKind::Spaceless => 'c',
        UnitKind::Symbol => 's',
    }
}

/// Byte position in `text` after its first `count` characters, or its end.
pub fn chars_end(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(position, _)| position)
}

/// The tokenizer, with buffers that are used again for each text.
#[derive(Clone, Default)]
pub struct UnitTokenizer {
    units: Units,
    token: Token,
}

/// Hands out the terms of one text.
pub struct UnitTokens<'a> {
    units: &'a Units,
    token: &'a mut Token,
    number: usize,
    next: Next,
}

/// Which term of the current unit comes next.
#[derive(Clone, Copy)]
enum Next {
    Unit,
    Pair,
    /// The piece of an over-long word that begins at this byte of the base.
    Piece(usize),
}

impl Tokenizer for UnitTokenizer {
    type TokenStream<'a> = UnitTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> UnitTokens<'a> {
        self.units.split(text);
        self.token.reset();
        UnitTokens { units: &self.units, token: &mut self.token, number: 0, next: Next::Unit }
    }
}

impl UnitTokens<'_> {
    fn set(&mut self, tag: char, from: usize, to: usize) {
        self.token.position = self.number;
        self.token.offset_from = from;
        self.token.offset_to = to;
        self.token.text.clear();
        self.token.text.push(tag);
        self.token.text.push_str(&self.units.base[from..to]);
    }

    fn go_on(&mut self) {
        self.number += 1;
        self.next = Next::Unit;
    }

    /// Sets the piece that begins at `from` and says where the one after it begins.
    fn set_piece(&mut self, unit: Unit, from: usize) {
        let rest = &self.units.base[from..unit.to];
        let to = from + chars_end(rest, WORD_CHARS_MAX);
        let next = from + chars_end(rest, WORD_STEP_CHARS);
        self.set('w', from, to);
        match to < unit.to {
            true => self.next = Next::Piece(next),
            false => self.go_on(),
        }
    }
}

impl TokenStream for UnitTokens<'_> {
    fn advance(&mut self) -> bool {
        let Some(unit) = self.units.units.get(self.number).copied() else { return false };
        match (self.next, unit.kind) {
            (Next::Piece(from), _) => self.set_piece(unit, from),
            (_, UnitKind::Word) => self.set_piece(unit, unit.from),
            (Next::Unit, kind) => {
                self.set(tag(kind), unit.from, unit.to);
                match self.units.is_pair(self.number) {
                    true => self.next = Next::Pair,
                    false => self.go_on(),
                }
            }
            (Next::Pair, _) => {
                let to = self.units.units[self.number + 1].to;
                self.set('b', unit.from, to);
                self.go_on();
            }
        }
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<(usize, String)> {
        let mut tokenizer = UnitTokenizer::default();
        let mut stream = tokenizer.token_stream(text);
        let mut terms = Vec::new();
        while stream.advance() {
            terms.push((stream.token().position, stream.token().text.clone()));
        }
        terms
    }

    fn check(text: &str, expected: &str) {
        let shown: Vec<String> =
            terms(text).iter().map(|(position, term)| format!("{position}{term}")).collect();
        assert_eq!(shown.join(" "), expected, "{text:?}");
    }

    #[test]
    fn texts_become_terms_at_true_positions() {
        check("", "");
        check(" \t\n\u{200b}", "");
        check("Hello, World", "0whello 1s, 2wworld");
        check("mm-2026", "0wmm 1s- 2w2026");
        check("SF1234567890CN", "0wsf1234567890cn");
        check("退款", "0c退 0b退款 1c款");
        check("退 款", "0c退 1c款");
        check("退，款", "0c退 1s, 2c款");
        check("重跑gen后", "0c重 0b重跑 1c跑 2wgen 3c后");
        check("コーヒー", "0cコ 0bコー 1cー 1bーヒ 2cヒ 2bヒー 3cー");
        check("ＡＢＣ１２", "0wabc12");
        check("straße", "0wstrasse");
        check("ﬁx", "0wfix");
        check("cafe\u{301}", "0wcafe");
        check("café", "0wcafe");
        check("ﾊﾞ", "0cハ");
        check("Привет hello", "0wпривет 1whello");
        check("abcгде", "0wabc 1wгде");
        check("a\u{200b}b", "0wab");
        check("👨‍👩‍👧!", "0s👨 1s👩 2s👧 3s!");
        check("a_b", "0wa 1s_ 2wb");
        check("हिन्दी", "0wहिनदी");
        check("مرحبا", "0wمرحبا");
        check("가각", "0w\u{1100}\u{1161}\u{1100}\u{1161}\u{11a8}");
        check("x\u{0}y", "0wx 1wy");
    }

    #[test]
    fn every_short_stretch_of_a_long_word_lies_in_a_term() {
        let word: String = (0..1_000_u32)
            .filter_map(|number| char::from_u32('a' as u32 + number * 7 % 26))
            .collect();
        for length in [63, 64, 65, 96, 97, 128, 129, 500, 1_000] {
            let word = &word[..length];
            let terms = terms(word);
            assert!(
                terms
                    .iter()
                    .all(|(position, term)| *position == 0 && term.len() <= WORD_CHARS_MAX + 1)
            );
            for from in 0..=length - WORD_STEP_CHARS {
                let stretch = &word[from..from + WORD_STEP_CHARS];
                assert!(terms.iter().any(|(_, term)| term.contains(stretch)), "{length} {from}");
            }
            assert!(terms[0].1[1..].starts_with(&word[..WORD_STEP_CHARS]));
            assert!(terms[terms.len() - 1].1.ends_with(&word[length - WORD_STEP_CHARS..]));
        }
    }
}
