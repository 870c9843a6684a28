//! What a form sent in an address. A page's own form cannot send it wrong, but people edit
//! addresses and links get mangled: that is answered by the page with its form, never by a bare
//! error.
//!
//! Invariant: reading never fails. Unknown fields are left out, of a repeated field the last one
//! counts, and bytes that are not text become replacement characters.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, MapDeserializer};

/// The fields of an address's query. `T` has only text fields, each with a default.
pub(super) struct Typed<T>(pub T);

impl<S: Sync, T: DeserializeOwned + Default> FromRequestParts<S> for Typed<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Typed<T>, Infallible> {
        Ok(Typed(read(parts.uri.query().unwrap_or_default())))
    }
}

fn read<T: DeserializeOwned + Default>(query: &str) -> T {
    let fields: BTreeMap<_, _> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    T::deserialize(MapDeserializer::<_, Error>::new(fields.into_iter())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Fields {
        words: String,
        order: String,
    }

    #[test]
    fn whatever_is_sent_is_read() {
        let cases = [
            ("", "", ""),
            ("words=%E9%80%80+x&order=1", "退 x", "1"),
            ("words=a&words=b&else=c", "b", ""),
            ("words=%FF%zz&&=&order", "\u{fffd}%zz", ""),
        ];
        for (query, words, order) in cases {
            let expected = Fields { words: words.to_string(), order: order.to_string() };
            assert_eq!(read::<Fields>(query), expected, "{query}");
        }
    }
}
