//! Values for a query's parameters.

use datafusion::scalar::ScalarValue;

use crate::model::Micros;

/// A value for a query's parameter.
pub type Value = ScalarValue;

/// An instant as a query's value.
pub fn time_value(instant: Micros) -> Value {
    ScalarValue::TimestampMicrosecond(Some(instant.0), Some("UTC".into()))
}
