//! How much a query makes the engine plan. It goes down a chain of operators, set operations or joins
//! by recursion, a stack frame for each; and it puts the plan of a common table expression wherever its
//! name stands, so that a few of them double into billions.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Visit, Visitor, visit_relations};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::SqlError;
use crate::model::FieldError;

/// Operators, set operations and joins in one query: a stack holds about six times as many.
const STEPS_MAX: usize = 256;
/// Tables that a query reads, those of common table expressions counted wherever they are named.
const TABLES_MAX: u64 = 256;

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
pub(super) fn check_steps(sql: &str) -> Result<(), SqlError> {
    // What is no SQL is the parser's to say.
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return Ok(()) };
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

/// Refuses a query that reads too many tables.
pub(super) fn check_tables(query: &Query) -> Result<(), SqlError> {
    let mut weights = Weights::default();
    let _ = query.visit(&mut weights);
    let tables = weights.of(query);
    if tables > TABLES_MAX {
        let rule = format!(
            "read at most {TABLES_MAX} tables, those of a WITH counted wherever it is named"
        );
        return Err(FieldError::new("query", format!("{tables} tables"), rule).into());
    }
    Ok(())
}

/// How many tables each common table expression reads, by its name.
#[derive(Default)]
struct Weights {
    of_names: HashMap<String, u64>,
}

impl Weights {
    fn of(&self, query: &Query) -> u64 {
        let mut sum = 0_u64;
        let _ = visit_relations(query, |name| {
            let weight = self.of_names.get(&name.to_string().to_lowercase());
            sum = sum.saturating_add(weight.copied().unwrap_or(1));
            ControlFlow::<Infallible>::Continue(())
        });
        sum
    }
}

/// Innermost first: what a query names is known by then.
impl Visitor for Weights {
    type Break = Infallible;

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        for with in query.with.iter().flat_map(|with| &with.cte_tables) {
            let weight = self.of(&with.query);
            let name = with.alias.name.to_string().to_lowercase();
            let known = self.of_names.entry(name).or_default();
            *known = weight.max(*known);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::guard::check;

    #[test]
    fn what_is_too_deep_is_refused_before_it_is_planned() {
        let many = |count: usize, step: &str| step.repeat(count);
        let doubling: String = (1..30)
            .map(|level| {
                format!(", t{level} as (select a.* from t{} a, t{} b)", level - 1, level - 1)
            })
            .collect();
        let refused = [
            format!("select 1{}", many(300, "+1")),
            format!("select * from events where id = 'a'{}", many(300, " or id = 'b'")),
            format!("select 1{}", many(300, " union all select 1")),
            format!("select text{} from events", many(300, "::text")),
            format!("select * from events{}", many(300, ", events")),
            format!("select * from events e0{}", many(300, " cross join events")),
            format!("with t0 as (select * from events){doubling} select * from t29"),
            format!("select (with t0 as (select 1 from events){doubling} select 1 from t29)"),
        ];
        for sql in refused {
            let error = check(&sql).unwrap_err().to_string();
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
            assert!(check(&sql).is_ok(), "{sql}");
        }
    }
}
