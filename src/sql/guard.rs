//! Lets one statement through that only reads: a query, a plan of one, or what there is to ask
//! (DESCRIBE, SHOW). No DDL, no DML, no COPY, no SET; no EXPLAIN ANALYZE, which counts rows of files
//! that shops share.

use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::parser::{DFParser, ExplainStatement, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{
    self, DescribeAlias, ShowStatementFilter, ShowStatementFilterPosition, ShowStatementOptions,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, SnowflakeDialect};

use super::{SqlError, hints, size};
use crate::model::FieldError;

/// Longest query text, in bytes.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;

/// What the engine tells of itself: settings, among them paths of this machine.
const OF_THE_MACHINE: &[&str] = &["df_settings"];

/// What is asked.
#[derive(Debug, PartialEq)]
pub(super) enum Statement {
    /// SELECT, WITH, VALUES.
    Query(Box<Parsed>),
    /// How a query would be answered.
    Explain { query: Box<Parsed>, verbose: bool },
    /// Which columns the answer to a query has.
    DescribeQuery(Box<Parsed>),
    /// Which columns a table has; of them those whose name is like this.
    Columns { table: TableReference, like: Option<String> },
    /// Which tables there are.
    Tables { like: Option<String> },
    /// Which functions there are.
    Functions { like: Option<String> },
}

/// The one statement in a text, which must be one that reads.
pub(super) fn statement(sql: &str) -> Result<Statement, SqlError> {
    if sql.len() > QUERY_BYTES_MAX {
        let rule = format!("be at most {QUERY_BYTES_MAX} bytes");
        return Err(FieldError::new("query", format!("{} bytes", sql.len()), rule).into());
    }
    let dialect = dialect_of(sql);
    size::check_steps(sql, dialect)?;
    let parsed = DFParser::parse_sql_with_dialect(sql, dialect);
    let mut statements = parsed.map_err(|error| hints::explained(error, sql))?;
    match (statements.len(), statements.pop_front()) {
        (1, Some(statement)) => read_only(statement),
        (0, _) | (_, None) => Err(FieldError::new("query", sql, "hold a query").into()),
        (count, _) => {
            Err(FieldError::new("query", format!("{count} statements"), "be one statement").into())
        }
    }
}

/// Whether a text is no question, but asks for what there is, or for how a question would be answered.
pub(super) fn shows(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    matches!(first.as_str(), "describe" | "desc" | "explain" | "show")
}

/// `DESCRIBE TABLE turns` is understood in one dialect only, in which `DESCRIBE turns` is the same.
fn dialect_of(sql: &str) -> &'static dyn Dialect {
    let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if matches!(first.as_str(), "describe" | "desc") { &SnowflakeDialect } else { &GenericDialect }
}

fn read_only(statement: Parsed) -> Result<Statement, SqlError> {
    let inner = match &statement {
        Parsed::Explain(ExplainStatement { options, statement: explained }) => {
            if options.analyze || options.format.is_some() || options.show_statistics.is_some() {
                // It would count rows of files that shops share, or name the files.
                let rule = "have no options: only VERBOSE is known here";
                return Err(FieldError::new("EXPLAIN", &statement, rule).into());
            }
            check_is_query(explained)?;
            let (query, verbose) = (explained.clone(), options.verbose);
            return Ok(Statement::Explain { query, verbose });
        }
        Parsed::Statement(inner) => &**inner,
        other => return Err(not_read_only(other)),
    };
    match inner {
        ast::Statement::Query(query) => {
            check_query(query)?;
            Ok(Statement::Query(Box::new(statement)))
        }
        ast::Statement::ExplainTable {
            describe_alias: DescribeAlias::Describe | DescribeAlias::Desc,
            hive_format: None,
            table_name,
            ..
        } => Ok(Statement::Columns { table: reference(table_name)?, like: None }),
        ast::Statement::Explain {
            describe_alias: DescribeAlias::Describe | DescribeAlias::Desc,
            analyze: false,
            verbose: false,
            query_plan: false,
            estimate: false,
            statement: described,
            format: None,
            options: None,
        } => {
            let described = Parsed::Statement(described.clone());
            check_is_query(&described)?;
            Ok(Statement::DescribeQuery(Box::new(described)))
        }
        ast::Statement::ShowTables {
            terse: false,
            history: false,
            extended: false,
            full: false,
            external: false,
            show_options,
        } if show_options.show_in.is_none() => Ok(Statement::Tables { like: like(show_options)? }),
        ast::Statement::ShowColumns { extended: false, full: false, show_options } => {
            let table = show_options.show_in.as_ref().and_then(|of| of.parent_name.as_ref());
            let table = table.ok_or_else(|| not_read_only(inner))?;
            Ok(Statement::Columns { table: reference(table)?, like: like(show_options)? })
        }
        ast::Statement::ShowFunctions { filter } => {
            Ok(Statement::Functions { like: filter.as_ref().map(pattern).transpose()? })
        }
        other => Err(not_read_only(other)),
    }
}

