//! From a query to its pieces: words, phrases, names before colons, operators, parentheses.
//!
//! Invariant: pieces stand in order, do not overlap, and what lies between them is whitespace.

use std::ops::Range;

use super::names::{FieldName, OPERATORS, meant};
use super::{LanguageError, QUERY_CHARS_MAX};

/// A piece of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Bytes of the query.
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    And,
    Or,
    /// `NOT`, or a minus before what it negates.
    Not,
    Open,
    Close,
    /// A name with its colon; the value is the next piece.
    Field(FieldName),
    /// Without quotes and escapes.
    Phrase(String),
    Word(String),
}

/// What may stand for a quotation mark: keyboards for Chinese make the second pair.
const QUOTES: [(char, char); 2] = [('"', '"'), ('“', '”')];
/// What may stand for a colon after a field's name, for the same reason.
const COLONS: [char; 2] = [':', '：'];

/// The pieces of `query`, in order.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, LanguageError> {
    if let Some((end, _)) = query.char_indices().nth(QUERY_CHARS_MAX) {
        let rule = format!("be left out: a query has at most {QUERY_CHARS_MAX} characters");
        return Err(LanguageError::new(query, end..query.len(), rule));
    }
    let mut lexer = Lexer { query, at: 0, tokens: Vec::new(), open: 0 };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    query: &'a str,
    /// Bytes read.
    at: usize,
    tokens: Vec<Token>,
    /// Parentheses that are open.
    open: usize,
}

impl Lexer<'_> {
    /// Reads one piece; false at the end.
    fn step(&mut self) -> Result<bool, LanguageError> {
        let rest = &self.query[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.query[self.at..];
        let Some(first) = rest.chars().next() else { return Ok(false) };
        if let Some((_, close)) = QUOTES.iter().find(|(open, _)| *open == first) {
            self.phrase(first, *close)?;
        } else if first == '(' {
            self.open += 1;
            self.push(TokenKind::Open, 1);
        } else if first == ')' && self.open > 0 {
            self.open -= 1;
            self.push(TokenKind::Close, 1);
        } else if first == '-' && negates(rest) {
            self.push(TokenKind::Not, 1);
        } else if let Some((field, length)) = field(rest) {
            self.push(TokenKind::Field(field), length);
        } else {
            self.word(rest)?;
        }
        Ok(true)
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let at = self.at..self.at + length;
        self.at = at.end;
        self.tokens.push(Token { kind, at });
    }

    /// Up to the closing mark. A backslash keeps a mark or a backslash inside.
    fn phrase(&mut self, open: char, close: char) -> Result<(), LanguageError> {
        let mut text = String::new();
        let mut chars = self.query[self.at..].char_indices().skip(1).peekable();
        while let Some((place, char)) = chars.next() {
            if char == close {
                self.push(TokenKind::Phrase(text), place + close.len_utf8());
                return Ok(());
            }
            let escaped =
                chars.next_if(|(_, next)| char == '\\' && (*next == close || *next == '\\'));
            text.push(escaped.map_or(char, |(_, escaped)| escaped));
        }
        let at = self.at..self.at + open.len_utf8();
        let rule = format!(
            "have a `{close}` where the phrase ends; to look for the mark itself, write `\"\\\"\"`"
        );
        Err(LanguageError::new(self.query, at, rule))
    }

    /// Up to the next space, or to the parenthesis that closes a group.
    fn word(&mut self, rest: &str) -> Result<(), LanguageError> {
        let mut inner = 0_usize;
        let mut length = rest.len();
        for (place, char) in rest.char_indices() {
            let closes_group = char == ')' && inner == 0 && self.open > 0;
            if char.is_whitespace() || closes_group {
                length = place;
                break;
            }
            match char {
                '(' => inner += 1,
                ')' => inner = inner.saturating_sub(1),
                _ => {}
            }
        }
        let word = &rest[..length];
        if let Some(known) = mistyped(word) {
            let at = self.at..self.at + length;
            let rule = format!(
                "name a field: did you mean `{known}:`? To look for it as text, put it in quotes"
            );
            return Err(LanguageError::new(self.query, at, rule));
        }
        let kind = match word {
            "AND" => TokenKind::And,
            "OR" => TokenKind::Or,
            "NOT" => TokenKind::Not,
            word => TokenKind::Word(word.to_string()),
        };
        debug_assert!(matches!(kind, TokenKind::Word(_)) || OPERATORS.contains(&word));
        self.push(kind, length);
        Ok(())
    }
}

/// Whether the minus at the start of `rest` stands right before something: alone it is a word, and
/// so are dashes in a row.
fn negates(rest: &str) -> bool {
    rest.chars().nth(1).is_some_and(|next| !next.is_whitespace() && next != '-' && next != ')')
}

/// The field named at the start of `rest`, and the bytes of its name and colon.
fn field(rest: &str) -> Option<(FieldName, usize)> {
    let (name, colon) = before_colon(rest)?;
    Some((name.to_ascii_lowercase().parse().ok()?, name.len() + colon))
}

/// A word whose name before the colon is nearly that of a field.
fn mistyped(word: &str) -> Option<&'static str> {
    meant(&before_colon(word)?.0.to_ascii_lowercase())
}

/// Letters up to a colon, and the colon's bytes.
pub(super) fn before_colon(rest: &str) -> Option<(&str, usize)> {
    let end = rest.find(|char: char| !char.is_ascii_alphabetic())?;
    let colon = rest[end..].chars().next().filter(|char| COLONS.contains(char))?;
    (end > 0).then(|| (&rest[..end], colon.len_utf8()))
}
