//! Values for a query's parameters.

use datafusion::scalar::ScalarValue;
use serde::{Deserialize, Serialize};

use crate::model::Micros;

/// A value that stands in a query as `$name`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    Time(Micros),
    Text(String),
    Integer(i64),
}

impl From<Value> for ScalarValue {
    fn from(value: Value) -> ScalarValue {
        match value {
            Value::Time(time) => {
                ScalarValue::TimestampMicrosecond(Some(time.0), Some("UTC".into()))
            }
            Value::Text(text) => ScalarValue::from(text),
            Value::Integer(number) => ScalarValue::from(number),
        }
    }
}