fn check_is_query(statement: &Parsed) -> Result<(), SqlError> {
    match statement {
        Parsed::Statement(statement) => check_statement(statement),
        other => Err(not_read_only(other)),
    }
}

/// Refuses every statement but a query.
pub(super) fn check_statement(statement: &ast::Statement) -> Result<(), SqlError> {
    match statement {
        ast::Statement::Query(query) => check_query(query),
        other => Err(not_read_only(other)),
    }
}

/// The name of a table, with that of its schema where it has one: lower-case where it is not quoted.
fn reference(name: &ast::ObjectName) -> Result<TableReference, SqlError> {
    let parts = name.0.iter().map(|part| {
        let ident = part.as_ident()?;
        let plain = ident.quote_style.is_none();
        Some(if plain { ident.value.to_lowercase() } else { ident.value.clone() })
    });
    match parts.collect::<Option<Vec<String>>>().as_deref() {
        Some([table]) => Ok(TableReference::bare(table.as_str())),
        Some([schema, table]) => Ok(TableReference::partial(schema.as_str(), table.as_str())),
        Some([catalog, schema, table]) => {
            Ok(TableReference::full(catalog.as_str(), schema.as_str(), table.as_str()))
        }
        _ => Err(FieldError::new("table", name, "be a table's name").into()),
    }
}

/// The pattern behind LIKE, which is all that SHOW takes here.
fn like(options: &ShowStatementOptions) -> Result<Option<String>, SqlError> {
    let ShowStatementOptions { starts_with, limit, limit_from, filter_position, .. } = options;
    if starts_with.is_some() || limit.is_some() || limit_from.is_some() {
        return Err(only_like(options));
    }
    match filter_position {
        None => Ok(None),
        Some(ShowStatementFilterPosition::Infix(filter))
        | Some(ShowStatementFilterPosition::Suffix(filter)) => pattern(filter).map(Some),
    }
}

fn pattern(filter: &ShowStatementFilter) -> Result<String, SqlError> {
    match filter {
        ShowStatementFilter::Like(pattern) | ShowStatementFilter::NoKeyword(pattern) => {
            Ok(pattern.clone())
        }
        other => Err(only_like(other)),
    }
}

fn only_like(said: impl std::fmt::Display) -> SqlError {
    FieldError::new("query", said, "say no more than `LIKE 'PATTERN'` behind SHOW").into()
}

/// A query can still write: `SELECT … INTO`, or a data-changing statement inside a WITH.
fn check_query(query: &ast::Query) -> Result<(), SqlError> {
    let is_of_the_machine = |name: &ast::ObjectName| {
        name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| {
            OF_THE_MACHINE.iter().any(|hidden| name.value.eq_ignore_ascii_case(hidden))
        })
    };
    let named = ast::visit_relations(query, |name| {
        if is_of_the_machine(name) {
            ControlFlow::Break(name.clone())
        } else {
            ControlFlow::Continue(())
        }
    });
    if let ControlFlow::Break(name) = named {
        return Err(FieldError::new("table", name, "be a table that there is").into());
    }
    for with in query.with.iter().flat_map(|with| &with.cte_tables) {
        check_query(&with.query)?;
    }
    check_body(&query.body)
}

