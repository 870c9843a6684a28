//! Values that a client binds to the `$1`, `$2` … of a query: of the type that it gave, or else of the
//! one that the engine expects there.

use super::columns::Format;
use super::kind::Kind;
use super::{binary, written};
use crate::model::FieldError;
use crate::sql::Value;

/// A value as a client sends it: none is NULL.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    pub bytes: Option<&'a [u8]>,
    pub format: Format,
    /// Number of its type.
    pub type_oid: u32,
}

/// Values for the parameters of a query, in their order, each with the number of its type.
///
/// # Errors
/// For a value that is none of its type: it is named, with its parameter.
pub fn bind(bound: &[Bound<'_>]) -> Result<Vec<(u32, Value)>, FieldError> {
    let values = (1..).zip(bound).map(|(number, bound): (usize, _)| {
        let value = match bound.bytes {
            Some(bytes) => value_of(bytes, bound).map_err(|(shown, rule)| {
                FieldError::new(format!("parameter ${number}"), shown, rule)
            })?,
            None => Value::Null,
        };
        Ok((bound.type_oid, value))
    });
    values.collect()
}

/// What is wrong with a value: how it is shown, and the rule that it breaks.
type Wrong = (String, String);

fn value_of(bytes: &[u8], bound: &Bound<'_>) -> Result<Value, Wrong> {
    let Some(kind) = Kind::of_oid(bound.type_oid) else {
        let shown = format!("of type {}", bound.type_oid);
        return Err((
            shown,
            "be a number, a text, a truth, a date or an instant, or a list of numbers or texts"
                .to_string(),
        ));
    };
    match bound.format {
        Format::Binary => {
            let shown = || format!("{} bytes", bytes.len());
            binary::value(bytes, kind)
                .ok_or_else(|| (shown(), format!("be a {} in binary form", kind.phrase())))
        }
        Format::Text => {
            let text = str::from_utf8(bytes).map_err(|_| {
                (String::from_utf8_lossy(bytes).into_owned(), "be UTF-8".to_string())
            })?;
            written::value(text, kind)
                .ok_or_else(|| (text.to_string(), format!("be a {}", kind.phrase())))
        }
    }
}

#[cfg(test)]
mod tests {
    use pgwire::api::Type;

    use super::*;
    use crate::model::Micros;

    fn bound(known: &Type, format: Format, bytes: &[u8]) -> Result<Value, String> {
        let bound = Bound { bytes: Some(bytes), format, type_oid: known.oid() };
        let values = bind(&[bound]).map_err(|error| error.to_string())?;
        assert_eq!(values[0].0, known.oid());
        Ok(values[0].1.clone())
    }

    #[test]
    fn values_are_read_from_both_forms() {
        let text = |text: &str| Value::Text(text.to_string());
        let texts = |texts: &[Option<&str>]| {
            Value::Texts(texts.iter().map(|text| text.map(str::to_string)).collect())
        };
        let array = |oid: u32, items: &[Option<&[u8]>]| {
            let header = [1, 1, oid, items.len() as u32, 1].map(u32::to_be_bytes).concat();
            items.iter().fold(header, |mut bytes, item| {
                bytes.extend(item.map_or(-1, |item| item.len() as i32).to_be_bytes());
                bytes.extend(item.unwrap_or_default());
                bytes
            })
        };
        let noon = Value::Time(Micros(1_795_089_600_000_000));
        let since_2000 = 1_795_089_600_000_000_i64 - 946_684_800_000_000;
        let cases: Vec<(Type, Format, Vec<u8>, Value)> = vec![
            (Type::BOOL, Format::Text, b"t".to_vec(), Value::Boolean(true)),
            (Type::BOOL, Format::Binary, vec![0], Value::Boolean(false)),
            (Type::INT2, Format::Binary, vec![0xff, 0xfe], Value::Integer(-2)),
            (Type::INT4, Format::Text, b" 7".to_vec(), Value::Integer(7)),
            (Type::INT8, Format::Binary, 9_i64.to_be_bytes().to_vec(), Value::Integer(9)),
            (Type::FLOAT8, Format::Binary, 0.5_f64.to_be_bytes().to_vec(), Value::Float(0.5)),
            (Type::FLOAT8, Format::Text, b"-1e3".to_vec(), Value::Float(-1000.0)),
            (Type::NUMERIC, Format::Text, b"12.5".to_vec(), Value::Float(12.5)),
            // 12.5: digits 12 and 5000, the first of weight 0.
            (
                Type::NUMERIC,
                Format::Binary,
                vec![0, 2, 0, 0, 0, 0, 0, 1, 0, 12, 0x13, 0x88],
                Value::Float(12.5),
            ),
            (Type::TEXT, Format::Text, "退款".as_bytes().to_vec(), text("退款")),
            (Type::UNKNOWN, Format::Text, b"'; drop table".to_vec(), text("'; drop table")),
            (Type::DATE, Format::Text, b"2026-11-19".to_vec(), Value::Date(20_776)),
            (
                Type::DATE,
                Format::Binary,
                (20_776_i32 - 10_957).to_be_bytes().to_vec(),
                Value::Date(20_776),
            ),
            (Type::TIMESTAMPTZ, Format::Text, b"2026-11-19 20:00:00+08".to_vec(), noon.clone()),
            (Type::TIMESTAMPTZ, Format::Text, b"2026-11-19T12:00:00.000Z".to_vec(), noon.clone()),
            (Type::TIMESTAMP, Format::Text, b"2026-11-19 12:00:00".to_vec(), noon.clone()),
            (Type::TIMESTAMPTZ, Format::Binary, since_2000.to_be_bytes().to_vec(), noon),
            (
                Type::TEXT_ARRAY,
                Format::Text,
                br#"{a,"b, \"c\"",NULL,"NULL"}"#.to_vec(),
                texts(&[Some("a"), Some("b, \"c\""), None, Some("NULL")]),
            ),
            (
                Type::TEXT_ARRAY,
                Format::Binary,
                array(25, &[Some(b"a"), None]),
                texts(&[Some("a"), None]),
            ),
            (
                Type::INT4_ARRAY,
                Format::Text,
                b"{1,-2}".to_vec(),
                Value::Integers(vec![Some(1), Some(-2)]),
            ),
            (
                Type::INT4_ARRAY,
                Format::Binary,
                array(23, &[Some(&[0, 0, 0, 5])]),
                Value::Integers(vec![Some(5)]),
            ),
            (Type::TEXT_ARRAY, Format::Text, b"{}".to_vec(), texts(&[])),
        ];
        for (known, format, bytes, value) in cases {
            assert_eq!(bound(&known, format, &bytes), Ok(value), "{known} {format:?} {bytes:?}");
        }
    }

    #[test]
    fn what_is_none_of_its_type_is_named() {
        for (known, text) in [
            (Type::INT4, "3000000000"),
            (Type::INT8, "seven"),
            (Type::BOOL, "maybe"),
            (Type::FLOAT8, "NaN"),
            (Type::DATE, "2026-13-01"),
            (Type::TIMESTAMPTZ, "yesterday"),
            (Type::TEXT_ARRAY, "{a,\"b}"),
            (Type::INT8_ARRAY, "{1,x}"),
            (Type::BYTEA, "\\x00"),
        ] {
            let error = bound(&known, Format::Text, text.as_bytes()).unwrap_err();
            let shown = if known == Type::BYTEA { "of type 17" } else { text };
            assert!(error.contains("parameter $1") && error.contains(shown), "{error}");
        }
        for known in [
            Type::BOOL,
            Type::INT2,
            Type::INT8,
            Type::FLOAT4,
            Type::FLOAT8,
            Type::NUMERIC,
            Type::DATE,
            Type::TIMESTAMP,
            Type::TEXT_ARRAY,
            Type::INT8_ARRAY,
        ] {
            for bytes in [&[][..], &[0xff; 3][..], &[0xff; 13][..], &[0x7f; 40][..]] {
                assert!(bound(&known, Format::Binary, bytes).is_err(), "{known} {bytes:?}");
            }
        }
        assert!(bound(&Type::TEXT, Format::Text, &[0xff]).unwrap_err().contains("UTF-8"));
    }
}
