//! Values for a query's parameters.

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use serde::{Deserialize, Serialize};

use crate::model::Micros;

/// A value that stands in a query as `$name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Time(Micros),
    Text(String),
    Integer(i64),
    /// A finite number: JSON, in which it goes to where it is computed with, has no other.
    Float(f64),
    Boolean(bool),
    /// Days since 1970.
    Date(i32),
    Texts(Vec<Option<String>>),
    Integers(Vec<Option<i64>>),
    Null,
}

impl From<Value> for ScalarValue {
    fn from(value: Value) -> ScalarValue {
        match value {
            Value::Time(time) => {
                ScalarValue::TimestampMicrosecond(Some(time.0), Some("UTC".into()))
            }
            Value::Text(text) => ScalarValue::from(text),
            Value::Integer(number) => ScalarValue::from(number),
            Value::Float(number) => ScalarValue::from(number),
            Value::Boolean(truth) => ScalarValue::from(truth),
            Value::Date(days) => ScalarValue::Date32(Some(days)),
            Value::Texts(texts) => list(texts.into_iter().map(ScalarValue::Utf8), &DataType::Utf8),
            Value::Integers(numbers) => {
                list(numbers.into_iter().map(ScalarValue::Int64), &DataType::Int64)
            }
            Value::Null => ScalarValue::Null,
        }
    }
}

fn list(items: impl Iterator<Item = ScalarValue>, of: &DataType) -> ScalarValue {
    let items: Vec<ScalarValue> = items.collect();
    ScalarValue::List(ScalarValue::new_list_nullable(&items, of))
}
