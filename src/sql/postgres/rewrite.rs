//! What clients ask of the catalogue in words that neither the engine nor the library's parser knows, said
//! otherwise. Only questions that look at nothing but the catalogue are changed, and only those that
//! could not be planned as they are.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, FunctionArguments, Query, SelectItem, SetExpr, Statement,
    TableAlias, TableAliasColumnDef, TableFactor, Value, ValueWithSpan, VisitMut, VisitorMut,
    visit_expressions_mut, visit_relations,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::nothing;

/// What fails where it is computed, if not where it is planned, or means something else there: a type's
/// number as text is the type's name.
const MEANT_OTHERWISE: &[&str] = &["regproc", "regtype", "escape"];
/// Functions of which rows are taken as a table's.
const OF_ROWS: &[&str] = &["generate_series", "unnest", "string_to_array"];

/// Whether a text has what is to be said otherwise before it is tried.
pub(super) fn is_needed(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    MEANT_OTHERWISE.iter().any(|word| sql.contains(word))
}

/// Whether it looks at the catalogue and at nothing else.
pub(super) fn is_of_catalogue(statement: &Statement) -> bool {
    of_catalogue(statement)
}

fn of_catalogue(node: &impl datafusion::sql::sqlparser::ast::Visit) -> bool {
    let other = visit_relations(node, |name| {
        let parts: Vec<String> =
            name.0.iter().map(|part| part.to_string().replace('"', "")).collect();
        let is_of_it = parts.last().is_some_and(|name| name.starts_with("pg_"))
            || parts.iter().any(|part| part == "information_schema")
            || parts.last().is_some_and(|name| OF_ROWS.contains(&name.to_lowercase().as_str()));
        if is_of_it { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    other.is_continue()
}

/// A text of one statement, said otherwise.
pub(super) fn rewritten(sql: &str) -> Option<String> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()?;
    let [statement] = statements.as_mut_slice() else { return None };
    let _all: ControlFlow<()> = statement.visit(&mut Tables);
    let _all: ControlFlow<()> = visit_expressions_mut(statement, |expression| {
        if let Some(other) = other_words(expression) {
            *expression = other;
        }
        ControlFlow::Continue(())
    });
    Some(statement.to_string())
}

/// Says tables otherwise.
struct Tables;

impl VisitorMut for Tables {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        if let Some(query) = other_table(table).as_deref().and_then(query_in) {
            let (alias, lateral, sample) = (alias_of(table), false, None);
            *table = TableFactor::Derived { lateral, subquery: Box::new(query), alias, sample };
        }
        ControlFlow::Continue(())
    }
}

/// The query that a table is meant as. The one value of a function has the name of its table; what has no
/// row needs nothing but its columns.
fn other_table(table: &mut TableFactor) -> Option<String> {
    match table {
        TableFactor::Table { name, alias: Some(alias), args: Some(args), .. }
            if alias.columns.is_empty() =>
        {
            let function = name.0.last()?.as_ident()?.value.to_lowercase();
            if function == "generate_series" {
                let column = TableAliasColumnDef { name: alias.name.clone(), data_type: None };
                alias.columns = vec![column];
            }
            let args: Vec<String> = args.args.iter().map(ToString::to_string).collect();
            (function == "string_to_array")
                .then(|| format!("SELECT {function}({}) AS {}", args.join(", "), alias.name))
        }
        TableFactor::Derived { subquery, .. } if of_catalogue(&**subquery) => {
            nothing::without_rows(subquery)
        }
        _ => None,
    }
}

fn alias_of(table: &TableFactor) -> Option<TableAlias> {
    match table {
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.clone(),
        _ => None,
    }
}

/// Whether it reads nothing but what functions give.
fn reads_no_table(query: &Query) -> bool {
    let table = visit_relations(query, |name| {
        let name = name.0.last().map(ToString::to_string).unwrap_or_default().to_lowercase();
        if OF_ROWS.contains(&name.as_str()) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    table.is_continue()
}

/// The one column of a query, gathered into a list.
fn gathered(query: &Query) -> Option<Query> {
    let mut query = query.clone();
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_mut_slice()
    else {
        return None;
    };
    *value = parsed(&format!("array_agg({value})"))?;
    Some(query)
}

fn is_type(data_type: &DataType, names: &[&str]) -> bool {
    let said = data_type.to_string().to_lowercase();
    names.contains(&said.strip_prefix("pg_catalog.").unwrap_or(&said))
}

fn other_words(expression: &mut Expr) -> Option<Expr> {
    match expression {
        Expr::Subquery(query) if of_catalogue(&**query) => {
            if nothing::is_empty(query) {
                return parsed("CAST(NULL AS TEXT)");
            }
            sum_up(query);
            None
        }
        // Lists of what is not here.
        Expr::Function(function)
            if function.name.to_string().eq_ignore_ascii_case("array")
                && matches!(function.args, FunctionArguments::Subquery(_)) =>
        {
            parsed("array_remove(make_array(''), '')")
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            escape_by_backslash(pattern, escape_char);
            None
        }
        // The engine looks into lists of a query where it filters, and nowhere else.
        Expr::InSubquery { expr, subquery, negated: false } if reads_no_table(subquery) => {
            parsed(&format!("array_has(({}), {expr})", gathered(subquery)?))
        }
        Expr::Cast { expr: number, data_type, .. } if is_type(data_type, TEXTS) => {
            let Expr::Cast { data_type, .. } = &**number else { return None };
            is_type(data_type, &["regtype"])
                .then(|| parsed(&format!("format_type({number}, CAST(NULL AS INT))")))?
        }
        Expr::Function(function)
            if function.name.0.last().is_some_and(|part| part.to_string() == "to_regtype") =>
        {
            let FunctionArguments::List(list) = &function.args else { return None };
            let [name] = list.args.as_slice() else { return None };
            parsed(&format!("(SELECT max(oid) FROM pg_catalog.pg_type WHERE typname = {name})"))
        }
        // The catalogue has functions by their names.
        Expr::Cast { expr, data_type: DataType::Custom(name, _), .. }
            if name.0.last().is_some_and(|part| part.to_string() == "regproc") =>
        {
            let name = text_of(expr)?;
            let name = name.rsplit('.').next().unwrap_or(&name).replace('\'', "''");
            parsed(&format!("'{name}'"))
        }
        Expr::Cast {
            expr,
            data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, _)),
            ..
        } if of.to_string().ends_with("regtype") => {
            parsed(&format!("string_to_array(CAST({expr} AS TEXT), ' ')"))
        }
        _ => None,
    }
}

/// The engine takes a query for one value only where it sees that there is one.
fn sum_up(query: &mut Query) -> Option<()> {
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_mut_slice()
    else {
        return None;
    };
    if value.to_string().starts_with("max(") {
        return None;
    }
    *value = parsed(&format!("max({value})"))?;
    query.limit_clause = None;
    query.order_by = None;
    Some(())
}

/// The engine escapes by a backslash alone.
fn escape_by_backslash(pattern: &mut Expr, escape_char: &mut Option<ValueWithSpan>) {
    let Some(Value::SingleQuotedString(escape)) = escape_char.as_ref().map(|escape| &escape.value)
    else {
        return;
    };
    let mut characters = escape.chars();
    let (Some(escape), None) = (characters.next(), characters.next()) else { return };
    let _all: ControlFlow<()> = visit_expressions_mut(pattern, |part| {
        if let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = part {
            *text = text.replace('\\', "\\\\").replace(escape, "\\");
        }
        ControlFlow::Continue(())
    });
    *escape_char = None;
}

fn text_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// Types that are texts.
const TEXTS: &[&str] = &["text", "varchar", "character varying", "name"];

fn query_in(sql: &str) -> Option<Query> {
    let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql);
    parser.ok()?.parse_query().ok().map(|query| *query)
}

