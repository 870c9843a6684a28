//! RFC 8785 JSON as evidence holds it: without fractions, so that there is one way to write each value,
//! and every reader reads the same.
//!
//! What has a name twice, spaces, another order, an integer that a double cannot hold, or more depth
//! than [`DEPTH_MAX`] is no such JSON: readers differ in what they make of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Objects and lists in each other: ours have five.
const DEPTH_MAX: usize = 32;
/// Integers from here on are not all doubles.
pub(super) const INTEGER_END: u64 = 1 << 53;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(u64),
    Text(String),
    List(Vec<Json>),
    Object(Object),
}

/// An object; the order of bytes is the order of RFC 8785 for the names we have.
pub(super) type Object = BTreeMap<String, Json>;

impl Json {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Json]> {
        match self {
            Json::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Json::List(list) => 1 + list.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(object) => 1 + object.values().map(Json::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_string())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Text(text)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Json {
        Json::Integer(number)
    }
}

/// An object of these values.
pub(super) fn object<const N: usize>(fields: [(&str, Json); N]) -> Object {
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// The one way to write a value, which must name its fields in order.
pub(super) fn written(value: &impl Serialize) -> String {
    // Of types whose serialization cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// The value that `text` is the one way to write.
pub(super) fn read<T: DeserializeOwned + Serialize>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok().filter(|value| written(value) == text)
}

/// [`read`], of any object.
pub(super) fn read_object(text: &str) -> Option<Object> {
    match read::<Json>(text).filter(|value| value.depth() <= DEPTH_MAX)? {
        Json::Object(object) => Some(object),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without fractions")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        if value < INTEGER_END {
            return Ok(Json::Integer(value));
        }
        Err(E::custom("an integer that is no double"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = map.next_entry()? {
            // A name that stands there twice is not written so again.
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_to_write_it() {
        let one = r#"{"a":[1,true,null,"\n\u0001é😀"],"b":{"c":9007199254740991}}"#;
        assert_eq!(written(&read_object(one).unwrap()), one);
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
        let deeper = format!("{{\"a\":{}", "[".repeat(100_000));
        for other in [
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a": 1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e1}"#,
            r#"{"a":-1}"#,
            r#"{"a":-0}"#,
            r#"{"a":01}"#,
            r#"{"a":NaN}"#,
            r#"{"a":Infinity}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"a":123456789012345678901234567890}"#,
            r#"{"a":"\u00e9"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\/"}"#,
            "{\"a\":\"\u{1}\"}",
            "{\"a\":1}\n",
            "\u{feff}{\"a\":1}",
            "[1]",
            "1",
            "",
            deep.as_str(),
            deeper.as_str(),
        ] {
            assert_eq!(read_object(other), None, "{other:.60}");
        }
    }
}
