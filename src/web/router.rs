//! The pages' routes, and the headers that every answer carries.
//!
//! Invariant: every page leaves through [`guard`].

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use super::{assets, pages};
use crate::server::Service;

/// A token and an address. Whoever signs in has shown none yet.
const LOGIN_BYTES_MAX: usize = 8 * 1024;

/// Everything from here, nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// The pages' routes, and a page for addresses that lead nowhere.
pub fn routes() -> Router<Service> {
    // A bundle's length is said before its first byte, and no compression keeps that.
    let compressible = DefaultPredicate::new().and(NotForContentType::const_new("application/zip"));
    Router::new()
        .route("/", get(pages::dashboard::show))
        .route("/questions/{name}", get(pages::question::show))
        .route("/search", get(pages::search::show))
        .route("/conversations/{id}", get(pages::transcript::show))
        .route("/orders/{id}", get(pages::conversations::order))
        .route("/customers/{id}", get(pages::conversations::customer))
        .route("/agents/{id}", get(pages::conversations::agent))
        .route(
            "/evidence",
            get(pages::evidence::show)
                .post(pages::evidence::make)
                .layer(DefaultBodyLimit::max(LOGIN_BYTES_MAX)),
        )
        .route(
            "/case",
            get(pages::case::show)
                .post(pages::case::submit)
                .layer(DefaultBodyLimit::max(LOGIN_BYTES_MAX)),
        )
        .route(
            "/login",
            get(pages::login::show)
                .post(pages::login::submit)
                .layer(DefaultBodyLimit::max(LOGIN_BYTES_MAX)),
        )
        .route("/logout", get(pages::login::leave).post(pages::login::leave))
        .route("/assets/{name}", get(assets::serve))
        .fallback(pages::not_found)
        // Layers wrap what stands above them, so they come last.
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(axum::middleware::map_response(guard))
}

/// Adds the headers that every page carries.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Pages hold what people said: no cache keeps them. Assets have said otherwise already.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_answer_is_guarded_and_only_assets_are_kept() {
        let guarded = guard(Response::default()).await;
        let header = |response: &Response, name: &str| {
            response.headers()[name].to_str().unwrap().to_string()
        };
        let policy = header(&guarded, "content-security-policy");
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert!(!policy.contains("style-src") && !policy.contains("data:"), "{policy}");
        assert_eq!(header(&guarded, "x-content-type-options"), "nosniff");
        assert_eq!(header(&guarded, "referrer-policy"), "no-referrer");
        assert_eq!(header(&guarded, "cache-control"), "no-store");
        let mut asset = Response::default();
        asset
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
        assert_eq!(header(&guard(asset).await, "cache-control"), "public, immutable");
    }
}
