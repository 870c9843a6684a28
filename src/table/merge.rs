//! Merges files that are each in the order of the sort columns into one stream of batches in that
//! order.
//!
//! Memory: one batch of [`INPUT_ROWS`] rows and the pages it comes from for each input, and one
//! batch of output. With [`super::compaction`]'s 16 inputs and rows of 1 KiB: 16 × (1 MiB + decoded
//! pages of 28 columns, ≤ 7 MiB) + 8 MiB, at most about 140 MiB, whatever the size of the files.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::error::ArrowError;
use arrow::row::Rows;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tokio_util::sync::CancellationToken;

use super::error::damaged;
use super::parquet_file::SortKeys;
use super::{TableError, TableOptions};

/// Rows read from an input at once.
const INPUT_ROWS: usize = 1_024;
/// Rows of one batch of output.
const OUTPUT_ROWS: usize = 8_192;

/// The merged stream.
pub(super) struct Merge {
    inputs: Vec<Input>,
    keys: SortKeys,
    /// Batches that the rows taken so far lie in.
    batches: Vec<RecordBatch>,
    /// Taken rows: batch, row.
    taken: Vec<(usize, usize)>,
    stop: CancellationToken,
    has_failed: bool,
}

/// One file, read forward.
struct Input {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// The batch being read: its sort keys, the next row, and its place in [`Merge::batches`].
    keys: Option<Rows>,
    next_row: usize,
    batch: usize,
}

impl Merge {
    /// A merge of `paths`, which all have the columns of the table. It ends early, with an error,
    /// once `stop` is cancelled.
    pub(super) fn open(
        paths: &[PathBuf],
        options: &TableOptions,
        schema: &arrow::datatypes::Schema,
        stop: CancellationToken,
    ) -> Result<Merge, TableError> {
        let keys = SortKeys::of(schema, options).map_err(arrow_error)?;
        let inputs = paths.iter().map(|path| Input::open(path)).collect::<Result<Vec<_>, _>>()?;
        let mut merge =
            Merge { inputs, keys, batches: Vec::new(), taken: Vec::new(), stop, has_failed: false };
        for input in 0..merge.inputs.len() {
            merge.read_on(input)?;
        }
        Ok(merge)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        if self.stop.is_cancelled() {
            return Err(TableError::Stopped);
        }
        while self.taken.len() < OUTPUT_ROWS {
            let Some(index) = self.smallest() else { break };
            let input = &mut self.inputs[index];
            self.taken.push((input.batch, input.next_row));
            input.next_row += 1;
            if input.keys.as_ref().is_some_and(|keys| input.next_row == keys.num_rows()) {
                self.read_on(index)?;
            }
        }
        if self.taken.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let merged = interleave_record_batch(&batches, &self.taken).map_err(arrow_error)?;
        self.taken.clear();
        self.drop_finished_batches();
        Ok(Some(merged))
    }

    /// The input whose next row comes first. A plain scan: there are at most 16 inputs.
    fn smallest(&self) -> Option<usize> {
        let next = |input: usize| {
            let input = &self.inputs[input];
            input.keys.as_ref().map(|keys| keys.row(input.next_row))
        };
        (0..self.inputs.len())
            .filter_map(|input| next(input).map(|key| (key, input)))
            .min_by(|(a, _), (b, _)| a.cmp(b))
            .map(|(_, input)| input)
    }

    /// Reads the next batch of an input that is at the end of its current one.
    fn read_on(&mut self, index: usize) -> Result<(), TableError> {
        let input = &mut self.inputs[index];
        input.keys = None;
        input.next_row = 0;
        while let Some(batch) = input.reader.next() {
            let batch = batch.map_err(|error| damaged(&input.path, "rows that decode", error))?;
            if batch.num_rows() > 0 {
                input.keys = Some(self.keys.rows(&batch).map_err(arrow_error)?);
                input.batch = self.batches.len();
                self.batches.push(batch);
                break;
            }
        }
        Ok(())
    }

    /// Keeps only the batches that are still being read.
    fn drop_finished_batches(&mut self) {
        let mut kept = Vec::new();
        for input in self.inputs.iter_mut().filter(|input| input.keys.is_some()) {
            kept.push(self.batches[input.batch].clone());
            input.batch = kept.len() - 1;
        }
        self.batches = kept;
    }
}

impl Iterator for Merge {
    type Item = Result<RecordBatch, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let next = self.next_batch();
        self.has_failed = next.is_err();
        next.transpose()
    }
}

impl Input {
    fn open(path: &Path) -> Result<Input, TableError> {
        let file = File::open(path).map_err(TableError::io("read", path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(INPUT_ROWS).build())
            .map_err(|error| damaged(path, "a readable Parquet file", error))?;
        Ok(Input { path: path.to_path_buf(), reader, keys: None, next_row: 0, batch: 0 })
    }
}

fn arrow_error(source: ArrowError) -> TableError {
    TableError::Arrow { action: "merge files", source }
}
