//! Statements about tables, functions and plans, answered from what every shop has and from what was
//! asked. The engine's own answers would tell of files, and of how many rows all shops have: its plan
//! of what is to be done names them, and depends on them. So a plan is shown as it is before that.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionContext, col, lit};

use super::functions::FUNCTIONS;
use super::meanings::{ColumnSchema, columns_of};
use super::views::{TABLES, VIEWS};

/// SHOW TABLES.
pub(super) fn tables(
    context: &SessionContext,
    like: Option<&str>,
) -> Result<DataFrame, DataFusionError> {
    let is_view = |name: &str| VIEWS.iter().any(|view| view.name == name);
    let kind = |name: &str| if is_view(name) { "view" } else { "table" };
    let rows = TABLES.iter().map(|(name, rows)| [*name, kind(name), rows]);
    listed(context, ["table_name", "kind", "meaning"], rows.collect(), like)
}

/// DESCRIBE, SHOW COLUMNS.
pub(super) async fn columns(
    context: &SessionContext,
    table: TableReference,
    like: Option<&str>,
) -> Result<DataFrame, DataFusionError> {
    let schema = context.table_provider(table.clone()).await?.schema();
    // `information_schema.tables` is none of ours.
    let is_ours = table.schema().is_none_or(|schema| schema == "public");
    let told = columns_of(if is_ours { table.table() } else { "" }, &schema);
    described(context, &told, like)
}

/// DESCRIBE SELECT …
pub(super) fn columns_of_answer(
    context: &SessionContext,
    schema: &SchemaRef,
) -> Result<DataFrame, DataFusionError> {
    described(context, &columns_of("", schema), None)
}

fn described(
    context: &SessionContext,
    columns: &[ColumnSchema],
    like: Option<&str>,
) -> Result<DataFrame, DataFusionError> {
    let row = |column: &'_ ColumnSchema| -> [String; 4] {
        let nullable = if column.nullable { "YES" } else { "NO" };
        [&column.name, &column.data_type, nullable, column.meaning].map(str::to_string)
    };
    let names = ["column_name", "data_type", "is_nullable", "meaning"];
    listed(context, names, columns.iter().map(row).collect(), like)
}

/// SHOW FUNCTIONS.
pub(super) fn functions(
    context: &SessionContext,
    like: Option<&str>,
) -> Result<DataFrame, DataFusionError> {
    let state = context.state();
    let mut told: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    for (name, function) in state.scalar_functions() {
        told.insert(name, ("scalar", first_line(function.documentation())));
    }
    for (name, function) in state.window_functions() {
        told.insert(name, ("window", first_line(function.documentation())));
    }
    for (name, function) in state.aggregate_functions() {
        told.insert(name, ("aggregate", first_line(function.documentation())));
    }
    for function in FUNCTIONS {
        if let Some((_, meaning)) = told.get_mut(function.name) {
            *meaning = format!("{}: {}", function.call, function.meaning);
        }
    }
    let row = |(name, (kind, meaning)): (&str, (&str, String))| {
        [name.to_string(), kind.to_string(), meaning]
    };
    let rows = told.into_iter().map(row).collect();
    listed(context, ["function_name", "kind", "meaning"], rows, like)
}

fn first_line(documentation: Option<&datafusion::logical_expr::Documentation>) -> String {
    let described = documentation.map(|documentation| documentation.description.trim());
    described.and_then(|text| text.lines().next()).unwrap_or_default().to_string()
}

/// EXPLAIN: the plan of a query after all rules that go by the query alone; with `verbose` also as it was
/// written. One line of it a row.
pub(super) fn plan(
    context: &SessionContext,
    query: DataFrame,
    verbose: bool,
) -> Result<DataFrame, DataFusionError> {
    let mut plans = Vec::new();
    if verbose {
        plans.push(("as written", query.logical_plan().clone()));
    }
    plans.push(("optimized", query.into_optimized_plan()?));
    let lines = plans.iter().flat_map(|(name, plan)| {
        let lines = shown(plan);
        lines.into_iter().map(|line| [name.to_string(), line])
    });
    listed(context, ["plan_type", "plan"], lines.collect(), None)
}

fn shown(plan: &LogicalPlan) -> Vec<String> {
    plan.display_indent().to_string().lines().map(str::to_string).collect()
}

/// Rows of texts; of them those whose first is like this.
fn listed<const N: usize, T: AsRef<str>>(
    context: &SessionContext,
    names: [&str; N],
    rows: Vec<[T; N]>,
    like: Option<&str>,
) -> Result<DataFrame, DataFusionError> {
    let column = |place: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row[place].as_ref())))
    };
    let columns = names.iter().enumerate().map(|(place, name)| (*name, column(place), false));
    let listed = context.read_batch(RecordBatch::try_from_iter_with_nullable(columns)?)?;
    match like {
        Some(pattern) => listed.filter(col(names[0]).like(lit(pattern))),
        None => Ok(listed),
    }
}
