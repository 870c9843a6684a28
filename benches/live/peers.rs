//! What verbatim is measured beside, each a process of its own: Redis, and a plain server on the
//! npm package `ws`. `benches/peers/install` fetches them; one that is not there is said to be
//! missing.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::server::cpu_seconds;
use super::socket::Host;

const START_TIME_MAX: Duration = Duration::from_secs(10);
const START_STEP: Duration = Duration::from_millis(20);

/// A running peer; killed when dropped.
pub struct Peer {
    child: Child,
    pub address: SocketAddr,
}

impl Peer {
    /// Redis, which syncs before it answers, as verbatim does.
    pub fn redis(dir: &Path) -> Option<Peer> {
        std::fs::create_dir_all(dir).unwrap();
        let address = free_address();
        let settings = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"])
            .arg(dir)
            .args(settings)
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = started else { return missing("redis-server") };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(since.elapsed() < START_TIME_MAX, "redis-server does not listen");
            std::thread::sleep(START_STEP);
        }
        Some(Peer { child, address })
    }

    /// A server on `ws` that keeps nothing.
    pub fn ws() -> Option<Peer> {
        let modules = peers_dir().join("node_modules");
        if !modules.join("ws").is_dir() {
            return missing("the npm package ws");
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/ws.js");
        let started = Command::new("node")
            .arg(program)
            .env("NODE_PATH", modules)
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else { return missing("node") };
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("its stdout is text");
        let port = line.trim().strip_prefix("listening on ").and_then(|port| port.parse().ok());
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("it says its port")));
        Some(Peer { child, address })
    }

    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child)
    }

    /// Where its sockets are opened; it asks for no token.
    pub fn host(&self) -> Host {
        Host { address: self.address, token: None }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn missing(what: &str) -> Option<Peer> {
    eprintln!("{what} is not there, so nothing is measured beside it: benches/peers/install");
    None
}

/// Where `benches/peers/install` puts them.
fn peers_dir() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    std::env::var_os("VERBATIM_PEERS")
        .map_or_else(|| home().join(".cache/verbatim-peers"), PathBuf::from)
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}
