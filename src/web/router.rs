//! The pages' routes, and the headers that every answer carries.
//!
//! Invariant: every page leaves through [`guard`].

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use super::visitor::refuse;
use super::{assets, pages};
use crate::server::{Served, Service, router};

/// A token and an address. Whoever signs in has shown none yet.
const LOGIN_BYTES_MAX: usize = 8 * 1024;

/// Everything from here, nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// The pages' routes. What each asks first stands in the server's table.
fn served() -> Vec<Served> {
    let short = || DefaultBodyLimit::max(LOGIN_BYTES_MAX);
    vec![
        Served::get("/", pages::dashboard::overview),
        Served::get("/dashboards/{page}", pages::dashboard::show),
        Served::get("/explain/{name}", pages::explain::show),
        Served::get("/charts/{file}", pages::picture::show),
        Served::get("/questions/{name}", pages::question::show),
        Served::get("/search", pages::search::show),
        Served::get("/conversations/{id}", pages::transcript::show),
        Served::get("/orders/{id}", pages::conversations::order),
        Served::get("/customers/{id}", pages::conversations::customer),
        Served::get("/agents/{id}", pages::conversations::agent),
        Served::get("/evidence", pages::evidence::show),
        Served::post("/evidence", pages::evidence::make).with(short()),
        Served::get("/case", pages::case::show),
        Served::post("/case", pages::case::submit).with(short()),
        Served::get("/login", pages::login::show),
        Served::post("/login", pages::login::submit).with(short()),
        Served::get("/logout", pages::login::leave),
        Served::post("/logout", pages::login::leave),
        Served::get("/assets/{name}", assets::serve),
    ]
}

/// The pages' routes, and a page for addresses that lead nowhere.
pub fn routes() -> Router<Service> {
    // A bundle's length is said before its first byte, and no compression keeps that.
    let compressible = DefaultPredicate::new().and(NotForContentType::const_new("application/zip"));
    router(served())
        .fallback(pages::not_found)
        // Layers wrap what stands above them, so they come last.
        .layer(axum::middleware::from_fn(refuse))
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
    use crate::server::{self, ROUTES};

    /// A route that is not in the table would ask no right and record no refusal.
    #[test]
    fn the_routers_have_the_routes_of_the_table_and_no_others() {
        let served: Vec<Served> = server::served().into_iter().chain(super::served()).collect();
        let mut served: Vec<(&str, &str)> = served.iter().map(Served::listed).collect();
        let listed = ROUTES.iter().map(|route| (route.method.as_str(), route.path));
        let mut listed: Vec<(&str, &str)> = listed.collect();
        served.sort_unstable();
        listed.sort_unstable();
        assert_eq!(served, listed);
        listed.dedup();
        assert_eq!(served.len(), listed.len(), "one line each");
    }

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
