//! Tables of the catalogue of which the library knows less than clients ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, StringArray, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::common::cast::{as_int32_array, as_string_array};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::physical_plan::collect;
use datafusion::prelude::SessionContext;

use super::builtins::SETTINGS;
use super::columns::pg_type_of;
use super::information;
use super::listed::{DATABASE, Listed, OWNER};

/// They, by name. Every table has its number then, in one order: the library numbers what it lists first.
pub(super) async fn of(
    library: &dyn SchemaProvider,
    listed: &Listed,
) -> Result<BTreeMap<&'static str, Arc<dyn TableProvider>>> {
    let classes = rows_of(library, "pg_class").await?;
    let classes = classes.iter().map(with_options).collect::<Result<Vec<_>>>()?;
    let attributes = rows_of(library, "pg_attribute").await?;
    let attributes =
        attributes.iter().map(|rows| as_written(rows, listed)).collect::<Result<Vec<_>>>()?;
    let databases = rows_of(library, "pg_database").await?;
    let databases = databases.iter().map(only_ours).collect::<Result<Vec<_>>>()?;
    let settings = rows_of(library, "pg_settings").await?;
    let settings = settings.first().map(settings_like).transpose()?;
    let own = [
        ("pg_attribute", attributes),
        ("pg_class", classes),
        ("pg_database", databases),
        ("pg_settings", settings.into_iter().collect()),
        ("pg_views", vec![views(listed)?]),
    ];
    own.into_iter().map(|(name, rows)| Ok((name, table_of(rows)?))).collect()
}

/// The cursors of a session: a client looks for one before it closes it.
pub(super) fn cursors(names: &[String]) -> Result<Arc<dyn TableProvider>> {
    let no = Arc::new(BooleanArray::from(vec![false; names.len()])) as ArrayRef;
    let columns: [(&str, ArrayRef); 4] = [
        ("statement", new_null_array(&DataType::Utf8, names.len())),
        ("is_binary", no.clone()),
        ("is_scrollable", no),
        ("name", Arc::new(names.iter().map(Some).collect::<StringArray>())),
    ];
    let columns = columns.map(|(name, column)| (name, column, true));
    table_of(vec![RecordBatch::try_from_iter_with_nullable(columns)?])
}

fn table_of(rows: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>> {
    let schema = rows.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    Ok(Arc::new(MemTable::try_new(schema, vec![rows])?))
}

async fn rows_of(schema: &dyn SchemaProvider, table: &str) -> Result<Vec<RecordBatch>> {
    let Some(table) = schema.table(table).await? else { return Ok(Vec::new()) };
    let context = SessionContext::new();
    let plan = table.scan(&context.state(), None, &[], None).await?;
    collect(plan, context.task_ctx()).await
}

/// Numbers of the tables that are known by a name with their schema's alone.
pub(super) async fn hidden(library: &dyn SchemaProvider) -> Result<BTreeSet<i32>> {
    let named = |rows: &RecordBatch, name: &str| rows.column_by_name(name).cloned();
    let mut schema = None;
    for rows in rows_of(library, "pg_namespace").await? {
        if let (Some(oids), Some(names)) = (named(&rows, "oid"), named(&rows, "nspname")) {
            let (oids, names) = (as_int32_array(&oids)?, as_string_array(&names)?);
            let found = oids.iter().zip(names).find(|(_, name)| *name == Some(information::NAME));
            schema = found.map_or(schema, |(oid, _)| oid);
        }
    }
    let mut hidden = BTreeSet::new();
    for rows in rows_of(library, "pg_class").await? {
        if let (Some(oids), Some(schemas)) = (named(&rows, "oid"), named(&rows, "relnamespace")) {
            let (oids, schemas) = (as_int32_array(&oids)?, as_int32_array(&schemas)?);
            let of_it = oids.iter().zip(schemas).filter(|(_, of)| *of == schema);
            hidden.extend(of_it.filter_map(|(oid, _)| oid));
        }
    }
    Ok(hidden)
}

/// The library's columns, and those about rights and storage, of which nothing is said.
fn with_options(classes: &RecordBatch) -> Result<RecordBatch> {
    let texts = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let mut fields: Vec<Arc<Field>> = classes.schema().fields().iter().cloned().collect();
    let mut columns = classes.columns().to_vec();
    for name in ["relacl", "reloptions"] {
        fields.push(Arc::new(Field::new(name, texts.clone(), true)));
        columns.push(new_null_array(&texts, classes.num_rows()));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The columns of all tables with the types that their values are sent as: the library takes what is nested for
/// text. It lists them in the order of `listed`.
fn as_written(attributes: &RecordBatch, listed: &Listed) -> Result<RecordBatch> {
    let tables = listed.schemas.values().flat_map(BTreeMap::values);
    let fields = tables.flat_map(|table| table.schema.fields());
    let types: Int32Array =
        fields.map(|field| Some(pg_type_of(field).0.oid().cast_signed())).collect();
    let types = Arc::new(types) as ArrayRef;
    let of = |field: &Arc<Field>, column: &ArrayRef| {
        if field.name() == "atttypid" { types.clone() } else { column.clone() }
    };
    let schema = attributes.schema();
    let columns = schema.fields().iter().zip(attributes.columns());
    let columns = columns.map(|(field, column)| of(field, column)).collect();
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// Our settings, in the library's columns.
fn settings_like(library: &RecordBatch) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&(&'static str, &'static str)) -> &'static str| -> ArrayRef {
        Arc::new(SETTINGS.iter().map(|setting| Some(of(setting))).collect::<StringArray>())
    };
    let schema = library.schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "name" => text(&|(name, _)| name),
        "setting" | "reset_val" => text(&|(_, value)| value),
        "vartype" => text(&|_| "string"),
        _ => new_null_array(field.data_type(), SETTINGS.len()),
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect())?)
}

/// The one database that can be connected to: the library lists a second.
fn only_ours(databases: &RecordBatch) -> Result<RecordBatch> {
    let Some(names) = databases.column_by_name("datname") else { return Ok(databases.clone()) };
    let ours: BooleanArray =
        as_string_array(names)?.iter().map(|name| Some(name == Some(DATABASE))).collect();
    Ok(filter_record_batch(databases, &ours)?)
}

/// The library lists no view.
fn views(listed: &Listed) -> Result<RecordBatch> {
    let all = listed.schemas.iter().flat_map(|(schema, tables)| {
        let views = tables.iter().filter(|(_, table)| table.kind == TableType::View);
        views.map(move |(name, _)| (schema.as_str(), name.as_str()))
    });
    let (schemas, names): (Vec<&str>, Vec<&str>) = all.unzip();
    let owners = vec![OWNER; names.len()];
    let definitions: Vec<Option<&str>> = vec![None; names.len()];
    let columns: [(&str, StringArray); 4] = [
        ("schemaname", schemas.into()),
        ("viewname", names.into()),
        ("viewowner", owners.into()),
        ("definition", definitions.into()),
    ];
    let columns = columns.map(|(name, texts)| (name, Arc::new(texts) as ArrayRef, true));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}
