//! Lets one read-only query through and nothing else: no DDL, no DML, no COPY, no SET, no EXPLAIN
//! (it shows paths).

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast;

use super::{SqlError, size};
use crate::model::FieldError;

/// Longest query text, in bytes.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;

/// Refuses everything but a single query (SELECT, WITH, VALUES).
pub fn check(sql: &str) -> Result<(), SqlError> {
    if sql.len() > QUERY_BYTES_MAX {
        let rule = format!("be at most {QUERY_BYTES_MAX} bytes");
        return Err(FieldError::new("query", format!("{} bytes", sql.len()), rule).into());
    }
    size::check_steps(sql)?;
    let statements = DFParser::parse_sql(sql).map_err(SqlError::from)?;
    match (statements.len(), statements.front()) {
        (1, Some(Statement::Statement(statement))) => match &**statement {
            ast::Statement::Query(query) => check_query(query),
            other => Err(not_read_only(other)),
        },
        (1, Some(other)) => Err(not_read_only(other)),
        (0, _) => Err(FieldError::new("query", sql, "hold a query").into()),
        (count, _) => {
            Err(FieldError::new("query", format!("{count} statements"), "be one statement").into())
        }
    }
}

/// A query can still write: `SELECT … INTO`, or a data-changing statement inside a WITH.
fn check_query(query: &ast::Query) -> Result<(), SqlError> {
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
    let shown = FieldError::new("query", statement, "only read: one SELECT, WITH or VALUES");
    SqlError::NotReadOnly(shown.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_pass() {
        for sql in [
            "select 1",
            "SELECT 1;",
            "with a as (select 1) select * from a",
            "values (1), (2)",
            "select * from a union all select * from b",
            "(select 1) order by 1 limit 1",
        ] {
            assert!(check(sql).is_ok(), "{sql}");
        }
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
            "explain select 1",
            "explain analyze select * from events",
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
