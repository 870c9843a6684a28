//! Statistics of a file's columns: taken from the Parquet footer, written into the Delta log as
//! JSON so that every engine can skip files, and read back from there.
//!
//! Kept for integers, times and the labels rows are sorted and found by; never for texts, whose
//! first words would then stand in the log. Bounds are inclusive and may be wider than the values,
//! never narrower: times are widened to whole milliseconds, since Delta readers disagree about
//! anything finer.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, TimeUnit};
use chrono::{DateTime, SecondsFormat};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::{Micros, parse_time};

/// What is known of one column of one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnStats {
    pub column: Arc<str>,
    pub nulls: u64,
    /// Smallest and largest value; `None` when every value is null.
    pub bounds: Option<Bounds>,
}

/// Smallest and largest value, both inclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bounds {
    Ints(i64, i64),
    Times(Micros, Micros),
    Texts(String, String),
}

/// Statistics of the columns of `schema` that have any. Text columns only when named in `labels`.
pub(super) fn of_footer(
    schema: &Schema,
    labels: &[&str],
    footer: &ParquetMetaData,
) -> Vec<ColumnStats> {
    let leaves = footer.file_metadata().schema_descr();
    let mut stats = Vec::new();
    for field in schema.fields() {
        let is_kept = match field.data_type() {
            DataType::Int64 | DataType::Int32 | DataType::Timestamp(TimeUnit::Microsecond, _) => {
                true
            }
            DataType::Utf8 => labels.contains(&field.name().as_str()),
            _ => false,
        };
        let leaf = (0..leaves.num_columns())
            .find(|leaf| leaves.column(*leaf).path().string() == *field.name());
        if let (true, Some(leaf)) = (is_kept, leaf) {
            stats.push(of_column(field.name(), field.data_type(), leaf, footer));
        }
    }
    stats
}

fn of_column(
    name: &str,
    data_type: &DataType,
    leaf: usize,
    footer: &ParquetMetaData,
) -> ColumnStats {
    let mut nulls = 0;
    let mut bounds: Option<Bounds> = None;
    for group in footer.row_groups() {
        let Some(statistics) = group.column(leaf).statistics() else { continue };
        nulls += statistics.null_count_opt().unwrap_or(0);
        bounds = match (bounds, bounds_of(data_type, statistics)) {
            (Some(bounds), Some(more)) => Some(bounds.including(more)),
            (bounds, more) => bounds.or(more),
        };
    }
    ColumnStats { column: Arc::from(name), nulls, bounds }
}

fn bounds_of(data_type: &DataType, statistics: &Statistics) -> Option<Bounds> {
    match statistics {
        Statistics::Int64(values) => {
            let (min, max) = (*values.min_opt()?, *values.max_opt()?);
            match data_type {
                DataType::Timestamp(..) => {
                    Some(Bounds::Times(Micros(min), Micros(max)).in_milliseconds())
                }
                _ => Some(Bounds::Ints(min, max)),
            }
        }
        Statistics::Int32(values) => {
            Some(Bounds::Ints(i64::from(*values.min_opt()?), i64::from(*values.max_opt()?)))
        }
        Statistics::ByteArray(values) => {
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_string);
            Some(Bounds::Texts(text(values.min_opt()?.data())?, text(values.max_opt()?.data())?))
        }
        _ => None,
    }
}

impl Bounds {
    /// The bounds of what either bounds.
    pub fn including(self, more: Bounds) -> Bounds {
        match (self, more) {
            (Bounds::Ints(min, max), Bounds::Ints(low, high)) => {
                Bounds::Ints(min.min(low), max.max(high))
            }
            (Bounds::Times(min, max), Bounds::Times(low, high)) => {
                Bounds::Times(min.min(low), max.max(high))
            }
            (Bounds::Texts(min, max), Bounds::Texts(low, high)) => {
                Bounds::Texts(min.min(low), max.max(high))
            }
            // One column has one type.
            (bounds, _) => bounds,
        }
    }

    fn in_milliseconds(self) -> Bounds {
        match self {
            Bounds::Times(min, max) => {
                let down = min.0.div_euclid(1_000) * 1_000;
                let up = max.0.saturating_add(999).div_euclid(1_000) * 1_000;
                Bounds::Times(Micros(down), Micros(up))
            }
            other => other,
        }
    }

    fn to_json(&self) -> (Value, Value) {
        match self {
            Bounds::Ints(min, max) => (json!(min), json!(max)),
            Bounds::Times(min, max) => (json!(in_milliseconds(*min)), json!(in_milliseconds(*max))),
            Bounds::Texts(min, max) => (json!(min), json!(max)),
        }
    }

    fn from_json(data_type: &DataType, min: &Value, max: &Value) -> Option<Bounds> {
        match data_type {
            DataType::Timestamp(..) => {
                Some(Bounds::Times(parse_time(min.as_str()?)?, parse_time(max.as_str()?)?))
            }
            DataType::Utf8 => {
                Some(Bounds::Texts(min.as_str()?.to_string(), max.as_str()?.to_string()))
            }
            _ => Some(Bounds::Ints(min.as_i64()?, max.as_i64()?)),
        }
    }
}

fn in_milliseconds(time: Micros) -> String {
    DateTime::from_timestamp_micros(time.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The `stats` string of a Delta `add`.
pub(super) fn to_json(rows: u64, stats: &[ColumnStats]) -> String {
    let (mut mins, mut maxes, mut nulls) = (Map::new(), Map::new(), Map::new());
    for column in stats {
        nulls.insert(column.column.to_string(), json!(column.nulls));
        if let Some(bounds) = &column.bounds {
            let (min, max) = bounds.to_json();
            mins.insert(column.column.to_string(), min);
            maxes.insert(column.column.to_string(), max);
        }
    }
    json!({"numRecords": rows, "minValues": mins, "maxValues": maxes, "nullCount": nulls})
        .to_string()
}

/// Reads a Delta `stats` string: the number of rows and what it says about the columns of `schema`.
/// What another engine wrote in another shape is left out, not an error: statistics only ever help
/// to skip.
pub(super) fn from_json(schema: &Schema, said: &str) -> Option<(u64, Vec<ColumnStats>)> {
    let value: Value = serde_json::from_str(said).ok()?;
    let rows = value["numRecords"].as_u64()?;
    let mut stats = Vec::new();
    for field in schema.fields() {
        let name = field.name();
        let bounds = Bounds::from_json(
            field.data_type(),
            &value["minValues"][name],
            &value["maxValues"][name],
        );
        let nulls = value["nullCount"][name].as_u64();
        if bounds.is_some() || nulls.is_some() {
            stats.push(ColumnStats {
                column: Arc::from(name.as_str()),
                nulls: nulls.unwrap_or(0),
                bounds,
            });
        }
    }
    Some((rows, stats))
}