fn check_body(body: &ast::SetExpr) -> Result<(), SqlError> {
    match body {
        ast::SetExpr::Select(select) if select.into.is_some() => {
            Err(not_read_only("SELECT … INTO"))
        }
        ast::SetExpr::Select(_) | ast::SetExpr::Values(_) | ast::SetExpr::Table(_) => Ok(()),
        ast::SetExpr::Query(query) => check_query(query),
        ast::SetExpr::SetOperation { left, right, .. } => {
            check_body(left)?;
            check_body(right)
        }
        other => Err(not_read_only(other)),
    }
}

fn not_read_only(statement: impl std::fmt::Display) -> SqlError {
    let rule = "only read: one SELECT, WITH or VALUES, DESCRIBE, SHOW TABLES, SHOW COLUMNS, SHOW FUNCTIONS or EXPLAIN";
    SqlError::NotReadOnly(FieldError::new("query", statement, rule).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str) -> Result<(), SqlError> {
        statement(sql).map(drop)
    }

    #[test]
    fn queries_pass() {
        for sql in [
            "select 1",
            "SELECT 1;",
            "with a as (select 1) select * from a",
            "values (1), (2)",
            "select * from a union all select * from b",
            "(select 1) order by 1 limit 1",
            "describe turns",
            "DESC turns;",
            "describe table turns",
            "describe public.turns",
            "describe select 1",
            "show tables",
            "show tables like 't%'",
            "show columns from turns",
            "show columns from turns like '%_ms'",
            "show functions",
            "show functions like 'local%'",
            "explain select 1",
            "explain verbose with a as (select 1) select * from a",
        ] {
            assert!(check(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn what_is_described_is_named_as_in_a_query() {
        let table = |sql: &str| match statement(sql).unwrap() {
            Statement::Columns { table, like } => (table.to_string(), like),
            other => panic!("{other:?}"),
        };
        assert_eq!(table("describe Turns"), ("turns".to_string(), None));
        assert_eq!(table("describe table PUBLIC.turns"), ("public.turns".to_string(), None));
        assert_eq!(table("describe \"Turns\"").0, "Turns");
        let of_turns = ("turns".to_string(), Some("%_ms".to_string()));
        assert_eq!(table("show columns from turns like '%_ms'"), of_turns);
    }

    #[test]
    fn everything_else_is_refused() {
        for sql in [
            "",
            ";",
            "-- nothing",
            "select 1; select 2",
            "select 1; drop table events",
            "create table t as select 1",
            "create external table t stored as parquet location '/etc/passwd'",
            "create view v as select 1",
            "create function f() returns int return 1",
            "drop table events",
            "insert into events values (1)",
            "update events set text = ''",
            "delete from events",
            "copy events to '/tmp/out.parquet'",
            "copy (select 1) to 'x.csv'",
            "set datafusion.execution.target_partitions = 1",
            "show all",
            "explain analyze select * from events",
            "explain analyze verbose select * from events",
            "explain (analyze) select * from events",
            "explain (costs on) select * from events",
            "explain format tree select * from events",
            "explain format pgjson select * from events",
            "explain insert into events values (1)",
            "explain create table t as select 1",
            "explain copy events to '/tmp/out.parquet'",
            "explain select * into copy_of_events from events",
            "explain explain select 1",
            "explain show tables",
            "describe insert into events values (1)",
            "describe select * into copy_of_events from events",
            "describe show tables",
            "desc set a = 1",
            "describe a.b.c.d",
            "show full tables",
            "show tables in other",
            "show tables where true",
            "show columns",
            "show databases",
            "show schemas",
            "show variables",
            "show create table events",
            "show functions where true",
            "describe turns; drop table events",
            "truncate table events",
            "alter table events add column x int",
            "prepare p as select 1",
            "execute p",
            "begin",
            "commit",
            "grant all on events to public",
            "select * into copy_of_events from events",
            "with a as (insert into events values (1) returning *) select * from a",
            "use other",
            "vacuum",
            "call f()",
            "load data inpath 'x' into table events",
        ] {
            assert!(check(sql).is_err(), "{sql}");
        }
    }
}
