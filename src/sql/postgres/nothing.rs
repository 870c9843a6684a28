//! Queries about what is not here: keys, indexes, constraints, policies, publications. Clients ask for
//! them with what the engine cannot plan; that they have no row is seen from where they look.
//!
//! Invariant: a query is answered so only where it joins, in each of its branches, a table that is always
//! empty, so that it has no row on any Postgres with such tables.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Join, JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator,
    Statement, TableFactor, TableWithJoins, Visit, Visitor,
};

/// Tables of the catalogue that never have a row here.
const ALWAYS_EMPTY: &[&str] = &[
    "pg_index",
    "pg_constraint",
    "pg_policy",
    "pg_statistic_ext",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_inherits",
    "pg_trigger",
    "pg_sequence",
    "pg_attrdef",
    "pg_foreign_table",
    "pg_foreign_server",
    "pg_rewrite",
    "pg_enum",
    "pg_event_trigger",
    "pg_subscription",
];

/// Functions that make one row of none.
const AGGREGATES: &[&str] =
    &["count", "sum", "min", "max", "avg", "array_agg", "string_agg", "bool_or", "bool_and"];

/// An answer without rows to a statement that can have none; its columns are texts.
pub(super) fn plan(statement: &Statement) -> Option<Result<LogicalPlan>> {
    let Statement::Query(query) = statement else { return None };
    if !is_empty(query) {
        return None;
    }
    let columns = columns(query)?;
    Some(empty(&columns))
}

fn empty(columns: &[String]) -> Result<LogicalPlan> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let again = names.iter().filter(|name| name.starts_with(column.as_str())).count();
        names.push(if again == 0 { column.clone() } else { format!("{column}_{again}") });
    }
    let fields = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let schema = DFSchema::from_unqualified_fields(fields, Default::default())?;
    let produce_one_row = false;
    Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row, schema: Arc::new(schema) }))
}

pub(super) fn is_empty(query: &Query) -> bool {
    is_empty_body(&query.body)
}

fn is_empty_body(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => is_empty_select(select),
        SetExpr::Query(query) => is_empty(query),
        SetExpr::SetOperation { op: SetOperator::Union, left, right, .. } => {
            is_empty_body(left) && is_empty_body(right)
        }
        SetExpr::SetOperation { op: SetOperator::Except, left, .. } => is_empty_body(left),
        _ => false,
    }
}

fn is_empty_select(select: &Select) -> bool {
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    (is_grouped || !aggregates(select)) && select.from.iter().any(is_empty_join)
}

/// Whether it sums up, which makes a row also of none.
fn aggregates(select: &Select) -> bool {
    select.projection.visit(&mut Aggregates { depth: 0 }).is_break() || select.having.is_some()
}

/// Looks for one, and not into queries within: those sum up for themselves.
struct Aggregates {
    depth: usize,
}

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        let name = function.name.0.last().and_then(|part| part.as_ident());
        let is_one =
            name.is_some_and(|name| AGGREGATES.contains(&name.value.to_lowercase().as_str()));
        if is_one && self.depth == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn is_empty_join(table: &TableWithJoins) -> bool {
    let mut is_empty = is_empty_table(&table.relation);
    for Join { relation, join_operator, .. } in &table.joins {
        is_empty = match join_operator {
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
                is_empty || is_empty_table(relation)
            }
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => is_empty,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => is_empty_table(relation),
            _ => is_empty && is_empty_table(relation),
        };
    }
    is_empty
}

fn is_empty_table(table: &TableFactor) -> bool {
    match table {
        TableFactor::Table { name, args: None, .. } => {
            let name = name.0.last().and_then(|part| part.as_ident());
            name.is_some_and(|name| ALWAYS_EMPTY.contains(&name.value.as_str()))
        }
        TableFactor::Derived { subquery, .. } => is_empty(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => is_empty_join(table_with_joins),
        _ => false,
    }
}

/// The same query without anything that the engine may not know, where it has no row and its columns are
/// known.
pub(super) fn without_rows(query: &Query) -> Option<String> {
    if !is_empty(query) {
        return None;
    }
    let column = |name: &String| format!("CAST(NULL AS TEXT) AS \"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = columns(query)?.iter().map(column).collect();
    Some(format!("SELECT {} WHERE FALSE", columns.join(", ")))
}

/// The names of its columns, where they can be told from the text.
fn columns(query: &Query) -> Option<Vec<String>> {
    let mut body = &query.body;
    let select = loop {
        match &**body {
            SetExpr::Select(select) => break select,
            SetExpr::Query(query) => body = &query.body,
            SetExpr::SetOperation { left, .. } => body = left,
            _ => return None,
        }
    };
    let mut names = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => names.push(alias.value.clone()),
            SelectItem::UnnamedExpr(expression) => names.push(name_of(expression)),
            SelectItem::Wildcard(_) => {
                let [TableWithJoins { relation: TableFactor::Derived { subquery, .. }, joins }] =
                    select.from.as_slice()
                else {
                    return None;
                };
                if !joins.is_empty() {
                    return None;
                }
                names.extend(columns(subquery)?);
            }
            _ => return None,
        }
    }
    Some(names)
}

/// As Postgres names a column that was given no name.
fn name_of(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(names) => {
            names.last().map_or_else(String::new, |name| name.value.clone())
        }
        Expr::Function(function) => {
            function.name.0.last().map_or_else(String::new, ToString::to_string)
        }
        Expr::Cast { expr, .. } => name_of(expr),
        Expr::Case { .. } => "case".to_string(),
        _ => "?column?".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn columns_of(sql: &str) -> Option<Vec<String>> {
        let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
        let plan = plan(&statement)?.unwrap();
        Some(plan.schema().fields().iter().map(|field| field.name().clone()).collect())
    }

    #[test]
    fn what_joins_nothing_has_no_row_and_its_columns_are_known() {
        let named = |names: &[&str]| Some(names.iter().map(|name| (*name).to_string()).collect());
        for (sql, columns) in [
            ("select indkey, i.indisunique as u from pg_index i", named(&["indkey", "u"])),
            (
                "select 1, NULL, NULL from pg_class c join pg_catalog.pg_constraint k on true left join pg_am a on true",
                named(&["?column?", "?column?_1", "?column?_2"]),
            ),
            (
                "select * from (select a.n from (select n from pg_class c, pg_index i) a) b where n > 0",
                named(&["n"]),
            ),
            ("select p from pg_publication union select q from pg_publication_rel", named(&["p"])),
            ("select count(*) as n from pg_index group by indrelid", named(&["n"])),
            (
                "select unnest((select array_agg(attname) from pg_attribute)) as n from pg_constraint",
                named(&["n"]),
            ),
        ] {
            assert_eq!(columns_of(sql), columns, "{sql}");
        }
        for sql in [
            "select count(*) from pg_index",
            "select (select 1), coalesce(max(indkey), '') from pg_index",
            "select relname from pg_class",
            "select relname from pg_class c left join pg_index i on i.indrelid = c.oid",
            "select p from pg_publication union select relname from pg_class",
            "select relname from pg_class where oid in (select indrelid from pg_index)",
            "select 1 from events, messages",
            "select * from pg_index",
        ] {
            assert_eq!(columns_of(sql), None, "{sql}");
        }
    }
}
