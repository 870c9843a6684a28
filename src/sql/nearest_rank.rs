//! `nearest_rank(value, share)`: the smallest value that at least this share of the values do not exceed, as
//! in `nearest_rank(nrt_ms, 0.9)`: a wait that somebody had, where `percentile_cont` gives one between two.
//! NULLs are left out; of none it is NULL. Exact: the values are kept until they are asked for, and then the
//! one is selected in linear time, without sorting the others.
//!
//! What is kept is counted by the engine against its memory, eight bytes a value and as much again in room to
//! grow; what finds no room there goes to disk, or ends the query.
//!
//! Several shares of the same values are found by [`super::shared_ranks`], and their values kept once: that is what
//! `nearest_ranks(value, share, …)` is for, whose value is a struct.

use std::fmt::Debug;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNumericType, AsArray, BooleanArray, ListArray, PrimitiveArray,
    RecordBatch, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowNativeTypeOp, DataType, Field, FieldRef, Fields, Float64Type, Int64Type, Schema,
};
use datafusion::common::{ScalarValue, exec_err, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;

/// Shares are told apart to this many parts of one, so that 0.07 of 100 values are 7 and not more.
const PARTS: u128 = 1_000_000_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct NearestRank {
    signature: Signature,
    pub(super) shares: Shares,
}

/// For how many shares a value is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shares {
    /// `nearest_rank(value, share)`: a value
    One,
    /// `nearest_ranks(value, share, …)`: a struct of values, called as [`rank_name`] says
    Some,
}

impl NearestRank {
    pub(super) fn of(shares: Shares) -> NearestRank {
        NearestRank { signature: Signature::user_defined(Volatility::Immutable), shares }
    }
}

/// What the value for the share at this place is called.
pub(super) fn rank_name(place: usize) -> String {
    format!("rank_{place}")
}

/// The struct of values for so many shares.
fn ranks(value: &DataType, count: usize) -> Fields {
    (0..count).map(|place| Field::new(rank_name(place), value.clone(), true)).collect()
}

impl AggregateUDFImpl for NearestRank {
    fn name(&self) -> &str {
        match self.shares {
            Shares::One => "nearest_rank",
            Shares::Some => "nearest_ranks",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        match (self.shares, arguments) {
            (Shares::One, [value, share]) if is_number(value) && is_number(share) => {
                let value = if value.is_integer() { DataType::Int64 } else { DataType::Float64 };
                Ok(vec![value, DataType::Float64])
            }
            // Nobody but the planner asks for several, of what was one of these.
            (Shares::Some, already) => Ok(already.to_vec()),
            _ => plan_err!("nearest_rank takes a number and a share between 0 and 1, such as 0.9"),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match self.shares {
            Shares::One => Ok(arguments[0].clone()),
            Shares::Some => Ok(DataType::Struct(ranks(&arguments[0], arguments.len() - 1))),
        }
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let values = list_of(arguments.input_fields[0].data_type());
        let name = format_state_name(arguments.name, "values");
        Ok(vec![Arc::new(Field::new(name, values, true))])
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let wanted = Wanted::of(self.shares, &arguments)?;
        match arguments.expr_fields[0].data_type() {
            DataType::Int64 => Ok(Box::new(Ranked::<Int64Type>::new(wanted))),
            DataType::Float64 => Ok(Box::new(Ranked::<Float64Type>::new(wanted))),
            other => internal_err!("nearest_rank of {other}"),
        }
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        !arguments.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let wanted = Wanted::of(self.shares, &arguments)?;
        match arguments.expr_fields[0].data_type() {
            DataType::Int64 => Ok(Box::new(RankedGroups::<Int64Type>::new(wanted))),
            DataType::Float64 => Ok(Box::new(RankedGroups::<Float64Type>::new(wanted))),
            other => internal_err!("nearest_rank of {other}"),
        }
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_null()
}

fn list_of(value: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(value.clone(), true)))
}

/// Which share of the values, in [`PARTS`].
#[derive(Clone, Copy, Debug)]
struct Share(u128);

/// What is asked of each group's values.
#[derive(Debug)]
struct Wanted {
    form: Shares,
    shares: Vec<Share>,
}

impl Wanted {
    fn of(form: Shares, arguments: &AccumulatorArgs) -> Result<Wanted> {
        if arguments.is_distinct {
            return plan_err!("nearest_rank takes no DISTINCT: it ranks every value");
        }
        let shares = arguments.exprs.iter().skip(1).map(|share| Share::of(&**share));
        Ok(Wanted { form, shares: shares.collect::<Result<_>>()? })
    }

