//! Splits text into tokens and tokens into terms. Indexing and planning use the same function, so
//! they cannot disagree.
//!
//! Separators stand between tokens. A character of a script without spaces is a token; neighbouring
//! letters, digits and marks of one script are a token (`mm-2026` is `mm`, `-`, `2026`; `重跑gen后` is
//! `重`, `跑`, `gen`, `后`); any other visible character is a token. Tokens are counted: a token's
//! number is the position of its terms. Terms begin with a letter that says their kind, so that an
//! automaton over words visits words only:
//!
//! ```text
//! wWORD   a word, or the pieces of an over-long one         cX    a character of a script without spaces
//! sX      a symbol                                          bXY   the bigram of two such characters, nothing between
//! ```
//!
//! Terms `c` and `b` are the unigrams and bigrams of Lucene's `CJKBigramFilter` with
//! `outputUnigrams`, except that ours pair any script without spaces, Thai and Tibetan too, and
//! leave Hangul, which has spaces, to words.
//!
//! Invariant: tokens depend on the base letters alone ([`super::characters`]), and whether two
//! characters share a token depends on those two alone: the tokens of a piece are tokens of any
//! text that contains it, except that its first may go on to the left there and its last to the
//! right.

// What tantivy calls a token is a term with its position: each of our tokens gives one or more.
use tantivy::tokenizer::{Token as PlacedTerm, TokenStream, Tokenizer};

use super::characters::{Class, character};

/// Name under which the schema finds this tokenizer.
pub const TOKENIZER: &str = "verbatim";
/// A longer word becomes terms of this many characters, each beginning [`WORD_STEP_CHARS`] after
/// the one before. × 4 bytes of UTF-8 = 256 bytes, far below the 65,530 above which tantivy drops a
/// term.
pub const WORD_CHARS_MAX: usize = 64;
/// Any stretch of this length lies whole in one of the terms of its word, at the end of the last
/// one if the word ends with it and at the start of the first one if the word starts with it.
pub const WORD_STEP_CHARS: usize = 32;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Word,
    Unspaced,
    Symbol,
}

/// One token: a range of [`Tokenized::base`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub from: usize,
    pub to: usize,
    /// Whether a separator stands before it; false for a token that begins the text.
    pub is_separated: bool,
}

/// A text in tokens.
#[derive(Clone, Debug, Default)]
pub struct Tokenized {
    /// The base letters of all tokens, one after the other, without separators.
    pub base: String,
    pub tokens: Vec<Token>,
    /// Whether a separator stands after the last token.
    pub ends_separated: bool,
}

impl Tokenized {
    /// The tokens of `text`.
    pub fn of(text: &str) -> Tokenized {
        let mut tokenized = Tokenized::default();
        tokenized.split(text);
        tokenized
    }

    /// The base letters of `token`.
    pub fn base_of(&self, token: Token) -> &str {
        &self.base[token.from..token.to]
    }

    /// Whether tokens `number` and `number + 1` make a bigram: characters of scripts without
    /// spaces, nothing between.
    pub fn is_bigram(&self, number: usize) -> bool {
        let is_unspaced = |token: &&Token| token.kind == TokenKind::Unspaced;
        self.tokens.get(number).filter(is_unspaced).is_some()
            && self
                .tokens
                .get(number + 1)
                .filter(is_unspaced)
                .is_some_and(|next| !next.is_separated)
    }

    fn split(&mut self, text: &str) {
        self.base.clear();
        self.tokens.clear();
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
            Class::Unspaced => TokenKind::Unspaced,
            Class::Word(_) => TokenKind::Word,
            Class::Symbol => TokenKind::Symbol,
        };
        let from = self.base.len();
        self.base.push(char);
        let to = self.base.len();
        match self.tokens.last_mut() {
            Some(word) if kind == TokenKind::Word && *last == Some(class) => word.to = to,
            _ => self.tokens.push(Token { kind, from, to, is_separated: self.ends_separated }),
        }
        self.ends_separated = false;
        *last = Some(class);
    }
}

/// The term of a word, or of a piece of one.
pub fn word_term(word: &str) -> String {
    format!("w{word}")
}

/// The term of a token that is not a word.
pub fn token_term(kind: TokenKind, text: &str) -> String {
    format!("{}{text}", tag(kind))
}

/// The term of a bigram.
pub fn bigram_term(bigram: &str) -> String {
    format!("b{bigram}")
}

fn tag(kind: TokenKind) -> char {
    match kind {
        TokenKind::Word => 'w',
        TokenKind::Unspaced => 'c',
        TokenKind::Symbol => 's',
    }
}

/// Byte position in `text` after its first `count` characters, or its end.
pub fn chars_end(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(position, _)| position)
}

/// The tokenizer, with buffers that are used again for each text.
#[derive(Clone, Default)]
pub struct TextTokenizer {
    text: Tokenized,
    term: PlacedTerm,
}

/// Hands out the terms of one text.
pub struct Terms<'a> {
    text: &'a Tokenized,
    term: &'a mut PlacedTerm,
    number: usize,
    next: Next,
}

/// Which term of the current token comes next.
#[derive(Clone, Copy)]
enum Next {
    Token,
    Bigram,
    /// The piece of an over-long word that begins at this byte of the base.
    Piece(usize),
}

impl Tokenizer for TextTokenizer {
    type TokenStream<'a> = Terms<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms<'a> {
        self.text.split(text);
        self.term.reset();
        Terms { text: &self.text, term: &mut self.term, number: 0, next: Next::Token }
    }
}

impl Terms<'_> {
    fn set(&mut self, tag: char, from: usize, to: usize) {
        self.term.position = self.number;
        self.term.offset_from = from;
        self.term.offset_to = to;
        self.term.text.clear();
        self.term.text.push(tag);
        self.term.text.push_str(&self.text.base[from..to]);
    }

    fn go_on(&mut self) {
        self.number += 1;
        self.next = Next::Token;
    }

    /// Sets the piece that begins at `from` and says where the one after it begins.
    fn set_piece(&mut self, token: Token, from: usize) {
        let rest = &self.text.base[from..token.to];
        let to = from + chars_end(rest, WORD_CHARS_MAX);
        let next = from + chars_end(rest, WORD_STEP_CHARS);
        self.set('w', from, to);
        if to < token.to {
            self.next = Next::Piece(next);
        } else {
            self.go_on();
        }
    }
}

impl TokenStream for Terms<'_> {
    fn advance(&mut self) -> bool {
        let Some(token) = self.text.tokens.get(self.number).copied() else { return false };
        match (self.next, token.kind) {
            (Next::Piece(from), _) => self.set_piece(token, from),
            (_, TokenKind::Word) => self.set_piece(token, token.from),
            (Next::Token, kind) => {
                self.set(tag(kind), token.from, token.to);
                if self.text.is_bigram(self.number) {
                    self.next = Next::Bigram;
                } else {
                    self.go_on();
                }
            }
            (Next::Bigram, _) => {
                let to = self.text.tokens[self.number + 1].to;
                self.set('b', token.from, to);
                self.go_on();
            }
        }
        true
    }

    fn token(&self) -> &PlacedTerm {
        self.term
    }

    fn token_mut(&mut self) -> &mut PlacedTerm {
        self.term
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<(usize, String)> {
        let mut tokenizer = TextTokenizer::default();
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
