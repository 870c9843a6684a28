//! Statements read from a text, told apart by their first words. Questions go on as they are written; of
//! what is about the connection itself a few words are read each.
//!
//! It decides nothing about questions: whether one only reads is for [`crate::sql::guard`] to say, where it
//! is computed.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::statement::{Fetch, Setting, Statement};
use super::words::Words;
use crate::model::FieldError;
use crate::sql::SqlError;
use crate::sql::guard::QUERY_BYTES_MAX;

/// Statements in one message: a client that restores its session sends a dozen.
const STATEMENTS_MAX: usize = 64;

impl Statement {
    /// The statements of one message, in order; none where it says nothing.
    pub fn parse(text: &str) -> Result<Vec<Statement>, SqlError> {
        if text.len() > QUERY_BYTES_MAX {
            let rule = format!("be at most {QUERY_BYTES_MAX} bytes");
            return Err(FieldError::new("query", format!("{} bytes", text.len()), rule).into());
        }
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
        let tokens = tokens.map_err(|error| FieldError::new("query", text, rule_of(&error)))?;
        let is_said = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
        let said: Vec<TokenWithSpan> = tokens.iter().filter(is_said).cloned().collect();
        let ranges = byte_ranges(text, &said);
        let mut statements = Vec::new();
        for range in between_semicolons(&said) {
            if statements.len() == STATEMENTS_MAX {
                let rule = format!("hold at most {STATEMENTS_MAX} statements");
                return Err(FieldError::new("query", text, rule).into());
            }
            let bytes = ranges[range.start].start..ranges[range.end - 1].end;
            let words = Words::new(text, &said[range.clone()], &ranges[range]);
            statements.push(statement(&text[bytes], words)?);
        }
        Ok(statements)
    }
}

fn rule_of(error: &impl ToString) -> String {
    format!("be SQL: {}", error.to_string())
}

/// The places of the tokens of each statement that has any.
fn between_semicolons(tokens: &[TokenWithSpan]) -> Vec<Range<usize>> {
    let ends = tokens.iter().enumerate();
    let ends = ends.filter(|(_, token)| token.token == Token::SemiColon).map(|(at, _)| at);
    let mut start = 0;
    let mut ranges = Vec::new();
    for end in ends.chain([tokens.len()]) {
        if end > start {
            ranges.push(start..end);
        }
        start = end + 1;
    }
    ranges
}

/// Where each token stands in the text, in bytes: the tokenizer says lines and characters.
fn byte_ranges(text: &str, tokens: &[TokenWithSpan]) -> Vec<Range<usize>> {
    let mut ends = tokens.iter().flat_map(|token| [token.span.start, token.span.end]).peekable();
    let mut at = Location { line: 1, column: 1 };
    let mut bytes = Vec::with_capacity(2 * tokens.len());
    for (byte, character) in text.char_indices() {
        while ends.next_if(|end| *end <= at).is_some() {
            bytes.push(byte);
        }
        at = match character {
            '\n' => Location { line: at.line + 1, column: 1 },
            _ => Location { line: at.line, column: at.column + 1 },
        };
    }
    bytes.extend(ends.map(|_| text.len()));
    bytes.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
}

