//! Aggregates that hold all they are given in one value, with a bound on it.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature};
use datafusion::scalar::ScalarValue;

/// What any value may have that a function makes: × 8,192 rows of a batch = 2 GiB.
pub(super) const VALUE_BYTES_MAX: u64 = 256 * 1024;

/// Whether the values of `function` grow with the rows, and are not bounded yet.
pub(super) fn grows(function: &AggregateUDF) -> bool {
    matches!(function.name(), "array_agg" | "string_agg") && !function.inner().is::<Bounded>()
}

/// `function` with a bound.
pub(super) fn bounded(function: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Bounded { inner: function }))
}

/// Without the shorter ways of the engine: each group is accumulated for itself.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner.supports_null_handling_clause()
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let (name, inner) = (self.inner.name().to_string(), self.inner.accumulator(arguments)?);
        Ok(Box::new(BoundedAccumulator { name, inner }))
    }
}

#[derive(Debug)]
struct BoundedAccumulator {
    name: String,
    inner: Box<dyn Accumulator>,
}

impl BoundedAccumulator {
    fn check(&self, value: &ScalarValue) -> Result<()> {
        let bytes = value.to_array()?.to_data().get_slice_memory_size()? as u64;
        if bytes <= VALUE_BYTES_MAX {
            return Ok(());
        }
        let (name, max) = (&self.name, VALUE_BYTES_MAX >> 10);
        exec_err!("{name} makes a value of {bytes} bytes, {max} KiB is the most")
    }
}

impl Accumulator for BoundedAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.inner.evaluate()?;
        self.check(&value)?;
        Ok(value)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.inner.state()?;
        for value in &state {
            self.check(value)?;
        }
        Ok(state)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}
