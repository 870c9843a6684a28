//! The first words on a connection: a client asks for encryption, and is told whether it may have it; or
//! it asks to cancel what runs on another; or it says who it is.

use pgwire::messages::startup::NegotiateProtocolVersion;

use super::cancel::Key;
use super::failure::Failure;
use super::message::Left;
use super::wire::Wire;
use crate::server::Tls;

/// As long as Postgres takes it.
const PACKET_BYTES_MAX: usize = 10_000;
/// What may come before a login: a request for each of two ways to encrypt.
const REQUESTS_MAX: usize = 2;
/// Numbers in the place of a version, by which a packet is no login.
const CANCEL: i32 = 80_877_102;
const ENCRYPT_BY_TLS: i32 = 80_877_103;
const ENCRYPT_BY_GSS: i32 = 80_877_104;
/// The version that is spoken: 3.0.
const VERSION: i32 = 3 << 16;

/// What a connection is for.
pub(super) enum Begun {
    Cancel(Key),
    Login { wire: Wire, startup: Startup, is_encrypted: bool },
}

/// What a client says of itself and of its session, in the order in which it does.
#[derive(Debug, Default)]
pub(super) struct Startup {
    pub(super) parameters: Vec<(String, String)>,
}

/// Listens until it is clear what a connection is for.
pub(super) async fn begin(
    mut wire: Wire,
    is_direct: bool,
    tls: Option<&Tls>,
) -> Result<Begun, Failure> {
    let mut is_encrypted = false;
    if is_direct {
        wire = encrypted(wire, tls).await?;
        is_encrypted = true;
    }
    for _ in 0..=REQUESTS_MAX {
        let mut packet = Left(wire.packet(PACKET_BYTES_MAX).await?);
        match packet.i32().ok_or_else(malformed)? {
            ENCRYPT_BY_TLS if tls.is_some() && !is_encrypted => {
                wire.put_byte(b'S');
                wire.flush().await?;
                wire = encrypted(wire, tls).await?;
                is_encrypted = true;
            }
            ENCRYPT_BY_TLS | ENCRYPT_BY_GSS => {
                wire.put_byte(b'N');
                wire.flush().await?;
            }
            CANCEL => {
                let (number, secret) = (packet.i32(), packet.i32());
                let (number, secret) = number.zip(secret).ok_or_else(malformed)?;
                return Ok(Begun::Cancel(Key { number, secret }));
            }
            version if version >> 16 == 3 => {
                let startup = startup(&mut packet).ok_or_else(malformed)?;
                settle_version(&mut wire, version, &startup);
                return Ok(Begun::Login { wire, startup, is_encrypted });
            }
            version => {
                let said = format!(
                    "protocol {}.{} is not spoken: 3.0 is",
                    version >> 16,
                    version & 0xffff
                );
                wire.put(Failure::fatal("0A000", said).response());
                wire.close().await?;
                return Err(Failure::gone());
            }
        }
    }
    Err(malformed())
}

fn malformed() -> Failure {
    Failure::fatal("08P01", "a message that is none")
}

/// The same connection, encrypted. What came before the handshake was not, so that there must be none.
async fn encrypted(wire: Wire, tls: Option<&Tls>) -> Result<Wire, Failure> {
    let (Some(tls), Some(socket)) = (tls, wire.into_socket()) else { return Err(malformed()) };
    let stream = tls.accept_postgres(socket).await?;
    Ok(Wire::over(Box::new(stream)))
}

/// Names and values up to an empty name.
fn startup(packet: &mut Left) -> Option<Startup> {
    let mut parameters = Vec::new();
    loop {
        match packet.text()? {
            name if name.is_empty() => return Some(Startup { parameters }),
            name => parameters.push((name, packet.text()?)),
        }
    }
}

/// Names of what belongs to the protocol itself.
const OF_PROTOCOL: &str = "_pq_.";

/// Tells a client that speaks a later minor version, or wants more of the protocol, what there is.
fn settle_version(wire: &mut Wire, version: i32, startup: &Startup) {
    let names = startup.parameters.iter().map(|(name, _)| name);
    let unknown: Vec<String> =
        names.filter(|name| name.starts_with(OF_PROTOCOL)).cloned().collect();
    if version > VERSION || !unknown.is_empty() {
        wire.put(NegotiateProtocolVersion::new(VERSION, unknown));
    }
}

impl Startup {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters.iter().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// What is said of the session: all but who connects to what.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let of_session = self.parameters.iter().filter(|(name, _)| {
            !matches!(name.as_str(), "user" | "database" | "options" | "replication")
                && !name.starts_with(OF_PROTOCOL)
        });
        of_session.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
