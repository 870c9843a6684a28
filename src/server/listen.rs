//! HTTP on a port: each connection has bounded time for what it sends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::Tls;
use super::accept::{Accepted, accept};
use super::connections::{Connection, Connections};

/// Until the head of a request is whole; between two requests of a connection, too.
const HEAD_TIME_MAX: Duration = Duration::from_secs(60);
/// Until both sides agree on how they encrypt.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// Serves `routes` to whoever connects until `drain` is cancelled.
pub(super) async fn listen(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    routes: Router,
    connections: Connections,
    drain: CancellationToken,
) {
    let draining = drain.clone();
    let serve = move |stream, _, connection| {
        serve(stream, tls.clone(), routes.clone(), Arc::new(connection), draining.clone())
    };
    accept(listener, connections, drain, serve).await;
}

/// Serves one connection until its client leaves, is late, or has to make room.
async fn serve(
    stream: Accepted,
    tls: Option<Arc<Tls>>,
    routes: Router,
    connection: Arc<Connection>,
    drain: CancellationToken,
) {
    let Some(tls) = tls else { return answer(stream, false, routes, connection, drain).await };
    let evicted = connection.evicted();
    let handshake = tokio::time::timeout(HANDSHAKE_TIME_MAX, tls.accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = evicted.cancelled() => return,
        () = drain.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => answer(stream, true, routes, connection, drain).await,
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake that did not end"),
    }
}

/// Answers the requests of one connection.
async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    is_encrypted: bool,
    routes: Router,
    connection: Arc<Connection>,
    drain: CancellationToken,
) {
    let evicted = connection.evicted();
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        if is_encrypted {
            // What a proxy in front would say; the pages' cookie is then for encrypted lines alone.
            let https = HeaderValue::from_static("https");
            request.headers_mut().insert("x-forwarded-proto", https);
        }
        let mut routes = routes.clone();
        async move {
            Ok::<_, Infallible>(routes.call(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let served = http.serve_connection(TokioIo::new(stream), answer).with_upgrades();
    let mut served = std::pin::pin!(served);
    tokio::select! {
        _ = served.as_mut() => return,
        () = evicted.cancelled() => return,
        () = drain.cancelled() => served.as_mut().graceful_shutdown(),
    }
    // A client's own breaking off is no error of ours.
    let _ = served.await;
}
