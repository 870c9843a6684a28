//! A query narrowed by filters: before it stand common table expressions of the names of the tables that it
//! reads, each with the rows for which the filters hold. So what it says is the same, of less, and the
//! whole can be read and pasted anywhere.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{Cte, ObjectName, Query, With, visit_relations_mut};

use super::filter::{Reach, reach_of};
use super::tree::{Names, PUBLIC, name_of, parsed};
use super::{Filter, NamedQuery};
use crate::model::FieldError;
use crate::sql::SqlError;

/// The tree of `query`, of the rows for which `filters` hold.
///
/// # Errors
/// Where it reads what filters do not reach: an answer of part narrowed and part not would be wrong.
pub(in crate::sql) fn narrowed(
    query: &NamedQuery,
    filters: &BTreeMap<Filter, String>,
) -> Result<Query, SqlError> {
    let mut tree = parsed(&query.sql)?;
    let Some((first, value)) = filters.first_key_value() else { return Ok(tree) };
    let names = Names::of(&tree);
    let refused = |rule: String| FieldError::new(first.as_str(), value, rule);
    if let Some(own) = names.own.iter().find(|own| reach_of(own).is_some()) {
        let rule = format!(
            "be left out: `{}` has a common table expression `{own}`, called as a table, which hides what is to be narrowed",
            query.name
        );
        return Err(refused(rule).into());
    }
    let mut before = Vec::new();
    for table in &names.tables {
        match reach_of(table) {
            Some(Reach::Narrowed(columns)) => {
                before.push(narrowed_table(table, columns, filters)?);
            }
            Some(Reach::Whole) => {}
            None => {
                let rule = format!(
                    "be left out: `{}` reads `{table}`, which filters do not reach",
                    query.name
                );
                return Err(refused(rule).into());
            }
        }
    }
    by_their_names_alone(&mut tree);
    put_before(&mut tree, before);
    Ok(tree)
}

/// `turns AS (SELECT * FROM public.turns WHERE …)`.
fn narrowed_table(
    table: &str,
    columns: &[Filter],
    filters: &BTreeMap<Filter, String>,
) -> Result<Cte, SqlError> {
    let conditions = filters.iter().map(|(filter, value)| {
        if columns.contains(filter) && !filter.is_untagged(value) {
            filter.on_column().to_string()
        } else {
            filter.on_conversation(value)
        }
    });
    let conditions: Vec<String> = conditions.collect();
    let conditions = conditions.join(" AND ");
    let text =
        format!("WITH {table} AS (SELECT * FROM {PUBLIC}.{table} WHERE {conditions}) SELECT 1");
    let with = parsed(&text)?.with;
    let table = with.and_then(|with| with.cte_tables.into_iter().next());
    table.ok_or_else(|| SqlError::Session(format!("no table in `{text}`")))
}

/// Names tables without their schema, by which they would go past what stands before the query.
fn by_their_names_alone(tree: &mut Query) {
    let _ = visit_relations_mut(tree, |relation: &mut ObjectName| {
        let count = relation.0.len();
        let schema = count.checked_sub(2).and_then(|place| relation.0[place].as_ident());
        if schema.is_some_and(|schema| name_of(schema) == PUBLIC) {
            relation.0.drain(..count - 1);
        }
        ControlFlow::<()>::Continue(())
    });
}

fn put_before(tree: &mut Query, mut tables: Vec<Cte>) {
    match &mut tree.with {
        Some(with) => {
            tables.append(&mut with.cte_tables);
            with.cte_tables = tables;
        }
        None => {
            let with_token = AttachedToken::empty();
            tree.with = Some(With { with_token, recursive: false, cte_tables: tables });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::text_of;
    use super::*;

    fn text(sql: &str, filters: &[(Filter, &str)]) -> Result<String, SqlError> {
        let query =
            NamedQuery { name: "q".to_string(), sql: sql.to_string(), ..NamedQuery::default() };
        let filters = filters.iter().map(|(filter, value)| (*filter, value.to_string()));
        let text = text_of(&narrowed(&query, &filters.collect())?)?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_a_query_reads_is_narrowed_and_no_more() {
        let channel = [(Filter::Channel, "web")];
        let turns = "turns AS ( SELECT * FROM public.turns WHERE channel = $channel )";
        for (sql, expected) in [
            ("SELECT 1 FROM turns", format!("WITH {turns} SELECT 1 FROM turns")),
            ("SELECT 1 FROM Turns t", format!("WITH {turns} SELECT 1 FROM Turns t")),
            // By its schema it would go past the narrowed one.
            ("SELECT 1 FROM public.turns", format!("WITH {turns} SELECT 1 FROM turns")),
            (
                "WITH a AS (SELECT * FROM turns) SELECT 1 FROM a",
                format!("WITH {turns}, a AS ( SELECT * FROM turns ) SELECT 1 FROM a"),
            ),
            (
                "SELECT (SELECT count(*) FROM datafusion.public.turns)",
                format!("WITH {turns} SELECT (SELECT count(*) FROM turns)"),
            ),
        ] {
            assert_eq!(text(sql, &channel).unwrap(), expected, "{sql}");
        }
        let without = "SELECT 1 FROM public.turns";
        assert_eq!(text(without, &[]).unwrap(), without);
    }

    #[test]
    fn what_has_no_such_column_is_narrowed_by_conversation() {
        let both = [(Filter::Category, "refund"), (Filter::Channel, "web")];
        let narrowed = text("SELECT 1 FROM messages", &both).unwrap();
        for condition in [
            "conversation IN (SELECT conversation FROM public.categories WHERE category = $category)",
            "conversation IN (SELECT conversation FROM public.turns WHERE channel = $channel UNION SELECT",
        ] {
            assert!(narrowed.contains(condition), "{narrowed}");
        }
        let tags = text("SELECT 1 FROM tags", &[(Filter::Category, "refund")]).unwrap();
        assert!(tags.contains("WHERE category = $category"), "{tags}");
        let none = text("SELECT 1 FROM tags", &[(Filter::Category, "untagged")]).unwrap();
        assert!(none.contains("NOT IN (SELECT conversation FROM public.categories)"), "{none}");
    }

    /// Half an answer narrowed, and half not, would be a wrong figure.
    #[test]
    fn what_cannot_be_narrowed_is_refused() {
        for (sql, named) in [
            ("SELECT 1 FROM information_schema.columns", "information_schema.columns"),
            ("SELECT 1 FROM nothing", "nothing"),
            ("WITH turns AS (SELECT 1) SELECT 1 FROM turns", "common table expression `turns`"),
            ("SELECT 1 FROM episodes, (WITH turns AS (SELECT 1) SELECT 2)", "`turns`"),
        ] {
            let error = text(sql, &[(Filter::Agent, "lin")]).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains("lin"), "{error}");
        }
    }
}
