//! How large the rows of a Parquet file can be, so that whoever reads some at once knows how much
//! memory they take.

use parquet::file::metadata::ParquetMetaData;

/// Bytes of a value that is not a string: at most 8, and a bit that says whether it is null.
const FIXED_BYTES: u64 = 9;
/// Assumed of files that do not say: the most that a record may have.
const RECORD_BYTES_MAX: u64 = 64 << 10;

/// An upper bound of the average row of any page of a file. Rows read in one go take at most so
/// much each, and the two pages in which they begin and end.
pub(super) fn row_bytes_max(footer: &ParquetMetaData) -> u64 {
    page_bytes_max(footer).unwrap_or(RECORD_BYTES_MAX)
}

fn page_bytes_max(footer: &ParquetMetaData) -> Option<u64> {
    let index = footer.offset_index()?;
    let mut columns = vec![0; footer.file_metadata().schema_descr().num_columns()];
    for (group, pages_of_columns) in footer.row_groups().iter().zip(index) {
        let rows = u64::try_from(group.num_rows()).ok()?;
        for (bytes_max, pages) in columns.iter_mut().zip(pages_of_columns) {
            let Some(strings) = pages.unencoded_byte_array_data_bytes() else {
                *bytes_max = FIXED_BYTES.max(*bytes_max);
                continue;
            };
            let starts = pages.page_locations().iter().map(|page| page.first_row_index);
            let ends = starts.clone().skip(1).chain([i64::try_from(rows).ok()?]);
            for ((start, end), bytes) in starts.zip(ends).zip(strings) {
                let (rows, bytes) = (u64::try_from(end - start).ok()?, u64::try_from(*bytes).ok()?);
                *bytes_max = (bytes.div_ceil(rows.max(1)) + FIXED_BYTES).max(*bytes_max);
            }
        }
    }
    Some(columns.iter().sum())
}
