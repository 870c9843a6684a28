//! What to do about an error in a query: the name that was meant, the quotes that are missing. Nothing
//! is named but what every shop has, and what the asker wrote.

use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::SqlError;
use super::meanings::tables_with;
use super::views::TABLES;
use crate::model::ErrorKind;

/// Columns that are words of SQL too.
const RESERVED: &[&str] = &["order", "offset"];
/// Letters in which a name may differ from the one that was meant: a third of it, and no more than this.
const SLIPS_MAX: usize = 3;

/// The error as a client may read it, with what to do where that is known.
pub(super) fn explained(error: DataFusionError, sql: &str) -> SqlError {
    let hint = hint(&error, sql);
    match (SqlError::from(error), hint) {
        (SqlError::Query { kind: ErrorKind::BadInput, shown, source }, Some(hint)) => {
            let shown = format!("{shown}\n{hint}");
            SqlError::Query { kind: ErrorKind::BadInput, shown, source }
        }
        (error, _) => error,
    }
}

fn hint(error: &DataFusionError, sql: &str) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match &**error {
            SchemaError::FieldNotFound { field, .. } => of_column(field),
            _ => None,
        },
        DataFusionError::SQL(..) => of_syntax(sql),
        DataFusionError::Plan(message) => of_table(missing_table(message)?),
        _ => None,
    }
}

/// The tables that have a column of this name.
fn of_column(field: &Column) -> Option<String> {
    let tables = tables_with(&field.name);
    (!tables.is_empty())
        .then(|| format!("`{}` is a column of {}", field.name, quoted(tables.into_iter())))
}

fn of_table(name: &str) -> Option<String> {
    let known = || TABLES.iter().map(|(name, _)| *name);
    Some(match closest(name, known()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the tables are {}", quoted(known())),
    })
}

/// The table in the engine's words, without its catalogue and schema.
fn missing_table(message: &str) -> Option<&str> {
    let in_query =
        message.split_once("table '").and_then(|(_, rest)| rest.split_once("' not found"));
    let described =
        || message.split_once("No table named '").and_then(|(_, rest)| rest.split_once('\''));
    let (name, _) = in_query.or_else(described)?;
    name.rsplit('.').next()
}

/// A command of the prompt, or a reserved word that stands where only a column can be meant.
fn of_syntax(sql: &str) -> Option<String> {
    if sql.trim_start().starts_with('\\') {
        let hint = "what begins with `\\` is for the prompt of `verbatim sql` alone: SHOW TABLES lists tables, DESCRIBE turns its columns";
        return Some(hint.to_string());
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().ok()?;
    let tokens: Vec<&Token> =
        tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let said = tokens.iter().enumerate().find_map(|(place, token)| {
        let Token::Word(word) = token else { return None };
        let name = word.value.to_lowercase();
        let is_reserved = word.quote_style.is_none() && RESERVED.contains(&name.as_str());
        (is_reserved && !is_clause(&name, tokens.get(place + 1))).then_some(name)
    })?;
    Some(format!("`{said}` is a word of SQL: as a column it is \"{said}\", in double quotes"))
}

/// Whether the word begins a clause: ORDER BY, OFFSET 10.
fn is_clause(name: &str, next: Option<&&Token>) -> bool {
    match (name, next) {
        ("order", Some(Token::Word(next))) => next.value.eq_ignore_ascii_case("by"),
        ("offset", Some(Token::Number(..) | Token::Placeholder(_))) => true,
        _ => false,
    }
}

/// The name that differs the least from `said`, where it may be meant.
pub(super) fn closest<'a>(said: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let said = said.to_lowercase();
    let distance = |name: &&str| levenshtein(&said, name);
    let (name, slips) =
        known.map(|name| (name, distance(&name))).min_by_key(|(_, slips)| *slips)?;
    (slips <= SLIPS_MAX.min(1 + name.len() / 3)).then_some(name)
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant_is_told() {
        for (said, meant) in [
            ("turn", Some("turns")),
            ("Message", Some("messages")),
            ("conversatons", Some("conversations")),
            ("catagories", Some("categories")),
            ("accounts", None),
            ("x", None),
        ] {
            assert_eq!(closest(said, TABLES.iter().map(|(name, _)| *name)), meant, "{said}");
        }
        for missing in ["table 'datafusion.public.turn' not found", "No table named 'turn'"] {
            assert_eq!(of_table(missing_table(missing).unwrap()).unwrap(), "did you mean `turns`?");
        }
    }

    #[test]
    fn a_column_is_told_from_a_clause() {
        for sql in [
            "select conversation order from episodes",
            "select text, offset",
            "select * from events where text is null offset > 3",
            "select e.offset from events e order by",
        ] {
            assert!(of_syntax(sql).is_some_and(|hint| hint.contains("double quotes")), "{sql}");
        }
        for sql in [
            "select \"order\" form episodes",
            "select text from messages oder by 1",
            "selct 1 order by 1 offset 10",
            "select 'order",
        ] {
            assert_eq!(of_syntax(sql), None, "{sql}");
        }
    }
}
