//! A query as its syntax tree.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    self, Ident, ObjectName, Query, Value, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::model::FieldError;
use crate::sql::SqlError;
use crate::sql::guard::{self, Statement};

/// The tree of a text, which must be one read-only query.
pub(super) fn parsed(sql: &str) -> Result<Query, SqlError> {
    match guard::statement(sql)? {
        Statement::Query(query) => match *query {
            Parsed::Statement(statement) => match *statement {
                ast::Statement::Query(query) => Ok(*query),
                other => Err(no_query(other)),
            },
            other => Err(no_query(other)),
        },
        _ => Err(no_query(sql)),
    }
}

fn no_query(statement: impl std::fmt::Display) -> SqlError {
    FieldError::new("query", statement, "be one SELECT or WITH").into()
}

/// The text of a tree, laid out for people.
///
/// # Errors
/// Where the text would be another query: the library takes a text with quotes in it, or behind a backslash,
/// for one that is escaped already, and indents the lines of a literal. Quotes in literals are doubled before, and
/// what has lines is not laid out; whatever else there is, is found.
pub(in crate::sql) fn text_of(tree: &Query) -> Result<String, SqlError> {
    let mut escaped = tree.clone();
    let _ = VisitMut::visit(&mut escaped, &mut QuotesDoubled);
    for text in [format!("{escaped:#}"), escaped.to_string()] {
        if parsed(&text)? == *tree {
            return Ok(text);
        }
    }
    let rule = "have no quotes within names, to be narrowed, explained or shown";
    Err(FieldError::new("query", escaped, rule).into())
}

/// Doubles the quotes of literals.
struct QuotesDoubled;

impl VisitorMut for QuotesDoubled {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::SingleQuotedString(text) = &mut value.value {
            *text = text.replace('\'', "''");
        }
        ControlFlow::Continue(())
    }
}

/// A name as the engine knows it: without quotes it has no capitals.
pub(super) fn name_of(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// What a query reads, by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Its common table expressions, also those within others.
    pub(super) own: BTreeSet<String>,
    /// Everything else: tables and views; those of `public` without it, those of another schema with it.
    pub(super) tables: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(query: &Query) -> Names {
        let mut names = Names::default();
        let _ = query.visit(&mut names);
        let own = &names.own;
        names.tables.retain(|table| !own.contains(table));
        names
    }
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.own.extend(tables.map(|table| name_of(&table.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let parts = relation.0.iter().map(|part| part.as_ident().map(name_of));
        let parts: Vec<String> = parts.map(Option::unwrap_or_default).collect();
        self.tables.insert(match parts.as_slice() {
            [schema, table] if schema == PUBLIC => table.clone(),
            [_, schema, table] if schema == PUBLIC => table.clone(),
            parts => parts.join("."),
        });
        ControlFlow::Continue(())
    }
}

/// The schema of the shop's tables.
pub(super) const PUBLIC: &str = "public";

/// The columns of an answer, as far as the query names them; `None` where it has a `*`.
pub(super) fn columns_of(query: &Query) -> Option<Vec<String>> {
    let mut body = &*query.body;
    let select = loop {
        match body {
            ast::SetExpr::Select(select) => break select,
            ast::SetExpr::Query(query) => body = &query.body,
            ast::SetExpr::SetOperation { left, .. } => body = left,
            _ => return None,
        }
    };
    let name = |item: &ast::SelectItem| match item {
        ast::SelectItem::ExprWithAlias { alias, .. } => Some(name_of(alias)),
        ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(ident)) => Some(name_of(ident)),
        ast::SelectItem::UnnamedExpr(ast::Expr::CompoundIdentifier(idents)) => {
            idents.last().map(name_of)
        }
        ast::SelectItem::UnnamedExpr(expression) => Some(expression.to_string()),
        _ => None,
    };
    select.projection.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        for sql in [
            "SELECT 'a\nb' AS lines, 'it''s' FROM turns",
            "SELECT '\\''' FROM turns",
            "WITH a AS (SELECT count(*) FILTER (WHERE x IN ('y', $z)) FROM turns) SELECT * FROM a",
            "SELECT CASE WHEN \"order\" IS NULL THEN 1.0 END FROM episodes ORDER BY 1 DESC NULLS LAST",
            "SELECT at + INTERVAL '1 hour' FROM waits UNION ALL SELECT CAST($x AS TIMESTAMP)",
        ] {
            let tree = parsed(sql).unwrap();
            assert_eq!(parsed(&text_of(&tree).unwrap()).unwrap(), tree, "{sql}");
        }
    }

    #[test]
    fn columns_are_known_where_they_are_named() {
        let named = |sql: &str| columns_of(&parsed(sql).unwrap());
        let expected = ["day", "n", "agent"].map(str::to_string).to_vec();
        assert_eq!(named("SELECT Day, count(*) AS n, t.agent FROM turns t"), Some(expected));
        assert_eq!(named("SELECT *, 1 AS n FROM turns"), None);
    }
}
