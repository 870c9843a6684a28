//! Accepts connections: as many as HTTP's own leave descriptors for, and no more than a bound of their
//! own. Each has bounded time to log in and to take what it asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;

use super::cancel::Cancels;
use super::failure::Failure;
use super::login::log_in;
use super::negotiate::{Begun, begin};
use super::places::Places;
use super::session::Session;
use super::wire::Wire;
use crate::access::Identity;
use crate::server::connections::Connection;
use crate::server::{Service, Tls};

/// From the first byte to the token.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(30);
/// A client that takes nothing of its answer for so long is cut off.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long statements under way may take to end after a stop began.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// After a failure to accept, which comes again at once while descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections are served with.
struct Server {
    service: Service,
    tls: Option<Arc<Tls>>,
    places: Places,
    cancels: Cancels,
}

/// Serves the Postgres wire until `service` is drained: nobody is let in then, and statements under way
/// have [`DRAIN_TIME_MAX`].
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    service: Service,
) -> io::Result<()> {
    let (drain, connections) = (service.drain.clone(), service.connections.clone());
    let (places, cancels) = (Places::default(), Cancels::default());
    let server = Arc::new(Server { service, tls, places, cancels });
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
                let connection = connections.open();
                tokio::spawn(server.clone().serve(stream, peer, connection));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection of the Postgres wire");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME_MAX, connections.drained()).await.is_err() {
        tracing::warn!("some statements did not end within {} s", DRAIN_TIME_MAX.as_secs());
    }
    Ok(())
}

impl Server {
    /// Serves one connection until its client leaves, is late, or has to make room.
    async fn serve(self: Arc<Server>, stream: TcpStream, peer: SocketAddr, connection: Connection) {
        // Answers are small: they do not wait for the other side to acknowledge the last.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection that is gone already");
            return;
        }
        let (evicted, drain) = (connection.evicted(), self.service.drain.clone());
        let begun = tokio::time::timeout(LOGIN_TIME_MAX, self.begin(stream, peer, &connection));
        let session = tokio::select! {
            begun = begun => begun,
            () = evicted.cancelled() => return,
            () = drain.cancelled() => return,
        };
        let Ok(Some(session)) = session else { return };
        tokio::select! {
            () = session.run() => {}
            () = evicted.cancelled() => {}
        }
    }

    /// From the first byte to a session; none where there will be none.
    async fn begin(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        connection: &Connection,
    ) -> Option<Session> {
        let is_direct = first_byte(&stream).await == Some(TLS_HANDSHAKE);
        let mut timed = TimeoutStream::new(stream);
        timed.set_write_timeout(Some(WRITE_TIME_MAX));
        let wire = Wire::over(Box::new(Box::pin(timed)));
        let (mut wire, startup, is_encrypted) =
            match begin(wire, is_direct, self.tls.as_deref()).await.ok()? {
                Begun::Login { wire, startup, is_encrypted } => (wire, startup, is_encrypted),
                Begun::Cancel(key) => {
                    self.cancels.cancel(key);
                    return None;
                }
            };
        let may_be_read = !is_encrypted && !peer.ip().is_loopback();
        let cancel = self.cancels.of_connection();
        // Only whoever has shown a token takes a place: strangers make room for each other.
        let place = |identity: &Identity| {
            let place = self.places.take(&identity.shop, peer.ip());
            place.map_err(|said| Failure::fatal("53300", said))
        };
        match log_in(&self.service, &mut wire, startup, may_be_read, cancel.key(), place).await {
            Ok((login, place)) => {
                connection.becomes_known(&login.identity);
                Some(Session::new(self.service.clone(), login, wire, cancel, place))
            }
            Err(failure) => {
                refuse(&mut wire, &failure).await;
                None
            }
        }
    }
}

/// What a handshake begins with, where TLS begins without being asked for.
const TLS_HANDSHAKE: u8 = 0x16;

/// The first byte that comes, which stays where it is.
async fn first_byte(stream: &TcpStream) -> Option<u8> {
    let mut byte = [0];
    matches!(stream.peek(&mut byte).await, Ok(1)).then_some(byte[0])
}

async fn refuse(wire: &mut Wire, failure: &Failure) {
    wire.put(failure.response());
    // It may be gone.
    let _ = wire.close().await;
}
