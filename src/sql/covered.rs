//! `covered_ms(from, to)`: BIGINT, the milliseconds in which at least one of the spans lasts; a span from which an
//! end is missing, or which ends before it begins, covers nothing, and of none it is NULL. The sum of the spans
//! through it is how many last at once, on the average of the time in which any does.

use std::mem::{size_of, size_of_val};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Signature, TypeSignature, Volatility,
};

const MILLISECOND_MICROS: i128 = 1_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CoveredMs {
    signature: Signature,
}

impl CoveredMs {
    pub(super) fn new() -> CoveredMs {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let span = TypeSignature::Exact(vec![instant.clone(), instant]);
        CoveredMs { signature: Signature::new(span, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for CoveredMs {
    fn name(&self) -> &str {
        "covered_ms"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(arguments.name, "spans");
        Ok(vec![Arc::new(Field::new(name, DataType::List(ends_field()), true))])
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if arguments.is_distinct {
            return plan_err!(
                "covered_ms takes no DISTINCT: a span that comes twice covers no more"
            );
        }
        Ok(Box::new(Spans::default()))
    }
}

fn ends_field() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Int64, true))
}

/// Spans of time, in microseconds.
#[derive(Debug, Default)]
struct Spans(Vec<(i64, i64)>);

impl Spans {
    /// More than 64 bits hold, where spans go from one end of time to the other.
    fn covered_micros(&mut self) -> Option<i128> {
        self.0.sort_unstable();
        let (first, _) = *self.0.first()?;
        let (mut covered, mut until) = (0, i128::from(first));
        for (from, to) in &self.0 {
            let (from, to) = (i128::from(*from), i128::from(*to));
            if to > until {
                covered += to - until.max(from);
                until = to;
            }
        }
        Some(covered)
    }
}

impl Accumulator for Spans {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let from = columns[0].as_primitive::<TimestampMicrosecondType>().iter();
        let to = columns[1].as_primitive::<TimestampMicrosecondType>().iter();
        let spans = from.zip(to).filter_map(|(from, to)| Some((from?, to?)));
        self.0.extend(spans.filter(|(from, to)| from <= to));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for ends in states[0].as_list::<i32>().iter().flatten() {
            let (pairs, _) = ends.as_primitive::<Int64Type>().values().as_chunks::<2>();
            self.0.extend(pairs.iter().map(|[from, to]| (*from, *to)));
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let ends: Int64Array =
            std::mem::take(&mut self.0).into_iter().flat_map(|(a, b)| [a, b]).collect();
        let offsets = OffsetBuffer::from_lengths([ends.len()]);
        let list = ListArray::new(ends_field(), offsets, Arc::new(ends), None);
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let ms = self.covered_micros().map(|micros| micros / MILLISECOND_MICROS);
        Ok(ScalarValue::Int64(ms.and_then(|ms| i64::try_from(ms).ok())))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.capacity() * size_of::<(i64, i64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::Dice;

    #[test]
    fn what_lasts_at_once_is_covered_once() {
        for (spans, covered) in [
            (vec![], None),
            (vec![(5, 5)], Some(0)),
            (vec![(0, 10), (20, 30)], Some(20)),
            (vec![(0, 10), (10, 30)], Some(30)),
            (vec![(20, 30), (0, 100), (50, 120)], Some(120)),
            (vec![(0, 10), (0, 10), (2, 3)], Some(10)),
            (vec![(i64::MIN, i64::MAX)], Some(i128::from(u64::MAX))),
        ] {
            assert_eq!(Spans(spans.clone()).covered_micros(), covered, "{spans:?}");
        }
    }

    #[test]
    fn whatever_the_spans_each_covered_moment_counts_once() {
        let mut dice = Dice::new(11);
        for _ in 0..200 {
            let count = dice.roll(12) + 1;
            let mut span = || {
                let from = dice.roll(60) as i64;
                (from, from + dice.roll(15) as i64)
            };
            let spans: Vec<(i64, i64)> = (0..count).map(|_| span()).collect();
            let is_covered = |at: &i64| spans.iter().any(|(from, to)| from <= at && at < to);
            let expected = (0..80).filter(is_covered).count() as i128;
            let (mut first, mut second) =
                (Spans(spans[..count / 2].to_vec()), Spans(spans[count / 2..].to_vec()));
            let states = [first.state().unwrap(), second.state().unwrap()];
            let mut merged = Spans::default();
            for state in &states {
                merged.merge_batch(&[state[0].to_array().unwrap()]).unwrap();
            }
            assert_eq!(merged.covered_micros(), Some(expected), "{spans:?}");
        }
    }
}