/// What one statement is; `text` is all of it.
fn statement(text: &str, mut words: Words<'_>) -> Result<Statement, SqlError> {
    let query = || Statement::Query(text.to_string());
    let first = words.keyword().unwrap_or_default();
    Ok(match first.as_str() {
        "SHOW" => match words.name() {
            // The guard may know lists of tables and columns.
            Some(name) if matches!(name.as_str(), "tables" | "columns" | "functions") => query(),
            Some(name) if name == "time" => Statement::Show("timezone".to_string()),
            Some(name) if name == "transaction" => {
                Statement::Show("transaction_isolation".to_string())
            }
            Some(name) => Statement::Show(name),
            None => Statement::Other("SHOW".to_string()),
        },
        "SET" => set(&mut words),
        "RESET" => match words.name() {
            Some(name) if name == "all" => Statement::ResetAll,
            Some(name) => Statement::Set(Setting { name, value: None, is_local: false }),
            None => Statement::Other("RESET".to_string()),
        },
        "BEGIN" => Statement::Begin,
        "START" if words.take("TRANSACTION") => Statement::Begin,
        "COMMIT" | "END" => Statement::Commit,
        "ABORT" => Statement::Rollback,
        "ROLLBACK" => {
            let _noise = words.take("WORK") || words.take("TRANSACTION");
            if words.take("TO") {
                named(&mut words, Statement::RollbackTo)
            } else {
                Statement::Rollback
            }
        }
        "SAVEPOINT" => named(&mut words, Statement::Savepoint),
        "RELEASE" => named(&mut words, Statement::Release),
        "DISCARD" => Statement::Discard { all: words.take("ALL") },
        "DEALLOCATE" => {
            let _noise = words.take("PREPARE");
            Statement::Deallocate(one_or_all(&mut words))
        }
        "CLOSE" => Statement::Close(one_or_all(&mut words)),
        "DECLARE" => declare(&mut words),
        "FETCH" => fetch(&mut words, true),
        "MOVE" => fetch(&mut words, false),
        "COPY" => copy(&mut words),
        word if is_question(word) => query(),
        word => Statement::Other(word.to_string()),
    })
}

/// What may ask for rows; the guard says whether it does.
fn is_question(word: &str) -> bool {
    matches!(word, "SELECT" | "WITH" | "VALUES" | "EXPLAIN" | "DESCRIBE" | "DESC" | "(")
}

fn named(words: &mut Words<'_>, of: impl Fn(String) -> Statement) -> Statement {
    let _noise = words.take("SAVEPOINT");
    words.name().map_or_else(|| Statement::Other("SAVEPOINT".to_string()), of)
}

fn one_or_all(words: &mut Words<'_>) -> Option<String> {
    if words.take("ALL") { None } else { words.name() }
}

/// `SET [SESSION|LOCAL] NAME {=|TO} VALUE[, …]` and the three forms that the standard has.
fn set(words: &mut Words<'_>) -> Statement {
    let is_local = words.take("LOCAL");
    let is_session = words.take("SESSION");
    if is_session && words.take("CHARACTERISTICS") || words.take("TRANSACTION") {
        let value = Some(words.rest());
        return Statement::Set(Setting { name: "transaction".to_string(), value, is_local: true });
    }
    let setting =
        |name: &str, value| Statement::Set(Setting { name: name.to_string(), value, is_local });
    if words.take("TIME") && words.take("ZONE") {
        return setting("timezone", words.value());
    }
    if words.take("NAMES") {
        return setting("client_encoding", words.value());
    }
    match words.name() {
        Some(name) if words.symbol(&Token::Eq) || words.take("TO") => setting(&name, words.value()),
        _ => Statement::Other("SET".to_string()),
    }
}

/// `DECLARE NAME [BINARY] [INSENSITIVE] [[NO] SCROLL] CURSOR [{WITH|WITHOUT} HOLD] FOR query`
fn declare(words: &mut Words<'_>) -> Statement {
    let other = || Statement::Other("DECLARE".to_string());
    let Some(cursor) = words.name() else { return other() };
    while words.take("NO")
        || words.take("INSENSITIVE")
        || words.take("ASENSITIVE")
        || words.take("SCROLL")
    {}
    if !words.take("CURSOR") {
        return other();
    }
    let outlives_transaction = words.take("WITH");
    if (outlives_transaction || words.take("WITHOUT")) && !words.take("HOLD") || !words.take("FOR")
    {
        return other();
    }
    Statement::Declare { cursor, query: words.rest(), outlives_transaction }
}

