//! Texts that a spreadsheet would compute: with a quote before them they stay texts.
//!
//! What begins with one of these is a formula to Excel, LibreOffice or Google's (OWASP, "CSV injection"), and a customer
//! may send it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

use super::ExportError;

/// With what a formula, or a cell that becomes one, begins.
const FORMULA: [char; 12] = ['=', '+', '-', '@', ';', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The rows with a quote before each such text.
pub fn guarded(rows: &RecordBatch) -> Result<RecordBatch, ExportError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(rows.num_columns());
    let mut fields = Vec::with_capacity(rows.num_columns());
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        if !is_text(field.data_type()) {
            columns.push(column.clone());
            fields.push(field.as_ref().clone());
            continue;
        }
        let texts = cast(column, &DataType::Utf8)?;
        let guarded: StringArray =
            texts.as_string::<i32>().iter().map(|text| text.map(guard)).collect();
        columns.push(Arc::new(guarded));
        fields.push(Field::new(field.name(), DataType::Utf8, field.is_nullable()));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

fn guard(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn what_would_be_computed_stays_a_text() {
        let texts = ["=HYPERLINK(1)", "-1", "+49 30", "@x", "a=b", "", "退款"];
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-1; 7]));
        let rows = RecordBatch::try_from_iter([("t", texts), ("n", numbers.clone())]).unwrap();
        let guarded = guarded(&rows).unwrap();
        let texts: Vec<_> = guarded.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(texts, ["'=HYPERLINK(1)", "'-1", "'+49 30", "'@x", "a=b", "", "退款"]);
        assert_eq!(guarded.column(1), &numbers);
    }
}
