//! The words of one statement, taken one after the other.

use std::ops::Range;

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// What is left of a statement.
pub(super) struct Words<'a> {
    text: &'a str,
    tokens: &'a [TokenWithSpan],
    /// Where each of them stands in the text.
    ranges: &'a [Range<usize>],
}

impl<'a> Words<'a> {
    pub(super) fn new(
        text: &'a str,
        tokens: &'a [TokenWithSpan],
        ranges: &'a [Range<usize>],
    ) -> Words<'a> {
        Words { text, tokens, ranges }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    fn token(&self) -> Option<&'a Token> {
        self.tokens.first().map(|token| &token.token)
    }

    fn skip(&mut self, count: usize) {
        self.tokens = &self.tokens[count..];
        self.ranges = &self.ranges[count..];
    }

    /// The next word or sign, in upper case.
    pub(super) fn keyword(&mut self) -> Option<String> {
        let word = self.token()?.to_string().to_ascii_uppercase();
        self.skip(1);
        Some(word)
    }

    /// Whether the next word is this one, which is then taken.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_it = matches!(self.token(), Some(Token::Word(next))
            if next.quote_style.is_none() && next.value.eq_ignore_ascii_case(word));
        if is_it {
            self.skip(1);
        }
        is_it
    }

    pub(super) fn symbol(&mut self, symbol: &Token) -> bool {
        let is_it = self.token() == Some(symbol);
        if is_it {
            self.skip(1);
        }
        is_it
    }

    /// A name, in lower case where it is not quoted; with dots, where it has parts.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut name = self.part_of_name()?;
        while self.symbol(&Token::Period) {
            name.push('.');
            name.push_str(&self.part_of_name()?);
        }
        Some(name)
    }

    fn part_of_name(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.token() else { return None };
        let name = match word.quote_style {
            Some(_) => word.value.clone(),
            None => word.value.to_lowercase(),
        };
        self.skip(1);
        Some(name)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let Some(Token::Number(number, _)) = self.token() else { return None };
        let number = number.parse().ok()?;
        self.skip(1);
        Some(number)
    }

    /// All that is left as the value of a setting: texts without quotes, a comma between several;
    /// none for DEFAULT.
    pub(super) fn value(&mut self) -> Option<String> {
        if self.take("DEFAULT") {
            return None;
        }
        let mut value = String::new();
        for token in self.tokens {
            match &token.token {
                Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => {
                    value.push_str(text);
                }
                Token::Word(word) => value.push_str(&word.value),
                Token::Comma => value.push_str(", "),
                other => value.push_str(&other.to_string()),
            }
        }
        self.skip(self.tokens.len());
        Some(value)
    }

    /// All that is left, as it is written.
    pub(super) fn rest(&mut self) -> String {
        let Some((first, last)) = self.ranges.first().zip(self.ranges.last()) else {
            return String::new();
        };
        let rest = self.text[first.start..last.end].to_string();
        self.skip(self.tokens.len());
        rest
    }

    /// What stands in the parentheses that come next, as it is written.
    pub(super) fn parenthesized(&mut self) -> Option<String> {
        if self.token() != Some(&Token::LParen) {
            return None;
        }
        let mut depth = 0;
        let end = self.tokens.iter().position(|token| {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            depth == 0
        })?;
        let inside = self.text[self.ranges[0].end..self.ranges[end].start].trim().to_string();
        self.skip(end + 1);
        Some(inside)
    }
}