/// `FETCH [NEXT|FORWARD] [COUNT|ALL] [FROM|IN] NAME`
fn fetch(words: &mut Words<'_>, shows: bool) -> Statement {
    let _noise = words.take("NEXT") || words.take("FORWARD");
    let rows = if words.take("ALL") { None } else { Some(words.number().unwrap_or(1)) };
    let _noise = words.take("FROM") || words.take("IN");
    match words.name() {
        Some(cursor) if words.is_empty() => Statement::Fetch(Fetch { cursor, rows, shows }),
        // BACKWARD, ABSOLUTE and the like.
        _ => Statement::Other(if shows { "FETCH" } else { "MOVE" }.to_string()),
    }
}

/// `COPY (query) TO STDOUT [[WITH] (FORMAT csv|text, HEADER)]`
fn copy(words: &mut Words<'_>) -> Statement {
    let other = || Statement::Other("COPY".to_string());
    let query = words.parenthesized();
    let to_us = words.take("TO") && words.take("STDOUT");
    match query {
        Some(query) if to_us => {
            let options = words.rest().to_ascii_uppercase();
            let said: Vec<&str> = options
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|s| !s.is_empty())
                .collect();
            let known = ["WITH", "FORMAT", "CSV", "TEXT", "HEADER", "TRUE", "ON"];
            if said.iter().any(|word| !known.contains(word)) {
                return other();
            }
            let has = |word| said.contains(&word);
            Statement::CopyOut { query, is_csv: has("CSV"), has_header: has("HEADER") }
        }
        _ => other(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Statement {
        let mut statements = Statement::parse(text).unwrap();
        assert_eq!(statements.len(), 1, "{text}");
        statements.remove(0)
    }

    fn query(text: &str) -> Statement {
        Statement::Query(text.to_string())
    }

    #[test]
    fn a_message_is_cut_at_its_semicolons_and_nowhere_else() {
        let cases: &[(&str, &[&str])] = &[
            ("select 1", &["select 1"]),
            (" select 1 ; ; select ';' ;", &["select 1", "select ';'"]),
            ("select '退;款' -- a; b\n; select 2 /* ; */", &["select '退;款'", "select 2"]),
            ("select $$a;b$$;\n\tselect E'\\';'", &["select $$a;b$$", "select E'\\';'"]),
            ("select \"a;b\" from t", &["select \"a;b\" from t"]),
            (";;; -- nothing", &[]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let expected: Vec<Statement> = expected.iter().map(|text| query(text)).collect();
            assert_eq!(Statement::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_about_the_connection_is_read() {
        let setting = |name: &str, value: Option<&str>, is_local| {
            Statement::Set(Setting {
                name: name.to_string(),
                value: value.map(str::to_string),
                is_local,
            })
        };
        let cases = [
            ("SET application_name = 'a b'", setting("application_name", Some("a b"), false)),
            ("set local statement_timeout to 500", setting("statement_timeout", Some("500"), true)),
            (
                "SET SESSION extra_float_digits = -3",
                setting("extra_float_digits", Some("-3"), false),
            ),
            ("SET TimeZone TO DEFAULT", setting("timezone", None, false)),
            ("SET TIME ZONE 'Asia/Shanghai'", setting("timezone", Some("Asia/Shanghai"), false)),
            ("SET NAMES 'UTF8'", setting("client_encoding", Some("UTF8"), false)),
            ("SET DateStyle=ISO, MDY", setting("datestyle", Some("ISO, MDY"), false)),
            (
                "SET search_path = \"$user\", public",
                setting("search_path", Some("$user, public"), false),
            ),
            ("SET verbatim.case = 'D-17'", setting("verbatim.case", Some("D-17"), false)),
            (
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                setting("transaction", Some("AS TRANSACTION READ ONLY"), true),
            ),
            ("RESET DateStyle", setting("datestyle", None, false)),
            (
                "SHOW TRANSACTION ISOLATION LEVEL",
                Statement::Show("transaction_isolation".to_string()),
            ),
            ("show TimeZone", Statement::Show("timezone".to_string())),
            ("SHOW TIME ZONE", Statement::Show("timezone".to_string())),
            ("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", Statement::Begin),
            ("START TRANSACTION", Statement::Begin),
            ("END", Statement::Commit),
            ("ROLLBACK TO SAVEPOINT a", Statement::RollbackTo("a".to_string())),
            ("ROLLBACK WORK", Statement::Rollback),
            ("RELEASE SAVEPOINT _pg3_1", Statement::Release("_pg3_1".to_string())),
            ("DISCARD ALL", Statement::Discard { all: true }),
            ("DEALLOCATE PREPARE \"A b\"", Statement::Deallocate(Some("A b".to_string()))),
            ("DEALLOCATE ALL", Statement::Deallocate(None)),
            ("CLOSE ALL", Statement::Close(None)),
        ];
        for (text, expected) in cases {
            assert_eq!(only(text), expected, "{text}");
        }
    }

    #[test]
    fn cursors_and_copies_hold_the_query_as_it_is_written() {
        let declared = |cursor: &str, query: &str, outlives_transaction| Statement::Declare {
            cursor: cursor.to_string(),
            query: query.to_string(),
            outlives_transaction,
        };
        let fetched = |cursor: &str, rows, shows| {
            Statement::Fetch(Fetch { cursor: cursor.to_string(), rows, shows })
        };
        let copied = |query: &str, is_csv, has_header| Statement::CopyOut {
            query: query.to_string(),
            is_csv,
            has_header,
        };
        let other = |text: &str| Statement::Other(text.to_string());
        let cases = [
            ("DECLARE \"c 1\" CURSOR FOR SELECT 'a  b'", declared("c 1", "SELECT 'a  b'", false)),
            (
                "declare c no scroll cursor with hold for values (1)",
                declared("c", "values (1)", true),
            ),
            ("DECLARE c BINARY CURSOR FOR SELECT 1", other("DECLARE")),
            ("FETCH FORWARD 100 FROM \"c 1\"", fetched("c 1", Some(100), true)),
            ("FETCH c", fetched("c", Some(1), true)),
            ("FETCH NEXT IN c", fetched("c", Some(1), true)),
            ("MOVE ALL IN c", fetched("c", None, false)),
            ("FETCH BACKWARD 1 FROM c", other("FETCH")),
            ("COPY (SELECT (1), ')') TO STDOUT", copied("SELECT (1), ')'", false, false)),
            (
                "COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, HEADER true)",
                copied("SELECT 1", true, true),
            ),
            ("COPY (SELECT 1) TO STDOUT CSV HEADER", copied("SELECT 1", true, true)),
        ];
        for (text, expected) in cases {
            assert_eq!(only(text), expected, "{text}");
        }
        for text in [
            "COPY events TO '/tmp/x'",
            "COPY (SELECT 1) TO '/tmp/x'",
            "COPY t FROM STDIN",
            "COPY (SELECT 1) TO STDOUT (DELIMITER '|')",
        ] {
            assert!(matches!(only(text), Statement::Other(_)), "{text}");
        }
    }

    #[test]
    fn what_is_no_sql_or_too_much_is_refused_with_what_was_said() {
        let many = "select 1;".repeat(STATEMENTS_MAX + 1);
        let long = "x".repeat(QUERY_BYTES_MAX + 1);
        for (text, named) in
            [("select 'a", "select 'a"), (many.as_str(), "64"), (long.as_str(), "65537 bytes")]
        {
            let error = Statement::parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        // As many as the text holds, in one pass.
        assert_eq!(Statement::parse(&";".repeat(QUERY_BYTES_MAX)).unwrap(), []);
        assert_eq!(only("drop table events"), Statement::Other("DROP".to_string()));
        // The engine's parser knows no such question.
        assert_eq!(only("table events"), Statement::Other("TABLE".to_string()));
        assert_eq!(only("(select 1)"), query("(select 1)"));
    }
}