fn parsed(sql: &str) -> Option<Expr> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).ok()?.parse_expr().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_otherwise_means_the_same() {
        for (sql, other) in [
            ("SELECT (SELECT indkey FROM pg_index WHERE x = y)", "SELECT CAST(NULL AS TEXT)"),
            (
                "SELECT (SELECT relname FROM pg_class WHERE oid = t.x LIMIT 1) FROM pg_type AS t",
                "SELECT (SELECT max(relname) FROM pg_class WHERE oid = t.x) FROM pg_type AS t",
            ),
            ("SELECT a LIKE 'x/_y' || '%' ESCAPE '/'", "SELECT a LIKE 'x\\_y' || '%'"),
            (
                "SELECT typinput = 'pg_catalog.array_in'::regproc FROM pg_type",
                "SELECT typinput = 'array_in' FROM pg_type",
            ),
            (
                "SELECT a.atttypid::regtype::text, b::pg_catalog.regtype::pg_catalog.text, c::regtype FROM pg_attribute AS a",
                "SELECT format_type(a.atttypid::regtype, CAST(NULL AS INT)), format_type(b::pg_catalog.regtype, CAST(NULL AS INT)), c::regtype FROM pg_attribute AS a",
            ),
            (
                "SELECT to_regtype('json')",
                "SELECT (SELECT max(oid) FROM pg_catalog.pg_type WHERE typname = 'json')",
            ),
            (
                "SELECT s[i] FROM generate_series(1, 2) AS i, string_to_array('a,b', ',') AS s",
                "SELECT s[i] FROM generate_series(1, 2) AS i (i), (SELECT string_to_array('a,b', ',') AS s) AS s",
            ),
            (
                "SELECT a IN (SELECT i FROM generate_series(1, 2) AS i) FROM pg_class",
                "SELECT array_has((SELECT array_agg(i) FROM generate_series(1, 2) AS i (i)), a) FROM pg_class",
            ),
            (
                "SELECT n FROM pg_class AS c LEFT JOIN (SELECT unnest(conkey) AS k FROM pg_constraint) AS l ON true",
                "SELECT n FROM pg_class AS c LEFT JOIN (SELECT CAST(NULL AS TEXT) AS \"k\" WHERE false) AS l ON true",
            ),
            (
                "SELECT (SELECT text FROM messages LIMIT 1)",
                "SELECT (SELECT text FROM messages LIMIT 1)",
            ),
        ] {
            assert_eq!(rewritten(sql).as_deref(), Some(other));
        }
    }

    #[test]
    fn what_looks_at_a_shop_is_told_from_what_does_not() {
        let is_of_catalogue = |sql: &str| {
            let statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0);
            is_of_catalogue(&statement)
        };
        for sql in [
            "select 1",
            "select * from pg_catalog.pg_class c, \"pg_type\"",
            "select * from information_schema.tables",
        ] {
            assert!(is_of_catalogue(sql), "{sql}");
        }
        for sql in [
            "select * from turns",
            "select 1 where exists (select 1 from messages)",
            "select * from pg_class join events on true",
        ] {
            assert!(!is_of_catalogue(sql), "{sql}");
        }
    }
}
