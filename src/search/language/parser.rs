//! From pieces to a tree.

use std::ops::Range;
use std::str::FromStr;

use chrono_tz::Tz;
use strum::VariantNames;

use super::lexer::{Token, TokenKind, tokens};
use super::names::{HAS, IS};
use super::tree::{Condition, Name, Node, Words};
use super::{DEPTH_MAX, FieldName, LanguageError, TERMS_MAX};
use crate::index::fold;
use crate::model::{Kind, Micros, Role, instant_of};

/// Reads `query`; `None` where nothing was asked. Dates are those of `zone`, and days before now count from
/// `now`.
pub fn parse(query: &str, zone: Tz, now: Micros) -> Result<Option<Node>, LanguageError> {
    let tokens = tokens(query)?;
    let mut parser = Parser { query, tokens: &tokens, next: 0, terms: 0, zone, now };
    if tokens.is_empty() {
        return Ok(None);
    }
    let root = parser.either(0)?;
    // A parenthesis that closes nothing is a word, and all else was taken.
    debug_assert_eq!(parser.next, tokens.len());
    Ok(Some(root))
}

struct Parser<'a> {
    query: &'a str,
    tokens: &'a [Token],
    next: usize,
    /// Words, phrases and fields so far.
    terms: usize,
    zone: Tz,
    now: Micros,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    /// The bytes of the piece before.
    fn last_at(&self) -> Range<usize> {
        let before = self.next.checked_sub(1).and_then(|before| self.tokens.get(before));
        before.map_or(0..0, |token| token.at.clone())
    }

    fn error<T>(&self, at: Range<usize>, rule: impl Into<String>) -> Result<T, LanguageError> {
        Err(LanguageError::new(self.query, at, rule))
    }

    fn either(&mut self, depth: usize) -> Result<Node, LanguageError> {
        let mut nodes = vec![self.together(depth)?];
        while self.peek() == Some(&TokenKind::Or) {
            self.next += 1;
            nodes.push(self.together(depth)?);
        }
        Ok(match nodes.len() {
            1 => nodes.swap_remove(0),
            _ => Node::Any(nodes),
        })
    }

    fn together(&mut self, depth: usize) -> Result<Node, LanguageError> {
        let mut nodes = vec![self.single(depth)?];
        loop {
            match self.peek() {
                None | Some(TokenKind::Or | TokenKind::Close) => break,
                Some(TokenKind::And) => self.next += 1,
                Some(_) => {}
            }
            nodes.push(self.single(depth)?);
        }
        Ok(match nodes.len() {
            1 => nodes.swap_remove(0),
            _ => Node::All(nodes),
        })
    }

    fn single(&mut self, depth: usize) -> Result<Node, LanguageError> {
        let Some(Token { kind, at }) = self.tokens.get(self.next) else {
            return self.error(self.last_at(), "be followed by something to look for");
        };
        if depth > DEPTH_MAX {
            return self.error(at.clone(), format!("nest at most {DEPTH_MAX} deep"));
        }
        self.next += 1;
        match kind {
            TokenKind::Not => Ok(Node::Not(Box::new(self.single(depth + 1)?))),
            TokenKind::Open => self.group(at.clone(), depth + 1),
            TokenKind::Field(name) => self.field(*name, at.clone()),
            TokenKind::Phrase(text) => self.words(text, true, at.clone()),
            TokenKind::Word(text) => self.words(text, false, at.clone()),
            TokenKind::And | TokenKind::Or | TokenKind::Close => {
                let rule = "stand after something to look for; as text, put it in quotes";
                self.error(at.clone(), rule)
            }
        }
    }

    fn group(&mut self, open: Range<usize>, depth: usize) -> Result<Node, LanguageError> {
        if self.next == self.tokens.len() || self.peek() == Some(&TokenKind::Close) {
            return self.error(open, "hold something; as text, put it in quotes");
        }
        let node = self.either(depth)?;
        if self.peek() != Some(&TokenKind::Close) {
            return self.error(open, "be closed by `)`; as text, put it in quotes");
        }
        self.next += 1;
        Ok(node)
    }

    fn words(
        &mut self,
        text: &str,
        is_phrase: bool,
        at: Range<usize>,
    ) -> Result<Node, LanguageError> {
        self.count_term(&at)?;
        // Whitespace counts inside a phrase but finds nothing of use alone; what folds to nothing
        // would match anything.
        if fold(text).trim().is_empty() {
            return self.error(at, "contain something visible");
        }
        Ok(Node::Words(Words { text: text.to_string(), is_phrase, at }))
    }

    fn count_term(&mut self, at: &Range<usize>) -> Result<(), LanguageError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            let rule =
                format!("be left out: a query has at most {TERMS_MAX} words, phrases and fields");
            return self.error(at.clone(), rule);
        }
        Ok(())
    }

    /// A field with its value, which follows without a space.
    fn field(&mut self, name: FieldName, colon: Range<usize>) -> Result<Node, LanguageError> {
        self.count_term(&colon)?;
        let value = self.tokens.get(self.next).filter(|token| token.at.start == colon.end);
        let (value, at, is_quoted) = match value {
            Some(Token { kind: TokenKind::Phrase(text), at }) => (text.as_str(), at.clone(), true),
            Some(Token { kind: TokenKind::Word(text), at }) => (text.as_str(), at.clone(), false),
            // Whatever stands there is the value, as typed: `from:-14d`, `order:NOT`.
            Some(Token { kind: TokenKind::Not, at }) if &self.query[at.clone()] == "-" => {
                return self.negative_value(name, at.start);
            }
            _ => {
                let rule = "be followed by its value, without a space; as text, put it in quotes";
                return self.error(colon, rule);
            }
        };
        self.next += 1;
        self.condition(name, value, at, is_quoted)
    }

    /// The value that begins with a minus.
    fn negative_value(&mut self, name: FieldName, from: usize) -> Result<Node, LanguageError> {
        let Some(Token { kind: TokenKind::Word(_), at }) = self.tokens.get(self.next + 1) else {
            return self.error(from..from + 1, "begin a value such as -14d");
        };
        self.next += 2;
        self.condition(name, &self.query[from..at.end], from..at.end, false)
    }

    fn condition(
        &self,
        name: FieldName,
        value: &str,
        at: Range<usize>,
        is_quoted: bool,
    ) -> Result<Node, LanguageError> {
        if value.trim().is_empty() {
            return self.error(at, "not be empty");
        }
        let instant = |value: &str| {
            instant_of("", value, self.zone, self.now)
                .map_err(|error| LanguageError::new(self.query, at.clone(), error.rule))
        };
        Ok(Node::Field(match name {
            FieldName::Order => Condition::Order(self.name(value, &at, is_quoted)?),
            FieldName::Customer => Condition::Customer(self.name(value, &at, is_quoted)?),
            FieldName::Agent => Condition::Agent(self.name(value, &at, is_quoted)?),
            FieldName::Category => Condition::Category(value.to_string()),
            FieldName::Conversation => Condition::Conversation(value.to_string()),
            FieldName::Role => Condition::Role(self.label::<Role>(value, &at)?),
            FieldName::Kind => Condition::Kind(self.label::<Kind>(value, &at)?),
            FieldName::From => Condition::From(instant(value)?),
            FieldName::To => Condition::To(instant(value)?),
            FieldName::Has => match value {
                "attachment" => Condition::HasAttachment,
                _ => return self.error(at, format!("be one of {}", HAS.join(", "))),
            },
            FieldName::Is => match value {
                "edited" => Condition::IsEdited,
                "retracted" => Condition::IsRetracted,
                "private" => Condition::IsPrivate,
                _ => return self.error(at, format!("be one of {}", IS.join(", "))),
            },
        }))
    }

    /// A name; a star at its end, outside quotes, stands for any ending.
    fn name(&self, value: &str, at: &Range<usize>, is_quoted: bool) -> Result<Name, LanguageError> {
        let name = if is_quoted { Name::whole(value) } else { Name::typed(value) };
        if !is_quoted && value == "*" {
            return self.error(at.clone(), "have something before the `*`");
        }
        // What folds to nothing would be everybody's name.
        if fold(&name.text).trim().is_empty() {
            return self.error(at.clone(), "contain something visible");
        }
        Ok(name)
    }

    fn label<L: FromStr + VariantNames>(
        &self,
        value: &str,
        at: &Range<usize>,
    ) -> Result<L, LanguageError> {
        let rule = || format!("be one of {}", L::VARIANTS.join(", "));
        value.parse().or_else(|_| self.error(at.clone(), rule()))
    }
}
