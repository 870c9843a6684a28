//! A query with its values written in, for people to read and to copy.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{NaiveDate, TimeDelta};
use datafusion::sql::sqlparser::ast::{
    Array, DataType, Expr, Query, TimezoneInfo, TypedString, UnaryOperator, Value as Literal,
    visit_expressions_mut,
};

use super::tree::text_of;
use crate::sql::{SqlError, Value};

/// The text of `tree` in which each `$name` is its value: a literal of the tree, so that whatever a value
/// says stays one.
pub(in crate::sql) fn written(
    mut tree: Query,
    values: Vec<(String, Value)>,
) -> Result<String, SqlError> {
    let values: BTreeMap<String, Value> = values.into_iter().collect();
    let _ = visit_expressions_mut(&mut tree, |expression: &mut Expr| {
        if let Expr::Value(literal) = expression
            && let Literal::Placeholder(name) = &literal.value
            && let Some(value) = name.strip_prefix('$').and_then(|name| values.get(name))
        {
            *expression = literal_of(value);
        }
        ControlFlow::<()>::Continue(())
    });
    text_of(&tree)
}

fn literal_of(value: &Value) -> Expr {
    match value {
        Value::Null => Expr::value(Literal::Null),
        Value::Time(time) => typed(DataType::Timestamp(None, TimezoneInfo::Tz), time.to_string()),
        Value::Text(text) => text_literal(text),
        Value::Integer(number) => number_literal(*number < 0, number.unsigned_abs().to_string()),
        Value::Float(number) => {
            number_literal(number.is_sign_negative(), format!("{:?}", number.abs()))
        }
        Value::Boolean(truth) => Expr::value(Literal::Boolean(*truth)),
        Value::Date(days) => {
            let day = NaiveDate::default().checked_add_signed(TimeDelta::days((*days).into()));
            typed(DataType::Date, day.unwrap_or_default().to_string())
        }
        Value::Texts(texts) => list(texts.iter().map(|text| text.clone().map(Value::Text))),
        Value::Integers(numbers) => list(numbers.iter().map(|number| number.map(Value::Integer))),
    }
}

fn list(items: impl Iterator<Item = Option<Value>>) -> Expr {
    let elem = items.map(|item| literal_of(&item.unwrap_or(Value::Null))).collect();
    Expr::Array(Array { elem, named: true })
}

fn text_literal(text: &str) -> Expr {
    Expr::value(Literal::SingleQuotedString(text.to_string()))
}

/// A sign is an operator, as the parser reads it.
fn number_literal(is_negative: bool, digits: String) -> Expr {
    let number = Expr::value(Literal::Number(digits, false));
    if is_negative {
        return Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number) };
    }
    number
}

fn typed(data_type: DataType, text: String) -> Expr {
    let value = Literal::SingleQuotedString(text).into();
    Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false })
}

#[cfg(test)]
mod tests {
    use super::super::tree::parsed;
    use super::*;
    use crate::model::Micros;

    /// Quotes behind a backslash, and pairs of them, are written by the parser's library as they stand.
    #[test]
    fn no_value_becomes_sql() {
        for evil in
            ["x'", "''", "\\'", "\\' OR 1 = 1 --", "a''b", "'''", "\\\\'", "\0'", "$n", "') --"]
        {
            let tree =
                parsed("SELECT * FROM turns WHERE agent = $agent AND team = '\\'''").unwrap();
            let values = vec![("agent".to_string(), Value::Text(evil.to_string()))];
            let text = written(tree, values).unwrap();
            let expected = format!("agent = '{}'", evil.replace('\'', "''"));
            assert!(text.contains(&expected), "{text}");
            assert!(text.contains("team = '\\'''"), "{text}");
        }
    }

    #[test]
    fn every_value_is_a_literal() {
        for (value, expected) in [
            (Value::Null, "NULL"),
            (Value::Time(Micros(0)), "TIMESTAMPTZ '1970-01-01T00:00:00.000000Z'"),
            (Value::Integer(3), "3"),
            (Value::Integer(i64::MIN), "-9223372036854775808"),
            (Value::Float(-0.5), "-0.5"),
            (Value::Boolean(true), "true"),
        ] {
            let tree = parsed("SELECT turn FROM turns WHERE x = $x").unwrap();
            let text = written(tree, vec![("x".to_string(), value)]).unwrap();
            assert!(text.ends_with(&format!("x = {expected}")), "{text}");
        }
    }
}
