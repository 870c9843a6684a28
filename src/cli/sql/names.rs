//! Completes the names of tables, columns and functions.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::sql::{Schema, function_names};

/// Words that begin and join the parts of a statement.
const WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "group by",
    "order by",
    "having",
    "limit",
    "join",
    "left join",
    "using",
    "with",
    "as",
    "and",
    "or",
    "not",
    "is null",
    "is not null",
    "between",
    "like",
    "count(*)",
    "distinct",
    "describe",
    "show tables",
    "show columns from",
    "show functions",
    "explain",
];

/// Every name, sorted.
pub(super) struct Names {
    names: Vec<String>,
}

impl Names {
    pub(super) async fn of(schema: &Schema) -> anyhow::Result<Names> {
        let mut names: Vec<String> = WORDS.iter().map(|word| word.to_string()).collect();
        names.extend(function_names().await?);
        for table in &schema.tables {
            names.push(table.name.to_string());
            let written = |name: &str| match name {
                "order" | "offset" => format!("\"{name}\""),
                name => name.to_string(),
            };
            names.extend(table.columns.iter().map(|column| written(&column.name)));
        }
        names.sort();
        names.dedup();
        Ok(Names { names })
    }

    /// Where the word begins that the cursor stands behind, and what it may become.
    fn completions(&self, before: &str) -> (usize, Vec<String>) {
        let is_in_word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '"');
        let begin = before.rfind(|char| !is_in_word(char));
        let begin =
            begin.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = before[begin..].to_lowercase();
        let may_become = |name: &&String| {
            // A quoted name is found by its letters too.
            name.starts_with(&word)
                || name.strip_prefix('"').is_some_and(|name| name.starts_with(&word))
        };
        let found = if word.is_empty() {
            Vec::new()
        } else {
            self.names.iter().filter(may_become).cloned().collect()
        };
        (begin, found)
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.completions(&line[..at]))
    }
}

impl Hinter for Names {
    type Hint = String;
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::schema;

    #[tokio::test]
    async fn tables_columns_and_functions_are_completed() {
        let names = Names::of(schema().await.unwrap()).await.unwrap();
        let of = |before: &str| names.completions(before);
        assert_eq!(of("select local_h"), (7, vec!["local_hour".to_string()]));
        assert!(of("select * from TUR").1.contains(&"turns".to_string()));
        assert!(of("select nrt").1.contains(&"nrt_ms".to_string()));
        assert!(of("select count(distinct ord").1.contains(&"\"order\"".to_string()));
        assert!(of("select 退款, approx_d").1.contains(&"approx_distinct".to_string()));
        assert_eq!(of("select ").1, Vec::<String>::new());
    }
}
