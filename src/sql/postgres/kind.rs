//! Types of values that may be bound.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use pgwire::api::Type;

use crate::sql::Value;

/// What the engine makes of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    /// Of so many bytes.
    Integer(u8),
    Float(u8),
    /// A number of any length, which is counted with as a `double precision` here.
    Numeric,
    Text,
    Date,
    /// With a zone or without, which is UTC.
    Instant,
    Texts,
    /// Numbers of so many bytes.
    Integers(u8),
}

impl Kind {
    /// The kind of the type with this number.
    pub(super) fn of_oid(oid: u32) -> Option<Kind> {
        Kind::of(&Type::from_oid(oid)?)
    }

    fn of(known: &Type) -> Option<Kind> {
        Some(match *known {
            Type::BOOL => Kind::Boolean,
            Type::INT2 => Kind::Integer(2),
            Type::INT4 | Type::OID | Type::REGCLASS | Type::REGTYPE => Kind::Integer(4),
            Type::INT8 => Kind::Integer(8),
            Type::FLOAT4 => Kind::Float(4),
            Type::FLOAT8 => Kind::Float(8),
            Type::NUMERIC => Kind::Numeric,
            Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::CHAR
            | Type::JSON
            | Type::UUID => Kind::Text,
            Type::DATE => Kind::Date,
            Type::TIMESTAMP | Type::TIMESTAMPTZ => Kind::Instant,
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::NAME_ARRAY => Kind::Texts,
            Type::INT2_ARRAY => Kind::Integers(2),
            Type::INT4_ARRAY => Kind::Integers(4),
            Type::INT8_ARRAY => Kind::Integers(8),
            _ => return None,
        })
    }

    /// As what the engine takes it.
    pub(super) fn data_type(self) -> DataType {
        let list = |of: DataType| DataType::List(Arc::new(Field::new_list_field(of, true)));
        match self {
            Kind::Boolean => DataType::Boolean,
            Kind::Integer(2) => DataType::Int16,
            Kind::Integer(4) => DataType::Int32,
            Kind::Integer(_) => DataType::Int64,
            Kind::Float(4) => DataType::Float32,
            Kind::Float(_) | Kind::Numeric => DataType::Float64,
            Kind::Text => DataType::Utf8,
            Kind::Date => DataType::Date32,
            Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Texts => list(DataType::Utf8),
            Kind::Integers(2) => list(DataType::Int16),
            Kind::Integers(4) => list(DataType::Int32),
            Kind::Integers(_) => list(DataType::Int64),
        }
    }

    pub(super) fn phrase(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Integer(2) => "smallint",
            Kind::Integer(4) => "integer",
            Kind::Integer(_) => "bigint",
            Kind::Float(_) => "finite double precision",
            Kind::Numeric => "finite numeric",
            Kind::Text => "text",
            Kind::Date => "date",
            Kind::Instant => "timestamp",
            Kind::Texts => "text[]",
            Kind::Integers(_) => "bigint[]",
        }
    }
}

/// A number as a value, where it is one that JSON has.
pub(super) fn finite(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Float(number))
}
