//! The facts against the records: folded anew, they must come out the same, row by row.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema};
use arrow::row::{RowConverter, SortField};

use super::{AuditError, Check, Opened};
use crate::facts::{FactStore, FactsReader, FactsSnapshot, FactsTable};
use crate::log::{Batch, LogReader, Store};
use crate::model::{Offset, Record};
use crate::table::{self, Wanted};

/// Rows of one table that are named one by one.
const ROWS_NAMED_MAX: usize = 8;
/// The columns that say which record settled a row, one of which each table has.
const SETTLED_BY: [&str; 2] = ["closed_offset", "offset"];

pub(super) struct FactsCheck {
    check: Check,
    /// `None` where they cannot be opened.
    facts: Option<FactsReader>,
    /// Folds the records again, in a folder of its own.
    store: FactStore,
    again: FactsReader,
    /// False once a record was missing: what follows cannot be folded.
    is_whole: bool,
}

impl FactsCheck {
    pub(super) async fn new(
        facts: Opened<FactsReader>,
        log: &LogReader,
        scratch: &Path,
    ) -> Result<FactsCheck, AuditError> {
        let again = FactsReader::default();
        let store = FactStore::open(scratch, log, &(), &again).await?;
        let mut check = Check::new("facts", Offset(0)..log.head());
        let facts = facts.map_err(|error| check.find_all(error)).ok();
        Ok(FactsCheck { facts, check, store, again, is_whole: true })
    }

    /// Folds the next records.
    pub(super) async fn see(&mut self, records: Vec<Arc<Record>>) -> Result<(), AuditError> {
        if !self.is_whole || self.facts.is_none() {
            return Ok(());
        }
        let start = self.store.applied();
        match Batch::new(start, records) {
            Ok(batch) => Ok(self.store.apply(batch).await?),
            Err(_) => {
                self.is_whole = false;
                self.check
                    .find(start, "records are missing from here on, so nothing can be compared");
                Ok(())
            }
        }
    }

    /// Compares the rows of these shops.
    pub(super) fn finish<'a>(mut self, shops: impl Iterator<Item = &'a str>) -> Check {
        let facts = self.facts.take();
        if let Some(facts) = &facts
            && let Err(error) = self.see_files(facts)
        {
            self.check.find_all(error.to_string());
        }
        if let Some(facts) = facts.filter(|_| self.is_whole) {
            for shop in shops {
                if let Err(error) = self.compare_shop(&facts, shop) {
                    self.check.find_all(error.to_string());
                    break;
                }
            }
        }
        self.check
    }

    fn see_files(&mut self, facts: &FactsReader) -> Result<(), AuditError> {
        // Files have rows of all shops.
        let snapshot = facts.snapshot("")?;
        tables(&snapshot).iter().for_each(|(_, facts)| self.check.see_files(&facts.table));
        Ok(())
    }

    fn compare_shop(&mut self, facts: &FactsReader, shop: &str) -> Result<(), AuditError> {
        let (kept, again) = (facts.snapshot(shop)?, self.again.snapshot(shop)?);
        for ((name, kept), (_, again)) in tables(&kept).into_iter().zip(tables(&again)) {
            self.compare(name, &Rows::of(kept, shop)?, &Rows::of(again, shop)?);
        }
        Ok(())
    }

    fn compare(&mut self, table: &str, kept: &Rows, again: &Rows) {
        let (mut missing, mut doubled, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for (mark, (count, offset)) in &again.by_mark {
            let found = kept.by_mark.get(mark).map_or(0, |(count, _)| *count);
            self.check.checked += found.min(*count);
            if found < *count {
                missing.push(*offset);
            } else if found > *count {
                doubled.push(*offset);
            }
        }
        for (mark, (_, offset)) in &kept.by_mark {
            if !again.by_mark.contains_key(mark) {
                foreign.push(*offset);
            }
        }
        self.find_rows(missing, &format!("a row of {table} is missing or differs"));
        self.find_rows(doubled, &format!("a row of {table} is doubled"));
        self.find_rows(foreign, &format!("a row of {table} that no record makes"));
    }

    /// A few rows one by one, many as one stretch.
    fn find_rows(&mut self, mut offsets: Vec<Offset>, what: &str) {
        offsets.sort_unstable();
        match (offsets.first(), offsets.last()) {
            (Some(first), Some(last)) if offsets.len() > ROWS_NAMED_MAX => {
                let what = format!("{} times: {what}", offsets.len());
                self.check.find_range(*first..last.next(), what);
            }
            _ => offsets.iter().for_each(|offset| self.check.find(*offset, what)),
        }
    }
}

fn tables(snapshot: &FactsSnapshot) -> [(&'static str, &FactsTable); 7] {
    [
        ("turns", &snapshot.turns),
        ("episodes", &snapshot.episodes),
        ("changes", &snapshot.changes),
        ("tags", &snapshot.tags),
        ("strays", &snapshot.strays),
        ("stints", &snapshot.stints),
        ("ratings", &snapshot.ratings),
    ]
}

/// The rows of a table, by what they say: how many say so, and which record settled the last.
#[derive(Default)]
struct Rows {
    by_mark: HashMap<u64, (u64, Offset)>,
}

impl Rows {
    fn of(table: &FactsTable, shop: &str) -> Result<Rows, AuditError> {
        let mut rows = Rows::default();
        let wanted = Wanted::Texts(vec![("shop", shop.to_string())]);
        for file in table.table.files.iter() {
            for batch in table::read_rows(&table.table.path_of(file), &wanted)? {
                rows.add(&batch)?;
            }
        }
        for batch in &table.tail {
            rows.add(batch)?;
        }
        Ok(rows)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), AuditError> {
        let converter = RowConverter::new(sort_fields(&batch.schema()))?;
        let encoded = converter.convert_columns(batch.columns())?;
        let settled = SETTLED_BY.iter().find_map(|name| batch.column_by_name(name));
        let settled = settled.and_then(|column| column.as_primitive_opt::<Int64Type>());
        for (index, row) in encoded.iter().enumerate() {
            let mut hasher = DefaultHasher::new();
            row.as_ref().hash(&mut hasher);
            let offset = settled.filter(|column| !column.is_null(index));
            let offset =
                offset.map_or(Offset(0), |column| Offset(column.value(index).cast_unsigned()));
            let entry = self.by_mark.entry(hasher.finish()).or_insert((0, offset));
            *entry = (entry.0 + 1, offset);
        }
        Ok(())
    }
}

fn sort_fields(schema: &Schema) -> Vec<SortField> {
    schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect()
}
