//! For what somebody asks, read from a request: the headers `verbatim-case` and `verbatim-reason`, or the
//! cookies of the same names that the pages set. Values are UTF-8, percent-encoded where they are not
//! ASCII.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::auth::cookie;
use super::{Problem, Service};
use crate::model::{FieldError, Purpose};

/// Header and cookie with the number of the case that somebody works on.
pub const CASE_HEADER: &str = "verbatim-case";
/// Header and cookie with why somebody asks.
pub const REASON_HEADER: &str = "verbatim-reason";

/// The purpose of a request, which may have none. One that is too long is refused: cut, it might name
/// another case.
pub struct For(pub Purpose);

impl FromRequestParts<Service> for For {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Service) -> Result<For, Problem> {
        Ok(For(purpose_in(&parts.headers)?))
    }
}

fn purpose_in(headers: &HeaderMap) -> Result<Purpose, FieldError> {
    let said = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        let value = value.or_else(|| cookie(headers, name))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    };
    Purpose::new(said(CASE_HEADER), said(REASON_HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_in_headers_or_cookies() {
        let purpose = |named: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in named {
                headers.insert(*name, value.parse().unwrap());
            }
            purpose_in(&headers).map(|Purpose { case, reason }| (case, reason))
        };
        let said = |text: &str| Some(text.to_string());
        assert_eq!(purpose(&[]), Ok((None, None)));
        let headers = [("verbatim-case", "D-17"), ("verbatim-reason", "%E9%80%80%E6%AC%BE 5%25")];
        assert_eq!(purpose(&headers), Ok((said("D-17"), said("退款 5%"))));
        let cookies = [("cookie", "a=b; verbatim-case=D%2017; verbatim_token=x")];
        assert_eq!(purpose(&cookies), Ok((said("D 17"), None)));
        let long = "x".repeat(129);
        assert_eq!(purpose(&[("verbatim-case", &long)]).unwrap_err().field, "case");
    }
}
