//! Functions of the engine whose values can be far larger than what they are given, with a bound on
//! what one call makes: it makes it outside the memory that queries are given, and of constants while
//! the query is planned, where no time limit reaches.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// What one call makes at most, of all its rows.
const MADE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of a character at most.
const CHARACTER_BYTES: u64 = 4;

/// How large the result can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// `repeat(text, n)`
    Times,
    /// `lpad(text, n, …)`
    Padded,
    /// `replace(text, from, to)`: `to` between any two characters
    Replaced,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

/// `function` with a bound, where its values can grow.
pub(super) fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    let growth = match function.name() {
        "repeat" => Growth::Times,
        "lpad" | "rpad" => Growth::Padded,
        "replace" | "regexp_replace" => Growth::Replaced,
        _ => return function,
    };
    Arc::new(ScalarUDF::from(Bounded { inner: function, growth }))
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let made = self.growth.most(&arguments.args, arguments.number_rows)?;
        if made > MADE_BYTES_MAX {
            let max = MADE_BYTES_MAX >> 20;
            return exec_err!(
                "{} could make values of {made} bytes, {max} MiB is the most",
                self.name()
            );
        }
        self.inner.invoke_with_args(arguments)
    }
}

impl Growth {
    /// The most bytes that a call with these arguments makes.
    fn most(self, arguments: &[ColumnarValue], rows: usize) -> Result<u64> {
        let texts = lengths(arguments.first(), rows)?;
        let sum = |bytes: &mut dyn Iterator<Item = u64>| bytes.fold(0, u64::saturating_add);
        Ok(match self {
            Growth::Times => {
                let times = numbers(arguments.get(1), rows)?;
                sum(&mut texts.iter().zip(times).map(|(text, times)| text.saturating_mul(times)))
            }
            Growth::Padded => {
                let widths = numbers(arguments.get(1), rows)?;
                sum(&mut widths.into_iter().map(|width| width.saturating_mul(CHARACTER_BYTES)))
            }
            Growth::Replaced => {
                let with = lengths(arguments.get(2), rows)?;
                sum(&mut texts
                    .iter()
                    .zip(with)
                    .map(|(text, with)| (text + 1).saturating_mul(with + 1)))
            }
        })
    }
}

/// Bytes of each row's text; of NULL, none.
fn lengths(value: Option<&ColumnarValue>, rows: usize) -> Result<Vec<u64>> {
    let Some(value) = value else { return Ok(vec![0; rows]) };
    let texts = cast(&value.to_array(rows)?, &DataType::Utf8)?;
    let texts: &StringArray = texts.as_string();
    Ok(texts.iter().map(|text| text.map_or(0, |text| text.len() as u64)).collect())
}

/// Each row's number; of NULL and below zero, 0.
fn numbers(value: Option<&ColumnarValue>, rows: usize) -> Result<Vec<u64>> {
    let Some(value) = value else { return Ok(vec![0; rows]) };
    let numbers = cast(&value.to_array(rows)?, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Ok(numbers.iter().map(|value| number(value).unwrap_or(0)).collect())
}
