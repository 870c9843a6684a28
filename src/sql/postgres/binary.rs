//! Values in Postgres' binary form: numbers with their first byte first, times since 2000.

use super::kind::{Kind, finite};
use crate::model::Micros;
use crate::sql::Value;

/// From 1970 to 2000.
const DAYS_TO_2000: i32 = 10_957;
const MICROS_TO_2000: i64 = DAYS_TO_2000 as i64 * 86_400_000_000;
/// Digits of a `numeric` are of base 10,000.
const NUMERIC_BASE: f64 = 10_000.0;
const NUMERIC_NEGATIVE: u16 = 0x4000;

/// The value in `bytes`, if there is one of this kind and nothing else.
pub(super) fn value(bytes: &[u8], kind: Kind) -> Option<Value> {
    let mut left = Left(bytes);
    let value = match kind {
        Kind::Boolean => match left.take::<1>()? {
            [0] => Value::Boolean(false),
            [1] => Value::Boolean(true),
            _ => return None,
        },
        Kind::Integer(size) => Value::Integer(left.integer(size)?),
        Kind::Float(4) => finite(f32::from_be_bytes(left.take()?).into())?,
        Kind::Float(_) => finite(f64::from_be_bytes(left.take()?))?,
        Kind::Numeric => numeric(&mut left)?,
        Kind::Text => Value::Text(str::from_utf8(left.all()).ok()?.to_string()),
        Kind::Date => Value::Date(i32::from_be_bytes(left.take()?).checked_add(DAYS_TO_2000)?),
        Kind::Instant => {
            let micros = i64::from_be_bytes(left.take()?).checked_add(MICROS_TO_2000)?;
            Value::Time(Micros(micros))
        }
        Kind::Texts => {
            let text = |bytes: &[u8]| Some(str::from_utf8(bytes).ok()?.to_string());
            Value::Texts(items(&mut left, text)?)
        }
        Kind::Integers(size) => {
            let integer = |bytes: &[u8]| {
                let mut left = Left(bytes);
                left.integer(size).filter(|_| left.0.is_empty())
            };
            Value::Integers(items(&mut left, integer)?)
        }
    };
    left.0.is_empty().then_some(value)
}

/// What is left of a value.
struct Left<'a>(&'a [u8]);

impl<'a> Left<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, left) = self.0.split_first_chunk::<N>()?;
        self.0 = left;
        Some(*taken)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn integer(&mut self, size: u8) -> Option<i64> {
        Some(match size {
            2 => i16::from_be_bytes(self.take()?).into(),
            4 => i32::from_be_bytes(self.take()?).into(),
            _ => i64::from_be_bytes(self.take()?),
        })
    }
}

/// Count of digits, weight of the first, sign, digits behind the point (which the digits tell already),
/// and the digits.
fn numeric(left: &mut Left<'_>) -> Option<Value> {
    let count = u16::from_be_bytes(left.take()?);
    let weight = i16::from_be_bytes(left.take()?);
    let sign = u16::from_be_bytes(left.take()?);
    let _scale: [u8; 2] = left.take()?;
    if !matches!(sign, 0 | NUMERIC_NEGATIVE) {
        return None;
    }
    let mut number = 0.0;
    for place in 0..count {
        let digit = u16::from_be_bytes(left.take()?);
        let power = i32::from(weight) - i32::from(place);
        number += f64::from(digit) * NUMERIC_BASE.powi(power);
    }
    finite(if sign == 0 { number } else { -number })
}

/// The items of a list of one dimension.
fn items<T>(left: &mut Left<'_>, item: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<Option<T>>> {
    let dimensions = i32::from_be_bytes(left.take()?);
    let _flags_and_type: [u8; 8] = left.take()?;
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let count = i32::from_be_bytes(left.take()?);
    let _first_index: [u8; 4] = left.take()?;
    if dimensions != 1 {
        return None;
    }
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(match i32::from_be_bytes(left.take()?) {
            -1 => None,
            length => Some(item(left.slice(usize::try_from(length).ok()?)?)?),
        });
    }
    Some(items)
}
