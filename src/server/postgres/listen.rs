//! Connections of the wire on a port: as many as HTTP's own leave descriptors for, and no more than a bound of their
//! own. Each has bounded time to log in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::cancel::Cancels;
use super::failure::Failure;
use super::login::log_in;
use super::negotiate::{Begun, begin};
use super::places::Places;
use super::session::Session;
use super::wire::Wire;
use crate::access::Identity;
use crate::server::accept::{Accepted, accept};
use crate::server::connections::Connection;
use crate::server::{Service, Tls};

/// From the first byte to the token.
const LOGIN_TIME_MAX: Duration = Duration::from_secs(30);

/// What connections are served with.
struct Server {
    service: Service,
    tls: Option<Arc<Tls>>,
    places: Places,
    cancels: Cancels,
}

/// Serves the Postgres wire until `service` is drained.
pub async fn serve(listener: TcpListener, tls: Option<Arc<Tls>>, service: Service) {
    let (drain, connections) = (service.drain.clone(), service.connections.clone());
    let (places, cancels) = (Places::default(), Cancels::default());
    let server = Arc::new(Server { service, tls, places, cancels });
    let serve = |stream, peer, connection| server.clone().serve(stream, peer, connection);
    accept(listener, connections, drain, serve).await;
}

impl Server {
    /// Serves one connection until its client leaves, is late, or has to make room.
    async fn serve(self: Arc<Server>, stream: Accepted, peer: SocketAddr, connection: Connection) {
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
        stream: Accepted,
        peer: SocketAddr,
        connection: &Connection,
    ) -> Option<Session> {
        let is_direct = first_byte(stream.get_ref()).await == Some(TLS_HANDSHAKE);
        let wire = Wire::over(Box::new(stream));
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
