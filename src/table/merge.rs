//! Merges files that are each in the order of the sort columns into one stream of batches in that
//! order.
//!
//! Memory is bounded in bytes, whatever the texts: [`INPUTS_BYTES_MAX`] for the rows being read,
//! [`TAKEN_BYTES_MAX`] for those taken and as much for the batch made of them, and for each column
//! of each input a decoded page of 256 KiB and what it is decoded from: 16 × 28 × 512 KiB = 224 MiB
//! if every column had pages of that size, of which texts and ids, five of them, do. With the row
//! group being encoded ([`super::parquet_file`]), some 250 MiB.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::row::{Row, Rows};
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;
use tokio_util::sync::CancellationToken;

use super::error::damaged;
use super::load::in_columns;
use super::parquet_file::SortKeys;
use super::row_bytes::row_bytes_max;
use super::{TableError, TableOptions, check};

/// Rows of all inputs that are read at once.
const INPUTS_BYTES_MAX: u64 = 64 << 20;
/// Most rows read from an input at once: more are no faster.
const INPUT_ROWS_MAX: u64 = 1_024;
/// Rows that wait to become a batch of output.
const TAKEN_BYTES_MAX: usize = 16 << 20;
/// Most rows of one batch of output.
const OUTPUT_ROWS_MAX: usize = 8_192;

/// How much of a core a merge takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Full,
    /// After each batch it rests for as long as it worked: commits and questions come first.
    Half,
}

/// The merged stream.
pub(super) struct Merge {
    inputs: Vec<Input>,
    keys: SortKeys,
    schema: SchemaRef,
    /// Batches that the rows taken so far lie in.
    batches: Vec<RecordBatch>,
    /// Taken rows: batch, row.
    taken: Vec<(usize, usize)>,
    /// Bytes of the batches that were read since the last output.
    read_bytes: usize,
    pace: Pace,
    working_since: Instant,
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
        schema: &SchemaRef,
        pace: Pace,
        stop: CancellationToken,
    ) -> Result<Merge, TableError> {
        let keys = SortKeys::of(schema, options).map_err(arrow_error)?;
        let bytes_max = INPUTS_BYTES_MAX / paths.len().max(1) as u64;
        let inputs =
            paths.iter().map(|path| Input::open(path, bytes_max)).collect::<Result<Vec<_>, _>>()?;
        let mut merge = Merge {
            inputs,
            keys,
            schema: schema.clone(),
            batches: Vec::new(),
            taken: Vec::new(),
            read_bytes: 0,
            pace,
            working_since: Instant::now(),
            stop,
            has_failed: false,
        };
        for input in 0..merge.inputs.len() {
            merge.read_on(input)?;
        }
        merge.read_bytes = 0;
        Ok(merge)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        if self.stop.is_cancelled() {
            return Err(TableError::Stopped);
        }
        if self.pace == Pace::Half {
            // Whoever takes the batches encodes them in between: that is work, too.
            thread::sleep(self.working_since.elapsed());
            self.working_since = Instant::now();
        }
        // One run at least, however large its batch.
        while self.taken.is_empty()
            || (self.taken.len() < OUTPUT_ROWS_MAX && self.read_bytes < TAKEN_BYTES_MAX)
        {
            let Some((index, rows)) = self.next_run() else { break };
            let input = &mut self.inputs[index];
            self.taken.extend(rows.clone().map(|row| (input.batch, row)));
            input.next_row = rows.end;
            if input.keys.as_ref().is_some_and(|keys| input.next_row == keys.num_rows()) {
                self.read_on(index)?;
            }
        }
        if self.taken.is_empty() {
            // Every input is at its end.
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let merged = interleave_record_batch(&batches, &self.taken).map_err(arrow_error)?;
        self.taken.clear();
        self.read_bytes = 0;
        self.drop_finished_batches();
        Ok(Some(merged))
    }

    /// The input whose next row comes first, and those of its rows that come before any row of
    /// another input. Conversations mostly lie in one file, so that a run has several rows.
    fn next_run(&self) -> Option<(usize, Range<usize>)> {
        let mut next: Option<(usize, Row<'_>)> = None;
        let mut after: Option<Row<'_>> = None;
        // A plain scan: there are at most 16 inputs.
        for (index, input) in self.inputs.iter().enumerate() {
            let Some(keys) = &input.keys else { continue };
            let key = keys.row(input.next_row);
            match next {
                Some((_, first)) if first <= key => {
                    after = Some(after.map_or(key, |after| after.min(key)));
                }
                _ => {
                    after = next.map(|(_, first)| first).or(after);
                    next = Some((index, key));
                }
            }
        }
        let (index, _) = next?;
        let Input { keys, next_row, .. } = &self.inputs[index];
        let keys = keys.as_ref()?;
        let room = OUTPUT_ROWS_MAX - self.taken.len();
        let last = keys.num_rows().min(next_row + room);
        let comes_first = |row: &usize| after.is_none_or(|after| keys.row(*row) <= after);
        let rows = (next_row + 1..last).take_while(comes_first).count() + 1;
        Some((index, *next_row..next_row + rows))
    }

    /// Reads the next batch of an input that is at the end of its current one.
    fn read_on(&mut self, index: usize) -> Result<(), TableError> {
        let input = &mut self.inputs[index];
        input.keys = None;
        input.next_row = 0;
        while let Some(batch) = input.reader.next() {
            let batch = batch.map_err(|error| damaged(&input.path, "rows that decode", error))?;
            if batch.num_rows() > 0 {
                let batch = in_columns(batch, &self.schema).map_err(arrow_error)?;
                input.keys = Some(self.keys.rows(&batch).map_err(arrow_error)?);
                input.batch = self.batches.len();
                self.read_bytes += batch.get_array_memory_size();
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
    /// Opens a file of which at most `bytes_max` are read at once.
    fn open(path: &Path, bytes_max: u64) -> Result<Input, TableError> {
        let file = File::open(path).map_err(check::unreadable(path))?;
        let damaged = |error| damaged(path, "a readable Parquet file", error);
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(damaged)?;
        let rows = bytes_max / row_bytes_max(builder.metadata()).max(1);
        let rows = rows.clamp(1, INPUT_ROWS_MAX) as usize;
        let reader = builder.with_batch_size(rows).build().map_err(damaged)?;
        Ok(Input { path: path.to_path_buf(), reader, keys: None, next_row: 0, batch: 0 })
    }
}

fn arrow_error(source: ArrowError) -> TableError {
    TableError::Arrow { action: "merge files", source }
}
