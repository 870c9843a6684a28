//! Columns as they are told: type, whether they may be NULL, and what they mean. The one place of a meaning is where
//! a table's columns are declared; a view says which table a column is of, or what it makes.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use serde::Serialize;
use utoipa::ToSchema;

use super::stored::Stored;
use super::views::{Meaning, TABLES, VIEWS};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ColumnSchema {
    pub name: String,
    /// As SQL names it: `BIGINT`, `TIMESTAMP WITH TIME ZONE`, `TEXT[]`.
    pub data_type: String,
    pub nullable: bool,
    pub meaning: &'static str,
}

/// The columns of a table as they are told; of one that is none of ours, without meanings.
pub(super) fn columns_of(table: &str, columns: &SchemaRef) -> Vec<ColumnSchema> {
    let column = |field: &Arc<Field>| ColumnSchema {
        name: field.name().clone(),
        data_type: sql_type(field.data_type()),
        nullable: field.is_nullable(),
        meaning: meaning_of(table, field.name()).unwrap_or_default(),
    };
    columns.fields().iter().map(column).collect()
}

/// What a column of a table or a view means.
pub(super) fn meaning_of(table: &str, column: &str) -> Option<&'static str> {
    if let Some(stored) = Stored::ALL.into_iter().find(|stored| stored.name() == table) {
        return stored.meaning_of(column);
    }
    let view = VIEWS.iter().find(|view| view.name == table)?;
    let (_, meaning) = view.columns.iter().find(|(name, _)| *name == column)?;
    match meaning {
        Meaning::Own(meaning) => Some(meaning),
        Meaning::Of(table) => meaning_of(table, column),
    }
}

/// The tables and views that have a column of this name.
pub(super) fn tables_with(column: &str) -> Vec<&'static str> {
    let names = TABLES.iter().map(|(name, _)| *name);
    names.filter(|table| meaning_of(table, column).is_some()).collect()
}

/// What SQL calls a type of Arrow.
fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".to_string(),
        DataType::Int16 => "SMALLINT".to_string(),
        DataType::Int32 => "INTEGER".to_string(),
        DataType::Int64 => "BIGINT".to_string(),
        DataType::Float32 => "REAL".to_string(),
        DataType::Float64 => "DOUBLE".to_string(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT".to_string(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BYTEA".to_string(),
        DataType::Date32 => "DATE".to_string(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".to_string(),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_string(),
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("{}[]", sql_type(item.data_type()))
        }
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), sql_type(field.data_type())));
            format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_as_in_sql() {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let list = DataType::new_list(DataType::Utf8, true);
        let of_structs = DataType::new_list(DataType::Struct(vec![text("a")].into()), true);
        for (data_type, name) in [
            (DataType::Int64, "BIGINT"),
            (list, "TEXT[]"),
            (of_structs, "STRUCT(a TEXT)[]"),
            (DataType::Date32, "DATE"),
        ] {
            assert_eq!(sql_type(&data_type), name);
        }
    }
}
