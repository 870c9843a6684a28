//! One port for everything: the API's routes, and the pages that are handed in.

use std::io;

use axum::Router;
use tokio::net::TcpListener;

use super::listen::listen;
use super::{Service, http, websocket};

/// Serves the API and `pages` until `service` is stopped.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    pages: Router<Service>,
) -> io::Result<()> {
    let (stop, connections) = (service.stop.clone(), service.connections.clone());
    let routes = pages.merge(http::routes()).merge(websocket::routes()).with_state(service);
    listen(listener, routes, connections, stop).await
}
