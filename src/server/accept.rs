//! Accepts connections, so that none of them is in another's way: as many as there are descriptors for, on all ports
//! together. Strangers make room for those who showed a token, and nobody waits for who takes nothing.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use super::connections::{Connection, Connections};

/// A client that takes nothing of its answer for so long is cut off.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long what is under way may take to end after a stop began.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// After a failure to accept, which comes again at once while descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection that fails where its client takes nothing.
pub(super) type Accepted = Pin<Box<TimeoutStream<TcpStream>>>;

/// Has `serve` serve whoever connects until `drain` is cancelled. Nobody else is let in then; long answers and sockets
/// end by themselves, and others have [`DRAIN_TIME_MAX`].
pub(super) async fn accept<Served: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    connections: Connections,
    drain: CancellationToken,
    serve: impl Fn(Accepted, SocketAddr, Connection) -> Served,
) {
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
            Ok((stream, peer)) => {
                // Frames and answers are small: they do not wait for the other side to acknowledge the last.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection that is gone already");
                    continue;
                }
                let mut stream = TimeoutStream::new(stream);
                stream.set_write_timeout(Some(WRITE_TIME_MAX));
                tokio::spawn(serve(Box::pin(stream), peer, connections.open()));
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
}
