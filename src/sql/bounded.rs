//! Functions of the engine whose values can be far larger than what they are given, with a bound on
//! what one call makes. It makes it outside the memory that queries are given, of constants while the
//! query is planned; and one large value becomes thousands where a join or a function repeats it for
//! each row of a batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_dyn;
use arrow::compute::kernels::length::length;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, WindowFunctionDefinition,
};
use datafusion::scalar::ScalarValue;

use super::bounded_aggregate::{self, VALUE_BYTES_MAX};

/// What one call makes at most, of all its rows.
const MADE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes that one byte of a format becomes at most.
const FORMATTED_BYTES: u64 = 32;
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
    /// `to_char(value, format)`: some bytes for each of the format
    Formatted,
    /// `levenshtein(a, b)`: in time, each character with each
    Compared,
    /// `concat(a, b, …)`, `make_array(a, b, …)`: all of them
    Joined,
    /// `concat_ws(separator, a, b, …)`: all of them, and the first between them
    JoinedWith,
}

impl Growth {
    fn of(function: &str) -> Option<Growth> {
        Some(match function {
            "repeat" => Growth::Times,
            "lpad" | "rpad" => Growth::Padded,
            "to_char" => Growth::Formatted,
            "levenshtein" => Growth::Compared,
            "replace" | "regexp_replace" => Growth::Replaced,
            "concat" | "overlay" | "make_array" | "array_concat" | "array_append"
            | "array_prepend" | "array_union" | "array_except" | "array_replace_all"
            | "array_to_string" | "struct" | "named_struct" | "map" => Growth::Joined,
            "concat_ws" => Growth::JoinedWith,
            _ => return None,
        })
    }
}

/// Puts the bounds around every function of a query that grows, however the query came to it.
#[derive(Debug)]
pub(super) struct Bound;

impl FunctionRewrite for Bound {
    fn name(&self) -> &str {
        "bound"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
                let concat = ScalarUDF::from(Concat::new());
                Transformed::yes(concat.call(vec![*left, *right]))
            }
            Expr::ScalarFunction(ScalarFunction { func, args })
                if Growth::of(func.name()).is_some() && !func.inner().is::<Bounded>() =>
            {
                let func = bounded(func);
                Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args }))
            }
            Expr::AggregateFunction(mut function) if bounded_aggregate::grows(&function.func) => {
                function.func = bounded_aggregate::bounded(function.func);
                Transformed::yes(Expr::AggregateFunction(function))
            }
            Expr::WindowFunction(function) => window(*function),
            other => Transformed::no(other),
        })
    }
}

fn window(mut function: WindowFunction) -> Transformed<Expr> {
    match function.fun {
        WindowFunctionDefinition::AggregateUDF(inner) if bounded_aggregate::grows(&inner) => {
            let bounded = bounded_aggregate::bounded(inner);
            function.fun = WindowFunctionDefinition::AggregateUDF(bounded);
            Transformed::yes(Expr::from(function))
        }
        _ => Transformed::no(Expr::from(function)),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

/// `function` with a bound, where its values can grow.
fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match Growth::of(function.name()) {
        Some(growth) => Arc::new(ScalarUDF::from(Bounded { inner: function, growth })),
        None => function,
    }
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
        check(self.name(), self.growth, &arguments.args, arguments.number_rows)?;
        self.inner.invoke_with_args(arguments)
    }
}

/// `a || b`, which is no function of the engine.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Concat {
    signature: Signature,
}

impl Concat {
    fn new() -> Concat {
        Concat { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Concat {
    fn name(&self) -> &str {
        "||"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let is_binary = |given: &DataType| {
            matches!(given, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
        };
        let all = |wanted: &DataType| arguments.iter().all(|given| given == wanted);
        let common = match arguments {
            [first, _] if first.is_string() && all(first) => first.clone(),
            [first, _] if is_binary(first) && arguments.iter().all(is_binary) => DataType::Binary,
            _ => DataType::Utf8,
        };
        Ok(vec![common.clone(), common])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Utf8))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        check(self.name(), Growth::Joined, &arguments.args, rows)?;
        let [left, right] = arguments.args.as_slice() else {
            return exec_err!("|| takes two values");
        };
        if let (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) = (left, right) {
            let joined = concat_elements_dyn(&left.to_array()?, &right.to_array()?)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&joined, 0)?));
        }
        let joined = concat_elements_dyn(&left.to_array(rows)?, &right.to_array(rows)?)?;
        Ok(ColumnarValue::Array(joined))
    }
}

