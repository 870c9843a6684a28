//! One port for everything: the relay's doors, questions, pages.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Web, api, not_found};
use crate::relay;

/// How long requests under way may take to end after a stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// Serves until `stop`. Long answers end then; others have [`STOP_TIME_MAX`].
pub async fn serve(listener: TcpListener, web: Web, stop: CancellationToken) -> io::Result<()> {
    let serving = axum::serve(listener, service(web)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_TIME_MAX).await;
    };
    tokio::select! {
        served = serving => served,
        () = deadline => Ok(()),
    }
}

fn service(web: Web) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let relay = relay::routes().with_state(web.relay.clone());
    let questions = Router::new().merge(api::routes()).merge(super::routes()).with_state(web);
    relay.merge(questions).fallback(not_found).into_make_service_with_connect_info()
}
