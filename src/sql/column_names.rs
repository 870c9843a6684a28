//! Names of an answer's columns, each of its own: a join may give two of one name, and of two equal keys a
//! reader of JSON sees the last.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

/// The same rows; the second column of a name is called `name_2`, the third `name_3`.
pub(super) fn told_apart(rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let Some(schema) = renamed(&rows.schema()) else { return rows };
    let batches = {
        let schema = schema.clone();
        rows.map(move |batch| named(&batch?, &schema))
    };
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

/// The same rows, of columns with other names.
fn named(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let columns = rows.columns().to_vec();
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// The schema with other names, where it needs some.
fn renamed(schema: &SchemaRef) -> Option<SchemaRef> {
    let given: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if given.len() == schema.fields().len() {
        return None;
    }
    let mut taken: HashSet<String> = HashSet::new();
    let mut fields: Vec<Arc<Field>> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut number = 2;
        // A name that some column has been given is left to it.
        while taken.contains(&name) || (number > 2 && given.contains(name.as_str())) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        taken.insert(name.clone());
        fields.push(Arc::new(field.as_ref().clone().with_name(name)));
    }
    Some(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn the_second_of_a_name_is_told_from_the_first() {
        let schema = |names: &[&str]| {
            let field = |name: &&str| Field::new(*name, DataType::Int64, true);
            Arc::new(Schema::new(names.iter().map(field).collect::<Vec<_>>()))
        };
        let names = |given: &[&str]| {
            let renamed = renamed(&schema(given))?;
            Some(renamed.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>())
        };
        assert_eq!(names(&["a", "b"]), None);
        assert_eq!(names(&[]), None);
        assert_eq!(names(&["a", "a", "a"]).unwrap(), ["a", "a_2", "a_3"]);
        assert_eq!(names(&["a", "a", "a_2"]).unwrap(), ["a", "a_3", "a_2"]);
        assert_eq!(names(&["a_2", "a", "a", "a_2"]).unwrap(), ["a_2", "a", "a_3", "a_2_2"]);
    }
}
