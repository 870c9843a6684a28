//! Live chat as people feel it: a customer sends, an agent's device hears. Beside verbatim stand, in
//! the same run, a sync alone, Redis Streams, and a plain WebSocket server on Node that keeps
//! nothing. Prints a table, and as its last line the same figures as JSON.
//!
//! ```text
//! benches/peers/install                          once: Redis, and `ws` for Node
//! cargo bench --bench live                       everything
//! cargo bench --bench live -- --quick            shorter
//! cargo bench --bench live -- delivery fan-out   some parts
//! ```
//! Machines differ, and this one may be busy: read each figure against its neighbour of the same run.
//! Clients and peers share its cores with the server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_macros, dead_code)]

#[path = "live/batches.rs"]
mod batches;
#[path = "pipeline/chat.rs"]
mod chat;
#[path = "live/delivery.rs"]
mod delivery;
#[path = "live/fan_out.rs"]
mod fan_out;
#[path = "live/held.rs"]
mod held;
#[path = "live/peers.rs"]
mod peers;
#[path = "pipeline/report.rs"]
#[allow(dead_code)]
mod report;
#[path = "live/resumes.rs"]
mod resumes;
#[path = "live/senders.rs"]
mod senders;
#[path = "pipeline/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "live/socket.rs"]
mod socket;
#[path = "live/times.rs"]
mod times;

use std::time::Duration;

use batches::Amount;
use clap::{Parser, ValueEnum};
use peers::Peer;
use report::Report;
use server::Server;
use times::Times;

const SHOP: &str = "main";
/// Ten thousand sockets have their ends in this process.
const DESCRIPTORS: u64 = 16_384;

/// Measures live chat beside others.
#[derive(Parser)]
#[command(name = "live", max_term_width = 100)]
struct Options {
    /// What is measured; everything unless given
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// A fifth of the time
    #[arg(long)]
    quick: bool,
    /// cargo passes it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// One sends, another hears
    Delivery,
    /// A thousand sockets send
    Senders,
    /// Batches over HTTP
    Batches,
    /// One sends, thousands hear
    FanOut,
    /// Ten thousand sockets are held
    Held,
    /// Devices come back, and streams read everything
    Resumes,
}

impl Options {
    fn parts(&self) -> &[Part] {
        if self.parts.is_empty() { Part::value_variants() } else { &self.parts }
    }

    fn time(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 5 })
    }

    fn amount(&self) -> Amount {
        if self.quick {
            Amount { batches_per_connection: 80, events_min: 500, events_max: 40_000 }
        } else {
            Amount { batches_per_connection: 400, events_min: 2_500, events_max: 200_000 }
        }
    }

    /// Messages that thousands hear.
    fn messages(&self) -> usize {
        if self.quick { 5 } else { 25 }
    }
}

fn main() {
    let options = Options::parse();
    rlimit::increase_nofile_limit(DESCRIPTORS).expect("this process may open more files");
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = scratch.path().join("raw");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ws = Peer::ws();
    let ws_host = ws.as_ref().map(Peer::host);
    let mut report = Report::default();
    let time = options.time();
    for part in options.parts() {
        // One for each: what a part leaves behind, the next does not feel.
        let data = scratch.path().join(format!("data-{}", *part as u8));
        let mut server = Server::start(&data);
        let (mut few, mut many) = (server.host("few"), server.host("many"));
        let report = &mut report;
        match part {
            Part::Delivery => {
                delivery::measure(&runtime, &few, ws.as_ref(), &file, time, report);
            }
            Part::Senders => senders::measure(&runtime, &many, ws_host.as_ref(), time, report),
            Part::Batches => {
                let redis = Peer::redis(&scratch.path().join("redis"));
                batches::measure(&server, redis.as_ref(), &file, options.amount(), report);
            }
            Part::FanOut => {
                let (ws, messages) = (ws.as_ref(), options.messages());
                fan_out::measure(&runtime, &server, (&few, &many), ws, messages, report);
            }
            Part::Held => held::measure(&runtime, &server, (&few, &many), time, report),
            Part::Resumes => {
                resumes::fill(&runtime, &server, &few, options.amount().events_max);
                server.stop();
                server = Server::start(&data);
                (few, many) = (server.host("few"), server.host("many"));
                resumes::measure(&server, (&few, &many), time, report);
            }
        }
        server.stop();
    }
    report.print();
}