/// Refuses a call that could make more than the bounds.
fn check(function: &str, growth: Growth, arguments: &[ColumnarValue], rows: usize) -> Result<()> {
    let made = growth.most(arguments, rows)?;
    if let Some(value) = made.iter().find(|bytes| **bytes > VALUE_BYTES_MAX) {
        let max = VALUE_BYTES_MAX >> 10;
        return exec_err!("{function} could make a value of {value} bytes, {max} KiB is the most");
    }
    let all = made.iter().sum::<u64>();
    if all > MADE_BYTES_MAX {
        let max = MADE_BYTES_MAX >> 20;
        return exec_err!("{function} could make values of {all} bytes, {max} MiB is the most");
    }
    Ok(())
}

impl Growth {
    /// The most bytes that a call with these arguments makes, of each row.
    fn most(self, arguments: &[ColumnarValue], rows: usize) -> Result<Vec<u64>> {
        let texts = lengths(arguments.first(), rows)?;
        Ok(match self {
            Growth::Times => {
                let times = numbers(arguments.get(1), rows)?;
                texts.iter().zip(times).map(|(text, times)| text.saturating_mul(times)).collect()
            }
            Growth::Padded => {
                let widths = numbers(arguments.get(1), rows)?;
                widths.into_iter().map(|width| width.saturating_mul(CHARACTER_BYTES)).collect()
            }
            Growth::Replaced => {
                let with = lengths(arguments.get(2), rows)?;
                let most = |(text, with): (&u64, u64)| (text + 1).saturating_mul(with + 1);
                texts.iter().zip(with).map(most).collect()
            }
            Growth::Formatted => {
                let formats = lengths(arguments.get(1), rows)?;
                formats.iter().map(|format| format * FORMATTED_BYTES).collect()
            }
            Growth::Compared => {
                let with = lengths(arguments.get(1), rows)?;
                texts.iter().zip(with).map(|(text, with)| text.saturating_mul(with)).collect()
            }
            Growth::Joined => joined(arguments, rows, &vec![0; rows])?,
            Growth::JoinedWith => joined(arguments, rows, &texts)?,
        })
    }
}

/// The lengths of all arguments together, with as many separators.
fn joined(arguments: &[ColumnarValue], rows: usize, separators: &[u64]) -> Result<Vec<u64>> {
    let mut sums = vec![0_u64; rows];
    for argument in arguments {
        let texts = lengths(Some(argument), rows)?;
        for ((sum, text), separator) in sums.iter_mut().zip(texts).zip(separators) {
            *sum = sum.saturating_add(text + separator);
        }
    }
    Ok(sums)
}

/// Bytes of each row's value; of NULL, none.
fn lengths(value: Option<&ColumnarValue>, rows: usize) -> Result<Vec<u64>> {
    match value {
        None => Ok(vec![0; rows]),
        // As one, however many rows it is for: each copy would be as large.
        Some(ColumnarValue::Scalar(value)) => {
            let one = lengths_of(&value.to_array()?)?;
            Ok(vec![one.first().copied().unwrap_or(0); rows])
        }
        Some(ColumnarValue::Array(values)) => lengths_of(values),
    }
}

fn lengths_of(values: &ArrayRef) -> Result<Vec<u64>> {
    let data_type = values.data_type();
    if data_type.is_nested() {
        // Of all rows together: an average.
        let bytes = values.to_data().get_slice_memory_size()? as u64;
        return Ok(vec![bytes / values.len().max(1) as u64; values.len()]);
    }
    let is_binary =
        matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    let texts = if data_type.is_string() || is_binary {
        values.clone()
    } else {
        cast(values, &DataType::Utf8)?
    };
    let lengths = cast(&length(&texts)?, &DataType::Int64)?;
    let lengths = lengths.as_primitive::<Int64Type>();
    Ok(lengths.iter().map(|length| length.unwrap_or(0).unsigned_abs()).collect())
}

/// Each row's number; of NULL and below zero, 0.
fn numbers(value: Option<&ColumnarValue>, rows: usize) -> Result<Vec<u64>> {
    let Some(value) = value else { return Ok(vec![0; rows]) };
    let numbers = cast(&value.to_array(rows)?, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    Ok(numbers.iter().map(|value| number(value).unwrap_or(0)).collect())
}
