//! One port for everything: the API's routes, and the pages that are handed in.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use super::{Service, http, websocket};

/// How long requests under way may take to end after a stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// Serves the API and `pages` until `service` is stopped. Long answers end then; others have
/// [`STOP_TIME_MAX`].
pub async fn serve(
    listener: TcpListener,
    service: Service,
    pages: Router<Service>,
) -> io::Result<()> {
    let stop = service.stop.clone();
    let routes = pages.merge(http::routes()).merge(websocket::routes()).with_state(service);
    let connections = routes.into_make_service_with_connect_info::<std::net::SocketAddr>();
    let serving =
        axum::serve(listener, connections).with_graceful_shutdown(stop.clone().cancelled_owned());
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_TIME_MAX).await;
    };
    tokio::select! {
        served = serving => served,
        () = deadline => Ok(()),
    }
}
