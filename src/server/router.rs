//! One port for everything: the API's routes, and the pages that are handed in.

use std::sync::Arc;

use axum::routing::any;
use axum::{Router, middleware};
use tokio::net::TcpListener;

use super::admission::{admit, refuse};
use super::listen::listen;
use super::routes::{Served, router};
use super::{Service, Tls, http, websocket};

/// The routes for programs.
pub fn served() -> Vec<Served> {
    http::served().into_iter().chain(websocket::served()).collect()
}

/// Serves the API and `pages` until `service` is drained.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    service: Service,
    pages: Router<Service>,
) {
    let (drain, connections) = (service.drain.clone(), service.connections.clone());
    let admitted = middleware::from_fn_with_state(service.clone(), admit);
    let api = router(served()).layer(middleware::from_fn(refuse));
    let routes = pages.merge(api).route("/v1/{*path}", any(http::no_route));
    let routes = routes.method_not_allowed_fallback(http::wrong_method).layer(admitted);
    let routes = routes.with_state(service);
    listen(listener, tls, routes, connections, drain).await;
}