    /// A row for each group.
    fn found<T: ArrowNumericType>(&self, mut groups: Vec<Vec<T::Native>>) -> Result<ArrayRef> {
        let of_share = |share: &Share| -> ArrayRef {
            let values = groups.iter_mut().map(|values| share.value(values));
            Arc::new(values.collect::<PrimitiveArray<T>>())
        };
        let mut columns: Vec<ArrayRef> = self.shares.iter().map(of_share).collect();
        match self.form {
            Shares::One => match columns.pop() {
                Some(column) => Ok(column),
                None => internal_err!("nearest_rank without a share"),
            },
            Shares::Some => {
                let fields = ranks(&T::DATA_TYPE, columns.len());
                Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
            }
        }
    }
}

impl Share {
    fn of(share: &dyn PhysicalExpr) -> Result<Share> {
        let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
        match share.evaluate(&nothing) {
            Ok(ColumnarValue::Scalar(ScalarValue::Float64(Some(share))))
                if (0.0..=1.0).contains(&share) =>
            {
                Ok(Share((share * PARTS as f64).round() as u128))
            }
            Ok(ColumnarValue::Scalar(share)) => {
                exec_err!("nearest_rank: the share `{share}` must lie between 0 and 1")
            }
            _ => exec_err!("nearest_rank: the share must be one number for all rows"),
        }
    }

