//! Accepts connections, so that none of them is in another's way: as many as there are descriptors
//! for, each with bounded time for what it sends and takes. Strangers make room for those who showed
//! a token.

use std::convert::Infallible;
use std::io;
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
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::Tls;
use super::connections::{Connection, Connections};

/// Until the head of a request is whole; between two requests of a connection, too.
const HEAD_TIME_MAX: Duration = Duration::from_secs(60);
/// Until both sides agree on how they encrypt.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// A client that takes nothing of its answer for so long is cut off.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long requests and sockets under way may take to end after a stop began.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// After a failure to accept, which comes again at once while descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `routes` to whoever connects until `drain` is cancelled. Nobody else is let in then; long
/// answers and sockets end by themselves, and others have [`DRAIN_TIME_MAX`].
pub(super) async fn listen(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    routes: Router,
    connections: Connections,
    drain: CancellationToken,
) -> io::Result<()> {
    loop {
        let accepted = async {
            connections.room().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = drain.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = Arc::new(connections.open());
                let (tls, routes) = (tls.clone(), routes.clone());
                tokio::spawn(serve(stream, tls, routes, connection, drain.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME_MAX, connections.drained()).await.is_err() {
        tracing::warn!("some requests did not end within {} s", DRAIN_TIME_MAX.as_secs());
    }
    Ok(())
}

/// Serves one connection until its client leaves, is late, or has to make room.
async fn serve(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    routes: Router,
    connection: Arc<Connection>,
    drain: CancellationToken,
) {
    // Frames and answers are small: they do not wait for the other side to acknowledge the last.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection that is gone already");
        return;
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME_MAX));
    let stream = Box::pin(stream);
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
