//! The files that rows of chat name, by where they are asked for.

use arrow::array::{Array, AsArray};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use super::ExportError;

/// The column of a row's files, and what in it is a file's hash.
const FILES: &str = "attachments";
const HASH: &str = "sha256";

/// A file, and the event that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    pub conversation: String,
    pub id: String,
    /// In hex.
    pub sha256: String,
}

/// All that these rows name, in their order.
///
/// # Errors
/// Rows of a table that names no files.
pub fn named_files(rows: &RecordBatch) -> Result<Vec<NamedFile>, ExportError> {
    let none =
        |name: &str| ArrowError::SchemaError(format!("there is no column `{name}` of files"));
    let column = |name: &'static str| rows.column_by_name(name).ok_or_else(|| none(name));
    let texts = |name: &'static str| {
        let column = column(name)?;
        arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8)
    };
    let lists = column(FILES)?.as_list_opt::<i32>().ok_or_else(|| none(FILES))?;
    if lists.values().is_empty() {
        return Ok(Vec::new());
    }
    let files = lists.values().as_struct_opt().ok_or_else(|| none(FILES))?;
    let hashes = files.column_by_name(HASH).ok_or_else(|| none(FILES))?;
    let hashes = arrow::compute::cast(hashes, &arrow::datatypes::DataType::Utf8)?;
    let hashes = hashes.as_string::<i32>();
    let (conversations, ids) = (texts("conversation")?, texts("id")?);
    let (conversations, ids) = (conversations.as_string::<i32>(), ids.as_string::<i32>());
    let mut named = Vec::new();
    for row in (0..rows.num_rows()).filter(|row| !lists.is_null(*row)) {
        let (first, end) =
            (lists.value_offsets()[row] as usize, lists.value_offsets()[row + 1] as usize);
        named.extend((first..end).map(|file| NamedFile {
            conversation: conversations.value(row).to_string(),
            id: ids.value(row).to_string(),
            sha256: hashes.value(file).to_string(),
        }));
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, ListBuilder, StringArray, StringBuilder, StructBuilder};
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn each_row_names_its_own_files() {
        let field = Field::new(HASH, DataType::Utf8, true);
        let one = StructBuilder::new(vec![field], vec![Box::new(StringBuilder::new())]);
        let mut lists = ListBuilder::new(one);
        for row in [Some(&["aa", "bb"][..]), None, Some(&[]), Some(&["cc"])] {
            for hash in row.unwrap_or_default() {
                lists.values().field_builder::<StringBuilder>(0).unwrap().append_value(hash);
                lists.values().append(true);
            }
            lists.append(row.is_some());
        }
        let texts = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let rows = RecordBatch::try_from_iter([
            ("conversation", texts(&["c1", "c2", "c3", "c4"])),
            ("id", texts(&["m1", "m2", "m3", "m4"])),
            (FILES, Arc::new(lists.finish()) as ArrayRef),
        ])
        .unwrap();
        let told = |rows: &RecordBatch| {
            let named = named_files(rows).unwrap();
            named
                .iter()
                .map(|file| format!("{}/{} {}", file.conversation, file.id, file.sha256))
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&rows), ["c1/m1 aa", "c1/m1 bb", "c4/m4 cc"]);
        // A part of them, as rows are sliced.
        assert_eq!(told(&rows.slice(2, 2)), ["c4/m4 cc"]);
        assert!(named_files(&rows.project(&[0, 1]).unwrap()).is_err());
    }
}
