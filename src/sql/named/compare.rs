//! An answer beside that of the range before: behind each figure what it was then (`previous_X`) and by how
//! much it has changed (`change_X`, in the figure's own unit).
//!
//! Rows belong together that agree in the columns which tell rows apart; days and instants among those are
//! moved by as much as the range was. What was then and is no more stands at the end. Where a figure is
//! missing there is no change.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, RecordBatch, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::kernels::numeric::sub_wrapping;
use arrow::compute::{cast, concat, concat_batches, take};
use arrow::datatypes::{
    DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::DataFusionError;

use super::NamedQuery;
use super::previous::Shift;
use crate::model::Micros;
use crate::sql::{Answer, SqlError};

/// Before the names of columns that say what a figure was in the range before, and by how much it has changed since.
pub const PREVIOUS: &str = "previous_";
pub const CHANGE: &str = "change_";

/// `now` with what `then` was, `shift` earlier: answers of one query.
pub(in crate::sql) fn compared(
    query: &NamedQuery,
    now: Answer,
    then: Answer,
    shift: Shift,
) -> Result<Answer, SqlError> {
    let complete_to = now.complete_to.min(then.complete_to);
    let batch = joined(query, &now, &then, shift).map_err(DataFusionError::from)?;
    Ok(Answer { complete_to, schema: batch.schema(), batches: vec![batch] })
}

fn joined(
    query: &NamedQuery,
    now: &Answer,
    then: &Answer,
    shift: Shift,
) -> Result<RecordBatch, ArrowError> {
    let keys = keys_of(query, &now.schema);
    let now = concat_batches(&now.schema, &now.batches)?;
    let then = moved(&concat_batches(&then.schema, &then.batches)?, &keys, shift)?;
    let Pairs { partners, left_over } = Pairs::of(&now, &then, &keys)?;
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (place, field) in now.schema().fields().iter().enumerate() {
        let (current, former) = (now.column(place), then.column(place));
        let nullable =
            |name: String, column: &ArrayRef| Field::new(name, column.data_type().clone(), true);
        let goes_on = query.now.contains(field.name());
        if keys.contains(&place) || goes_on || !field.data_type().is_numeric() {
            let column = concat(&[current, &take(former, &left_over, None)?])?;
            fields.push(nullable(field.name().clone(), &column));
            columns.push(column);
            continue;
        }
        let missing = arrow::array::new_null_array(current.data_type(), left_over.len());
        let current = concat(&[current, &missing])?;
        let former = concat(&[&take(former, &partners, None)?, &take(former, &left_over, None)?])?;
        let change = difference(&current, &former)?;
        for (prefix, column) in [("", current), (PREVIOUS, former), (CHANGE, change)] {
            fields.push(nullable(format!("{prefix}{}", field.name()), &column));
            columns.push(column);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The places of the columns that tell rows apart: those that the query says, or else those that are no
/// numbers.
fn keys_of(query: &NamedQuery, schema: &SchemaRef) -> Vec<usize> {
    let by = query.explanations.iter().flat_map(|one| one.by.iter());
    let chart = query.chart.iter().flat_map(|chart| chart.series.iter().chain([&chart.x]));
    let said: Vec<&String> = by.chain(chart).collect();
    let places = |is_key: &dyn Fn(&Field) -> bool| -> Vec<usize> {
        let fields = schema.fields().iter().enumerate();
        fields.filter(|(_, field)| is_key(field)).map(|(place, _)| place).collect()
    };
    match places(&|field| said.contains(&field.name())) {
        none if none.is_empty() => {
            places(&|field| !field.data_type().is_numeric() && !field.data_type().is_nested())
        }
        said => said,
    }
}

/// The rows with what is a day or an instant among their keys later.
fn moved(rows: &RecordBatch, keys: &[usize], shift: Shift) -> Result<RecordBatch, ArrowError> {
    let mut columns = rows.columns().to_vec();
    for place in keys {
        let column = &mut columns[*place];
        match column.data_type() {
            DataType::Date32 => {
                let days = column.as_primitive::<Date32Type>().iter();
                let later = days.map(|day| Some(day?.saturating_add(shift.days())));
                *column = Arc::new(later.collect::<Date32Array>());
            }
            DataType::Timestamp(_, zone) => {
                let data_type = column.data_type().clone();
                let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
                let micros = cast(column, &micros)?;
                let times = micros.as_primitive::<TimestampMicrosecondType>().iter();
                let later = times.map(|time| Some(shift.forward(Micros(time?)).0));
                let later = later.collect::<TimestampMicrosecondArray>();
                *column = cast(&later.with_timezone_opt(zone_of(&data_type)), &data_type)?;
            }
            _ => {}
        }
    }
    RecordBatch::try_new(rows.schema(), columns)
}

fn zone_of(data_type: &DataType) -> Option<Arc<str>> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    }
}

/// Which rows belong together.
struct Pairs {
    /// For each row of now that of then, where there is one.
    partners: UInt32Array,
    /// The rows of then that have none.
    left_over: UInt32Array,
}

impl Pairs {
    fn of(now: &RecordBatch, then: &RecordBatch, keys: &[usize]) -> Result<Pairs, ArrowError> {
        let mut waiting: HashMap<Option<OwnedRow>, VecDeque<u32>> = HashMap::new();
        let (now, then) = rows_of(now, then, keys)?;
        for (place, row) in (0..).zip(then) {
            waiting.entry(row).or_default().push_back(place);
        }
        let partners = now.into_iter().map(|row| waiting.get_mut(&row)?.pop_front());
        let partners = partners.collect();
        let mut left_over: Vec<u32> = waiting.into_values().flatten().collect();
        left_over.sort_unstable();
        Ok(Pairs { partners, left_over: UInt32Array::from(left_over) })
    }
}

type KeyRows = Vec<Option<OwnedRow>>;

/// The keys of each row; none where the answer has no keys, so that its rows pair in their order.
fn rows_of(
    now: &RecordBatch,
    then: &RecordBatch,
    keys: &[usize],
) -> Result<(KeyRows, KeyRows), ArrowError> {
    if keys.is_empty() {
        return Ok((vec![None; now.num_rows()], vec![None; then.num_rows()]));
    }
    let types = keys.iter().map(|place| now.column(*place).data_type().clone());
    let converter = RowConverter::new(types.map(SortField::new).collect())?;
    let rows = |batch: &RecordBatch| -> Result<KeyRows, ArrowError> {
        let columns: Vec<ArrayRef> = keys.iter().map(|key| batch.column(*key).clone()).collect();
        let rows = converter.convert_columns(&columns)?;
        Ok(rows.iter().map(|row| Some(row.owned())).collect())
    };
    Ok((rows(now)?, rows(then)?))
}

/// What was added since; of counts as whole numbers, which may be negative.
fn difference(now: &ArrayRef, then: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let signed = if now.data_type().is_integer() { DataType::Int64 } else { DataType::Float64 };
    sub_wrapping(&cast(now, &signed)?, &cast(then, &signed)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::util::pretty::pretty_format_batches;

    use super::*;
    use crate::model::Offset;

    fn answer(complete_to: u64, columns: Vec<(&str, ArrayRef)>) -> Answer {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        Answer { complete_to: Offset(complete_to), schema: batch.schema(), batches: vec![batch] }
    }

    fn rows(answer: &Answer) -> Vec<String> {
        let table = pretty_format_batches(&answer.batches).unwrap().to_string();
        let cells = |line: &str| {
            line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(",")
        };
        table.lines().filter(|line| line.starts_with('|')).map(cells).collect()
    }

    #[test]
    fn rows_meet_by_their_keys_and_days_by_their_place_in_the_range() {
        let text =
            "-- title: x\n-- answers: y\n-- chart: stacked_bar x=day y=n series=role\nSELECT 1";
        let query = NamedQuery::parse("q", text).unwrap();
        let days = |days: &[i32]| Arc::new(Date32Array::from(days.to_vec())) as ArrayRef;
        let roles = |roles: &[&str]| Arc::new(StringArray::from(roles.to_vec())) as ArrayRef;
        let counts = |counts: &[i64]| Arc::new(Int64Array::from(counts.to_vec())) as ArrayRef;
        let medians =
            |medians: &[Option<f64>]| Arc::new(Float64Array::from(medians.to_vec())) as ArrayRef;
        let now = answer(
            7,
            vec![
                ("day", days(&[14, 14, 15])),
                ("role", roles(&["bot", "human", "bot"])),
                ("n", counts(&[3, 4, 5])),
                ("median_s", medians(&[Some(1.5), None, Some(2.0)])),
            ],
        );
        let then = answer(
            6,
            vec![
                ("day", days(&[0, 0, 1])),
                ("role", roles(&["human", "bot", "human"])),
                ("n", counts(&[10, 1, 9])),
                ("median_s", medians(&[Some(4.0), Some(1.0), None])),
            ],
        );
        let both = compared(&query, now, then, Shift::Days(14, chrono_tz::UTC)).unwrap();
        assert_eq!(both.complete_to, Offset(6));
        assert_eq!(
            rows(&both),
            [
                "day,role,n,previous_n,change_n,median_s,previous_median_s,change_median_s",
                "1970-01-15,bot,3,1,2,1.5,1.0,0.5",
                "1970-01-15,human,4,10,-6,,4.0,",
                "1970-01-16,bot,5,,,2.0,,",
                "1970-01-16,human,,9,,,,",
            ]
        );
    }

    #[test]
    fn one_row_meets_the_other_and_an_hour_is_no_figure() {
        let counts = |counts: &[i64]| Arc::new(Int64Array::from(counts.to_vec())) as ArrayRef;
        let shift = Shift::Micros(1);
        let headlines = NamedQuery::default();
        let one = |n: i64| answer(1, vec![("n", counts(&[n]))]);
        let both = compared(&headlines, one(5), one(7), shift).unwrap();
        assert_eq!(rows(&both), ["n,previous_n,change_n", "5,7,-2"]);
        let text = "-- title: x\n-- answers: y\n-- explain: counted by hour\nSELECT 1";
        let query = NamedQuery::parse("q", text).unwrap();
        let hours = |n: i64| answer(1, vec![("hour", counts(&[9])), ("n", counts(&[n]))]);
        let both = compared(&query, hours(5), hours(7), shift).unwrap();
        assert_eq!(rows(&both), ["hour,n,previous_n,change_n", "9,5,7,-2"]);
        let nothing = Answer { batches: Vec::new(), ..hours(5) };
        let both = compared(&query, nothing.clone(), hours(7), shift).unwrap();
        assert_eq!(rows(&both)[1], "9,,7,");
        assert_eq!(compared(&query, nothing.clone(), nothing, shift).unwrap().rows(), 0);
    }
}
