//! How deep a plan a query becomes. The engine goes down a chain of operators, set operations or joins
//! by recursion, a stack frame for each. Without this bound it would be the process that ends, and the
//! asker would be told less of why.

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::SqlError;
use crate::model::FieldError;

/// Operators, set operations and joins in one query: a stack holds about six times as many.
const STEPS_MAX: usize = 256;

/// Words that make an expression, a set operation or a join of two.
const STEPS: &[Keyword] = &[
    Keyword::AND,
    Keyword::OR,
    Keyword::NOT,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::ILIKE,
    Keyword::SIMILAR,
    Keyword::BETWEEN,
    Keyword::AT,
    Keyword::COLLATE,
    Keyword::UNION,
    Keyword::INTERSECT,
    Keyword::EXCEPT,
    Keyword::JOIN,
];
/// Words behind which a comma joins no table.
const BEHIND_FROM: &[Keyword] =
    &[Keyword::SELECT, Keyword::WHERE, Keyword::GROUP, Keyword::HAVING, Keyword::ORDER];

/// Refuses a text that would become too deep a plan, before it is parsed.
pub(super) fn check_steps(sql: &str, dialect: &dyn Dialect) -> Result<(), SqlError> {
    // What is no SQL is the parser's to say.
    let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize() else { return Ok(()) };
    let mut steps = 0;
    // For each open parenthesis, whether a comma joins tables.
    let mut lists_tables = vec![false];
    for token in &tokens {
        let joins = lists_tables.last_mut();
        match (token, joins) {
            (Token::LParen | Token::LBracket, _) => lists_tables.push(false),
            (Token::RParen | Token::RBracket, _) => drop(lists_tables.pop()),
            (Token::Word(word), Some(joins)) if word.keyword == Keyword::FROM => *joins = true,
            (Token::Word(word), Some(joins)) if BEHIND_FROM.contains(&word.keyword) => {
                *joins = false;
            }
            (Token::Comma, Some(true)) => steps += 1,
            (Token::Word(word), _) => steps += usize::from(STEPS.contains(&word.keyword)),
            (token, _) => steps += usize::from(is_operator(token)),
        }
    }
    if steps > STEPS_MAX {
        let rule = format!("have at most {STEPS_MAX} operators, set operations and joins");
        return Err(FieldError::new("query", format!("{steps} of them"), rule).into());
    }
    Ok(())
}

fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Word(_)
            | Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Comma
            | Token::Period
            | Token::SemiColon
            | Token::Placeholder(_)
            | Token::Whitespace(_)
    )
}

#[cfg(test)]
mod tests {
    use super::super::guard::statement;

    #[test]
    fn what_is_too_deep_is_refused_before_it_is_planned() {
        let many = |count: usize, step: &str| step.repeat(count);
        let refused = [
            format!("select 1{}", many(300, "+1")),
            format!("select * from events where id = 'a'{}", many(300, " or id = 'b'")),
            format!("select 1{}", many(300, " union all select 1")),
            format!("select text{} from events", many(300, "::text")),
            format!("select * from events{}", many(300, ", events")),
            format!("select * from events e0{}", many(300, " cross join events")),
        ];
        for sql in refused {
            let error = statement(&sql).unwrap_err().to_string();
            assert!(error.contains("at most 256"), "{error}: {sql}");
        }
        let ids = many(5_000, "'m', ");
        let taken = [
            format!("select * from events where id in ({ids}'m')"),
            format!("select 1{}", many(200, " + 1")),
            "with a as (select * from events), b as (select * from a, a c) select * from b, b d"
                .to_string(),
            "select extract(year from received_at), id, text from events".to_string(),
        ];
        for sql in taken {
            assert!(statement(&sql).is_ok(), "{sql}");
        }
    }
}
