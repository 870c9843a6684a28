//! Ten thousand sockets, open and silent, from one address: what one of them takes, and what others
//! feel of them.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::delivery::chat;
use super::report::{Report, round};
use super::server::Server;
use super::socket::{Host, subscribe};

const HELD: usize = 10_000;
/// Messages a second of the others.
const RATE: u32 = 500;

pub fn measure(
    runtime: &Runtime,
    server: &Server,
    (others, holder): (&Host, &Host),
    time: Duration,
    report: &mut Report,
) {
    let count = (time.as_secs_f64() * f64::from(RATE)) as usize;
    server.settle();
    let (before, _) = runtime.block_on(chat(others, RATE, count));
    before.add_to(report, format!("{RATE} messages/s: ack, nobody else there"));
    server.settle();
    let memory_before = server.memory_bytes("VmRSS");
    let sockets = runtime.block_on(async {
        let mut sockets = holder.connect_many(HELD).await;
        for (number, socket) in sockets.iter_mut().enumerate() {
            subscribe(socket, &format!("held-{number}")).await;
        }
        sockets
    });
    server.settle();
    let taken = server.memory_bytes("VmRSS").saturating_sub(memory_before) as f64;
    let name = format!("memory of one of {HELD} idle sockets, each subscribed");
    report.add(name, round(taken / 1_024.0 / HELD as f64, 1), "KiB");
    let (beside, _) = runtime.block_on(chat(others, RATE, count));
    beside.add_to(report, format!("{RATE} messages/s: ack, {HELD} sockets held"));
    report.add_ratio(format!("{HELD} sockets held: ack p50"), beside.p50(), before.p50());
    report.add_ratio(format!("{HELD} sockets held: ack p99"), beside.p99(), before.p99());
    drop(sockets);
}