    /// The value of `values` that stands there; they change places.
    fn value<T: ArrowNativeTypeOp>(self, values: &mut [T]) -> Option<T> {
        let rank = (values.len() as u128 * self.0).div_ceil(PARTS).max(1);
        let place = usize::try_from(rank).ok()?.checked_sub(1)?;
        if place >= values.len() {
            return None;
        }
        Some(*values.select_nth_unstable_by(place, |a, b| a.compare(*b)).1)
    }
}

/// The values of one group.
#[derive(Debug)]
struct Ranked<T: ArrowNumericType + Debug> {
    wanted: Wanted,
    values: Vec<T::Native>,
}

impl<T: ArrowNumericType + Debug> Ranked<T> {
    fn new(wanted: Wanted) -> Ranked<T> {
        Ranked { wanted, values: Vec::new() }
    }
}

impl<T: ArrowNumericType + Debug> Accumulator for Ranked<T> {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let values = columns[0].as_primitive::<T>();
        match values.null_count() {
            0 => self.values.extend_from_slice(values.values()),
            _ => self.values.extend(values.iter().flatten()),
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = lists::<T>(vec![std::mem::take(&mut self.values)])?;
        Ok(vec![ScalarValue::List(Arc::new(values))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let found = self.wanted.found::<T>(vec![std::mem::take(&mut self.values)])?;
        ScalarValue::try_from_array(&found, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<T::Native>()
    }
}

/// The values of many groups.
#[derive(Debug)]
struct RankedGroups<T: ArrowNumericType> {
    wanted: Wanted,
    groups: Vec<Vec<T::Native>>,
    /// Room for values in all groups: asked for after every batch, of however many groups.
    room: usize,
}

impl<T: ArrowNumericType> RankedGroups<T> {
    fn new(wanted: Wanted) -> RankedGroups<T> {
        RankedGroups { wanted, groups: Vec::new(), room: 0 }
    }

    fn add(&mut self, group: usize, values: &[T::Native]) {
        let group = &mut self.groups[group];
        let before = group.capacity();
        group.extend_from_slice(values);
        self.room += group.capacity() - before;
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Vec<T::Native>> {
        let taken = emit_to.take_needed(&mut self.groups);
        self.room -= taken.iter().map(Vec::capacity).sum::<usize>();
        taken
    }
}

impl<T: ArrowNumericType> GroupsAccumulator for RankedGroups<T> {
    fn update_batch(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.groups.resize_with(count, Vec::new);
        let values = columns[0].as_primitive::<T>();
        let taken = taken_rows(values, filter);
        for (row, (group, value)) in groups.iter().zip(values.values()).enumerate() {
            if taken.as_ref().is_none_or(|taken| taken.is_valid(row)) {
                self.add(*group, std::slice::from_ref(value));
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.groups.resize_with(count, Vec::new);
        let lists = states[0].as_list::<i32>();
        let values = lists.values().as_primitive::<T>().values();
        for (row, (group, ends)) in groups.iter().zip(lists.value_offsets().windows(2)).enumerate()
        {
            if lists.is_valid(row) {
                self.add(*group, &values[ends[0] as usize..ends[1] as usize]);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        self.wanted.found::<T>(groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(lists::<T>(self.take(emit_to))?)])
    }

    fn convert_to_state(
        &self,
        columns: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = columns[0].as_primitive::<T>();
        let taken = taken_rows(values, filter);
        let offsets = OffsetBuffer::from_repeated_length(1, values.len());
        let field = Arc::new(Field::new_list_field(T::DATA_TYPE, true));
        let values = PrimitiveArray::<T>::new(values.values().clone(), None);
        Ok(vec![Arc::new(ListArray::new(field, offsets, Arc::new(values), taken))])
    }

    fn size(&self) -> usize {
        self.room * size_of::<T::Native>() + self.groups.capacity() * size_of::<Vec<T::Native>>()
    }
}

/// The rows that have a value and are not filtered out; `None` where all are.
fn taken_rows(values: &dyn Array, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    // Where the filter is NULL, a row is out.
    let passed = filter.map(|filter| match filter.nulls() {
        Some(known) => NullBuffer::new(filter.values() & known.inner()),
        None => NullBuffer::new(filter.values().clone()),
    });
    NullBuffer::union(passed.as_ref(), values.nulls())
}

/// The values of each group as a list.
fn lists<T: ArrowNumericType>(groups: Vec<Vec<T::Native>>) -> Result<ListArray> {
    let count: usize = groups.iter().map(Vec::len).sum();
    if i32::try_from(count).is_err() {
        return exec_err!("nearest_rank: {count} values are more than one batch holds");
    }
    let offsets = OffsetBuffer::from_lengths(groups.iter().map(Vec::len));
    let values: PrimitiveArray<T> = PrimitiveArray::new(groups.concat().into(), None);
    let field = Arc::new(Field::new_list_field(T::DATA_TYPE, true));
    Ok(ListArray::new(field, offsets, Arc::new(values), None))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::{Float64Array, Int64Array};
    use datafusion::datasource::MemTable;
    use datafusion::logical_expr::AggregateUDF;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;
    use crate::model::testing::Dice;

    /// What the definition says, by sorting.
    fn ranked(mut values: Vec<i64>, share: f64) -> Option<i64> {
        values.sort_unstable();
        let enough = |place: &usize| {
            let not_above = (place + 1) as u128 * PARTS;
            not_above >= values.len() as u128 * (share * PARTS as f64).round() as u128
        };
        (0..values.len()).find(enough).map(|place| values[place])
    }

    fn context(batches: Vec<RecordBatch>, config: SessionConfig) -> SessionContext {
        let context = SessionContext::new_with_config(config);
        context.register_udaf(AggregateUDF::from(NearestRank::of(Shares::One)));
        let table = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
        context.register_table("t", Arc::new(table)).unwrap();
        context
    }

    async fn ask(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
        context.sql(sql).await?.collect().await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whatever_the_values_it_is_what_sorting_gives() {
        for seed in 0..12 {
            let mut dice = Dice::new(seed);
            let rows = dice.roll(3_000) + 1;
            let spread = [1, 3, 50, 100_000][dice.roll(4)];
            let groups = [1, 7, 2_000][dice.roll(3)];
            let mut all: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            let (mut keys, mut values, mut kept) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..rows {
                let key = dice.roll(groups) as i64;
                let value = (dice.roll(5) > 0).then(|| dice.roll(spread) as i64 - 40);
                let keep = [Some(true), Some(true), Some(false), None][dice.roll(4)];
                let of_group = all.entry(key).or_default();
                of_group.extend(value.filter(|_| keep == Some(true)));
                keys.push(key);
                values.push(value);
                kept.push(keep);
            }
            let columns: Vec<(&str, ArrayRef, bool)> = vec![
                ("k", Arc::new(Int64Array::from(keys)), true),
                ("v", Arc::new(Int64Array::from(values)), true),
                ("keep", Arc::new(BooleanArray::from(kept)), true),
            ];
            let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
            let pieces = (0..rows).step_by(100);
            let pieces = pieces.map(|start| batch.slice(start, 100.min(rows - start)));
            // Also where nothing is added up before rows are dealt out.
            let config = SessionConfig::new()
                .with_target_partitions(1 + dice.roll(3))
                .set_usize(
                    "datafusion.execution.skip_partial_aggregation_probe_rows_threshold",
                    100,
                )
                .set_str(
                    "datafusion.execution.skip_partial_aggregation_probe_ratio_threshold",
                    "0.1",
                );
            let context = context(pieces.collect(), config);
            let share = [0.0, 0.07, 0.5, 0.9, 0.95, 0.999, 1.0][dice.roll(7)];
            let sql = format!(
                "SELECT k, nearest_rank(v, {share}) FILTER (WHERE keep) AS whole, \
                 nearest_rank(v * 1.0, {share}) FILTER (WHERE keep) AS float FROM t GROUP BY k"
            );
            let mut seen = 0;
            for batch in ask(&context, &sql).await.unwrap() {
                let floats = batch.column(2).as_primitive::<Float64Type>();
                let (keys, ranks) = (
                    batch.column(0).as_primitive::<Int64Type>(),
                    batch.column(1).as_primitive::<Int64Type>(),
                );
                for row in 0..batch.num_rows() {
                    let expected = ranked(all[&keys.value(row)].clone(), share);
                    let got = ranks.is_valid(row).then(|| ranks.value(row));
                    assert_eq!(got, expected, "seed {seed}, share {share}");
                    let got = floats.is_valid(row).then(|| floats.value(row) as i64);
                    assert_eq!(got, expected, "seed {seed}, share {share}");
                    seen += 1;
                }
            }
            assert_eq!(seen, all.len());
            let sql = format!("SELECT nearest_rank(v, {share}) FILTER (WHERE keep) FROM t");
            let whole = ask(&context, &sql).await.unwrap();
            let whole = whole[0].column(0).as_primitive::<Int64Type>().iter().next().flatten();
            assert_eq!(whole, ranked(all.into_values().flatten().collect(), share), "seed {seed}");
        }
    }

    #[tokio::test]
    async fn of_nothing_there_is_nothing_and_nonsense_is_refused() {
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(1.0)]));
        let batch = RecordBatch::try_from_iter([("v", values)]).unwrap();
        let context = context(vec![batch], SessionConfig::new());
        let none = ask(&context, "SELECT nearest_rank(v, 0.5) FROM t WHERE v > 9").await.unwrap();
        // NaN is above all.
        assert_eq!(none[0].column(0).null_count(), 0);
        let none = ask(&context, "SELECT nearest_rank(v, 0.5) FROM t WHERE v < 0").await.unwrap();
        assert_eq!(none[0].column(0).null_count(), 1);
        let low = ask(&context, "SELECT nearest_rank(v, 0.5) FROM t").await.unwrap();
        assert_eq!(low[0].column(0).as_primitive::<Float64Type>().value(0), 1.0);
        for (arguments, told) in [
            ("v, 1.5", "between 0 and 1"),
            ("v, -0.1", "between 0 and 1"),
            ("v, NULL", "between 0 and 1"),
            ("v, v", "one number for all rows"),
            ("DISTINCT v, 0.5", "no DISTINCT"),
            ("v", "a share"),
            ("'x', 0.5", "takes a number"),
        ] {
            let sql = format!("SELECT nearest_rank({arguments}) FROM t");
            let error = ask(&context, &sql).await.unwrap_err().to_string();
            assert!(error.contains(told), "{arguments}: {error}");
        }
    }

    #[test]
    fn what_is_kept_is_counted() {
        let mut ranked = RankedGroups::<Int64Type>::new(Wanted {
            form: Shares::One,
            shares: vec![Share(PARTS)],
        });
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        let groups: Vec<usize> = (0..10_000).map(|row| row % 10).collect();
        ranked.update_batch(&[values], &groups, None, 10).unwrap();
        assert!((80_000..240_000).contains(&ranked.size()), "{}", ranked.size());
        ranked.evaluate(EmitTo::First(9)).unwrap();
        assert!((8_000..24_000).contains(&ranked.size()), "{}", ranked.size());
        ranked.evaluate(EmitTo::All).unwrap();
        assert_eq!(ranked.room, 0);
    }
}
