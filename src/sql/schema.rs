//! What there is to ask: every table and view, each column with its type and what it means, and the
//! functions of our own. Types come from the tables themselves, meanings from where a column is declared.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::prelude::SessionContext;
use serde::Serialize;
use tokio::sync::OnceCell;
use utoipa::ToSchema;

use super::SqlError;
use super::engine::Engine;
use super::functions::{FUNCTIONS, Function};
use super::job::Job;
use super::meanings::{ColumnSchema, columns_of};
use super::source::NoRows;
use super::views::{TABLES, VIEWS};

/// What is told beside tables and functions.
const NOTES: &[&str] = &[
    "`offset` and `order` are words of SQL too: written \"offset\" and \"order\", in double quotes, they are columns wherever they stand, and to every tool.",
    "Times are instants in UTC, to the microsecond. `local_day` and `local_hour` say which day and hour they were in a zone.",
    "A range of times is half-open: `occurred_at >= '2026-11-01' AND occurred_at < '2026-12-01'`.",
    "Durations end in `_ms` and are milliseconds; those in `_business_ms` count opening hours only. NULL: the end has not come, or there is nothing to measure from.",
    "Columns of two tables that are called the same, as in a join, are told apart in the answer: `id`, `id_2`.",
];

/// All of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Schema {
    pub tables: Vec<TableSchema>,
    pub functions: Vec<Function>,
    pub notes: Vec<&'static str>,
}

/// A table or a view.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TableSchema {
    pub name: &'static str,
    pub kind: TableKind,
    /// What a row is.
    pub rows: &'static str,
    pub columns: Vec<ColumnSchema>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr, ToSchema)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TableKind {
    /// Kept in files, which other tools read too.
    Table,
    /// Made from tables when it is asked.
    View,
}

/// What every shop may ask, of which there is one in a build of verbatim.
pub async fn schema() -> Result<&'static Schema, SqlError> {
    static SCHEMA: OnceCell<Schema> = OnceCell::const_new();
    SCHEMA.get_or_try_init(read).await
}

async fn read() -> Result<Schema, SqlError> {
    let context = session_without_rows().await?;
    let mut tables = Vec::with_capacity(TABLES.len());
    for (name, rows) in TABLES {
        let columns = context.table_provider(*name).await?.schema();
        let is_view = VIEWS.iter().any(|view| view.name == *name);
        let kind = if is_view { TableKind::View } else { TableKind::Table };
        tables.push(TableSchema { name, kind, rows, columns: columns_of(name, &columns) });
    }
    Ok(Schema { tables, functions: FUNCTIONS.to_vec(), notes: NOTES.to_vec() })
}

/// The names of all functions that a query may call, for whoever completes one.
pub async fn function_names() -> Result<BTreeSet<String>, SqlError> {
    let state = session_without_rows().await?.state();
    let scalar = state.scalar_functions().keys();
    let names = scalar.chain(state.aggregate_functions().keys());
    Ok(names.chain(state.window_functions().keys()).cloned().collect())
}

/// A session that knows the tables and has no row in any of them.
async fn session_without_rows() -> Result<SessionContext, SqlError> {
    Engine::new(None)?.session(&Job::new("", "", Vec::new()), Arc::new(NoRows)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column that a view gained used to be told nowhere: `text` of messages is not that of events.
    #[tokio::test]
    async fn every_column_of_every_table_has_a_meaning_and_none_is_told_that_is_not_there() {
        let schema = schema().await.unwrap();
        for table in &schema.tables {
            for column in &table.columns {
                assert!(!column.meaning.is_empty(), "{}.{}", table.name, column.name);
            }
        }
        for view in VIEWS {
            let table = schema.tables.iter().find(|table| table.name == view.name).unwrap();
            assert_eq!(table.kind, TableKind::View);
            let told: Vec<&str> = view.columns.iter().map(|(name, _)| *name).collect();
            let real: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(told, real, "{}, in the view's order", view.name);
        }
    }

    /// What is registered and not told is not found; what is told and not registered is a lie.
    #[tokio::test]
    async fn the_functions_that_are_told_are_those_that_a_session_gains() {
        let names = |context: &SessionContext| -> BTreeSet<String> {
            let state = context.state();
            let scalar = state.scalar_functions().keys().cloned();
            let aggregate = state.aggregate_functions().keys().cloned();
            let window = state.window_functions().keys().cloned();
            scalar.chain(aggregate).chain(window).collect()
        };
        let ours = names(&session_without_rows().await.unwrap());
        let engines = names(&SessionContext::new());
        let told: BTreeSet<String> =
            FUNCTIONS.iter().map(|function| function.name.to_string()).collect();
        assert_eq!(ours.difference(&engines).cloned().collect::<BTreeSet<_>>(), told);
        for function in FUNCTIONS {
            assert!(function.call.starts_with(function.name), "{}", function.call);
        }
    }
}
