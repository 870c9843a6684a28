//! `information_schema`: what the standard has clients look at, with the types named as Postgres names
//! them. The engine's own names its own.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, MemorySchemaProvider, SchemaProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result;

use super::columns::pg_type_of;
use super::listed::{DATABASE, Listed, ListedTable, OWNER};

/// The schema's name.
pub(super) const NAME: &str = "information_schema";

/// Tables that clients ask for, of which there is no row: no key, no constraint, no routine.
const EMPTY: &[(&str, &[&str])] = &[
    (
        "table_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
        ],
    ),
    (
        "key_column_usage",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "position_in_unique_constraint",
        ],
    ),
    (
        "referential_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
        ],
    ),
    (
        "constraint_column_usage",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
    ),
    (
        "routines",
        &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "routine_type",
            "data_type",
        ],
    ),
    (
        "parameters",
        &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "parameter_mode",
            "parameter_name",
            "data_type",
        ],
    ),
    (
        "triggers",
        &[
            "trigger_catalog",
            "trigger_schema",
            "trigger_name",
            "event_object_schema",
            "event_object_table",
        ],
    ),
    ("sequences", &["sequence_catalog", "sequence_schema", "sequence_name"]),
];

/// The schema, of what is listed.
pub(super) fn schema(listed: &Listed) -> Result<Arc<dyn SchemaProvider>> {
    let schema = MemorySchemaProvider::new();
    let register = |name: &str, rows: RecordBatch| -> Result<()> {
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        schema.register_table(name.to_string(), Arc::new(table))?;
        Ok(())
    };
    register("schemata", schemata(listed)?)?;
    register("tables", tables(listed)?)?;
    register("views", views(listed)?)?;
    register("columns", columns(listed)?)?;
    for (name, columns) in EMPTY {
        let rows = texts(columns.iter().map(|column| (*column, Vec::new())).collect())?;
        register(name, rows)?;
    }
    Ok(Arc::new(schema))
}

type Texts = Vec<Option<String>>;

/// Rows of texts alone.
fn texts(columns: Vec<(&str, Texts)>) -> Result<RecordBatch> {
    batch(columns.into_iter().map(|(name, texts)| (name, text(texts))).collect())
}

fn text(texts: Texts) -> ArrayRef {
    Arc::new(StringArray::from(texts))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

fn schemata(listed: &Listed) -> Result<RecordBatch> {
    let mut names: Texts = listed.schemas.keys().cloned().map(Some).collect();
    names.extend([Some(NAME.to_string()), Some("pg_catalog".to_string())]);
    let count = names.len();
    let always = |value: &str| vec![Some(value.to_string()); count];
    texts(vec![
        ("catalog_name", always(DATABASE)),
        ("schema_name", names),
        ("schema_owner", always(OWNER)),
    ])
}

/// Every listed table, with its schema's name and its own.
fn all(listed: &Listed) -> impl Iterator<Item = (&String, &String, &ListedTable)> {
    let schemas = listed.schemas.iter();
    schemas
        .flat_map(|(schema, tables)| tables.iter().map(move |(name, table)| (schema, name, table)))
}

fn tables(listed: &Listed) -> Result<RecordBatch> {
    let column = |of: &dyn Fn(&str, &str, &ListedTable) -> &'static str| -> Texts {
        all(listed).map(|(schema, name, table)| Some(of(schema, name, table).to_string())).collect()
    };
    texts(vec![
        ("table_catalog", column(&|_, _, _| DATABASE)),
        ("table_schema", all(listed).map(|(schema, _, _)| Some(schema.clone())).collect()),
        ("table_name", all(listed).map(|(_, name, _)| Some(name.clone())).collect()),
        ("table_type", column(&|_, _, table| kind_of(table))),
        ("is_insertable_into", column(&|_, _, _| "NO")),
        ("is_typed", column(&|_, _, _| "NO")),
    ])
}

fn kind_of(table: &ListedTable) -> &'static str {
    match table.kind {
        TableType::View => "VIEW",
        TableType::Base | TableType::Temporary => "BASE TABLE",
    }
}

fn views(listed: &Listed) -> Result<RecordBatch> {
    let views: Vec<_> = all(listed).filter(|(_, _, table)| table.kind == TableType::View).collect();
    texts(vec![
        ("table_catalog", views.iter().map(|_| Some(DATABASE.to_string())).collect()),
        ("table_schema", views.iter().map(|(schema, _, _)| Some((*schema).clone())).collect()),
        ("table_name", views.iter().map(|(_, name, _)| Some((*name).clone())).collect()),
        ("view_definition", vec![None; views.len()]),
        ("check_option", views.iter().map(|_| Some("NONE".to_string())).collect()),
        ("is_updatable", views.iter().map(|_| Some("NO".to_string())).collect()),
    ])
}

fn columns(listed: &Listed) -> Result<RecordBatch> {
    let all: Vec<(&String, &String, i32, &Field)> = all(listed)
        .flat_map(|(schema, name, table)| {
            let fields = (1..).zip(table.schema.fields());
            fields.map(move |(position, field)| (schema, name, position, field.as_ref()))
        })
        .collect();
    let column = |of: &dyn Fn(&Field) -> Option<String>| -> ArrayRef {
        text(all.iter().map(|(_, _, _, field)| of(field)).collect())
    };
    let number = |of: &dyn Fn(&Field) -> Option<i32>| -> ArrayRef {
        Arc::new(Int32Array::from_iter(all.iter().map(|(_, _, _, field)| of(field))))
    };
    let positions = Int32Array::from_iter_values(all.iter().map(|(_, _, position, _)| *position));
    let always = |value: &'static str| column(&|_| Some(value.to_string()));
    let never = || column(&|_| None);
    let whole = |field: &Field| match field.data_type() {
        DataType::Int16 => Some(16),
        DataType::Int32 => Some(32),
        DataType::Int64 => Some(64),
        _ => None,
    };
    let time = |field: &Field| field.data_type().is_temporal().then_some(6);
    batch(vec![
        ("table_catalog", always(DATABASE)),
        (
            "table_schema",
            text(all.iter().map(|(schema, _, _, _)| Some((*schema).clone())).collect()),
        ),
        ("table_name", text(all.iter().map(|(_, name, _, _)| Some((*name).clone())).collect())),
        ("column_name", column(&|field| Some(field.name().clone()))),
        ("ordinal_position", Arc::new(positions)),
        ("column_default", never()),
        (
            "is_nullable",
            column(&|field| Some(if field.is_nullable() { "YES" } else { "NO" }.to_string())),
        ),
        ("data_type", column(&|field| Some(pg_type_of(field).1.to_string()))),
        ("character_maximum_length", number(&|_| None)),
        ("character_octet_length", number(&|_| None)),
        ("numeric_precision", number(&whole)),
        ("numeric_precision_radix", number(&|field| whole(field).map(|_| 2))),
        ("numeric_scale", number(&|field| whole(field).map(|_| 0))),
        ("datetime_precision", number(&time)),
        ("domain_name", never()),
        ("udt_catalog", always(DATABASE)),
        ("udt_schema", always("pg_catalog")),
        ("udt_name", column(&|field| Some(pg_type_of(field).0.name().to_string()))),
        ("is_identity", always("NO")),
        ("is_generated", always("NEVER")),
        ("is_updatable", always("NO")),
    ])
}
