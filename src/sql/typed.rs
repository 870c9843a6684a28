//! Where a statement ends, for whoever types one over several lines.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// Whether a text ends with a semicolon that is in no quotes and no comment.
pub fn is_complete(text: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else { return false };
    let last = tokens.iter().rfind(|token| !matches!(token, Token::Whitespace(_)));
    matches!(last, Some(Token::SemiColon))
}

/// Whether a text ends in quotes or in a comment that goes on.
pub fn is_in_quotes(text: &str) -> bool {
    Tokenizer::new(&GenericDialect {}, text).tokenize().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_with_a_semicolon_of_its_own() {
        for (text, ends) in [
            ("select 1;", true),
            ("select 1; -- that was it\n", true),
            ("select 1", false),
            ("select ';", false),
            ("select ';'", false),
            ("select \";\"", false),
            ("select 1 -- ;", false),
            ("select 1 /* ;", false),
            ("", false),
            (";", true),
        ] {
            assert_eq!(is_complete(text), ends, "{text}");
        }
    }

    #[test]
    fn quotes_and_comments_go_on_to_their_ends() {
        for (text, goes_on) in [
            ("select 1\n", false),
            ("select 'a", true),
            ("select 'a'", false),
            ("select \"a", true),
            ("select 1 /* a", true),
            ("select 1 -- it's that\n", false),
        ] {
            assert_eq!(is_in_quotes(text), goes_on, "{text}");
        }
    }
}
