//! Texts as views: while a question is computed, a text is sixteen bytes that say where it lies, so that what is filtered,
//! joined, grouped and sorted copies no texts. Files, tails and answers have them as they are.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::error::Result;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;

/// The same columns, texts as views; those in lists stay as they are.
pub(super) fn with_views(schema: &Schema) -> SchemaRef {
    let as_view = |data_type: &DataType| match data_type {
        DataType::Utf8 => DataType::Utf8View,
        other => other.clone(),
    };
    changed(schema, as_view)
}

/// The same rows without views: as readers of files know texts, wherever they stand.
pub(super) fn without_views(rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = changed(&rows.schema(), plain);
    if schema == rows.schema() {
        return rows;
    }
    let plain = {
        let schema = schema.clone();
        rows.map(move |rows| rows_as(&rows?, &schema))
    };
    Box::pin(RecordBatchStreamAdapter::new(schema, plain))
}

/// The same rows, in columns of this schema's types.
pub(super) fn rows_as(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |(column, field): (&ArrayRef, &FieldRef)| match field.data_type() {
        same if same == column.data_type() => Ok(column.clone()),
        other => cast(column, other),
    };
    let columns = rows.columns().iter().zip(schema.fields()).map(column);
    let columns = columns.collect::<Result<_, ArrowError>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, count) => DataType::FixedSizeList(plain_field(item), *count),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entry, is_sorted) => DataType::Map(plain_field(entry), *is_sorted),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(plain(field.data_type())))
}

fn changed(schema: &Schema, change: impl Fn(&DataType) -> DataType) -> SchemaRef {
    let field = |field: &FieldRef| field.as_ref().clone().with_data_type(change(field.data_type()));
    let fields: Vec<Field> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;
    use futures::TryStreamExt;

    use super::*;

    /// Whatever a query makes of texts.
    const MADE: &str = "SELECT name, upper(name) AS upper, array_agg(name) AS names, struct(name, 1) AS pair, \
        map(['k'], [name]) AS by_key, count(*) AS n FROM t GROUP BY name ORDER BY name";

    async fn answer(views: bool) -> Vec<RecordBatch> {
        let names = arrow::array::StringArray::from(vec![
            Some(""),
            None,
            Some("退款"),
            Some("a name of more than twelve bytes"),
        ]);
        let rows = RecordBatch::try_from_iter([("name", Arc::new(names) as ArrayRef)]).unwrap();
        let rows = if views { rows_as(&rows, &with_views(&rows.schema())).unwrap() } else { rows };
        let context = SessionContext::new();
        context.register_batch("t", rows).unwrap();
        let stream = context.sql(MADE).await.unwrap().execute_stream().await.unwrap();
        without_views(stream).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_the_same_whether_it_was_made_of_views_or_not() {
        let (of_views, of_texts) = (answer(true).await, answer(false).await);
        assert_eq!(of_views, of_texts);
        let types = of_views[0].schema();
        let types = types.fields().iter().map(|field| field.data_type().to_string());
        assert!(!types.collect::<String>().contains("View"), "{of_views:?}");
    }
}
