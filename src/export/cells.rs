//! Rows as cells of text, for whoever lays them out for people.

use std::io;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{ExportError, RowWriter};

/// A column, as far as a layout goes by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellColumn {
    pub name: String,
    /// Numbers stand at the right.
    pub is_number: bool,
}

/// Lays out rows; `None` is NULL.
pub trait CellWriter: Send {
    fn row(&mut self, cells: Vec<Option<String>>) -> io::Result<()>;

    /// Writes what is left.
    fn finish(&mut self) -> io::Result<()>;
}

/// The columns of a schema.
pub fn cell_columns(schema: &SchemaRef) -> Vec<CellColumn> {
    let column = |field: &Arc<Field>| CellColumn {
        name: field.name().clone(),
        is_number: field.data_type().is_numeric(),
    };
    schema.fields().iter().map(column).collect()
}

/// The texts of one column; none where there is no such column, or none of texts.
pub fn texts_of(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let texts = rows.column_by_name(column).and_then(|texts| cast(texts, &DataType::Utf8).ok());
    let texts = texts.iter().flat_map(|texts| texts.as_string::<i32>());
    texts.map(|text| text.map(str::to_string)).collect()
}

/// Writes rows as cells.
pub struct CellRows<C> {
    layout: C,
}

impl<C: CellWriter> CellRows<C> {
    pub fn new(layout: C) -> CellRows<C> {
        CellRows { layout }
    }
}

impl<C: CellWriter> RowWriter for CellRows<C> {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ExportError> {
        let options = FormatOptions::default().with_display_error(true);
        let columns = rows.columns().iter().map(|column| {
            // A column of nothing but NULL has no mask.
            Ok((column.logical_nulls(), ArrayFormatter::try_new(column, &options)?))
        });
        let columns = columns.collect::<Result<Vec<_>, ExportError>>()?;
        for row in 0..rows.num_rows() {
            let cell = |(nulls, formatter): &(Option<NullBuffer>, ArrayFormatter<'_>)| {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                (!is_null).then(|| formatter.value(row).to_string())
            };
            self.layout.row(columns.iter().map(cell).collect())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ExportError> {
        Ok(self.layout.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, DictionaryArray, Int64Array, NullArray, StringArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    #[derive(Default)]
    struct Kept(Vec<Vec<Option<String>>>);

    impl CellWriter for &mut Kept {
        fn row(&mut self, cells: Vec<Option<String>>) -> io::Result<()> {
            self.0.push(cells);
            Ok(())
        }

        fn finish(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// `SELECT NULL` was an empty cell.
    #[test]
    fn null_is_null_in_columns_of_every_kind() {
        let dictionary: DictionaryArray<Int8Type> = vec![Some(""), None].into_iter().collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("n", Arc::new(NullArray::new(2))),
            ("d", Arc::new(dictionary)),
            ("t", Arc::new(StringArray::from(vec![None, Some("NULL")]))),
            ("i", Arc::new(Int64Array::from(vec![Some(-3), None]))),
        ];
        let rows = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, column)| (name, column, true)),
        );
        let (rows, mut kept) = (rows.unwrap(), Kept::default());
        let numbers: Vec<bool> =
            cell_columns(&rows.schema()).iter().map(|column| column.is_number).collect();
        assert_eq!(numbers, [false, false, false, true]);
        CellRows::new(&mut kept).write(&rows).unwrap();
        let text = |text: &str| Some(text.to_string());
        assert_eq!(kept.0[0], [None, text(""), None, text("-3")]);
        assert_eq!(kept.0[1], [None, None, text("NULL"), None]);
    }
}
