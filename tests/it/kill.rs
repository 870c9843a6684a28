//! `kill -9` under load, again and again: what was acknowledged is there, once, at its place, in
//! every store.
//!
//! `VERBATIM_KILLS=N` makes it longer.

use std::time::Duration;

use rand::Rng;
use tokio::sync::watch;
use verbatim::access::TokenRole::Admin;

use super::clients::{CONVERSATIONS, Clients};
use super::support::{Data, SHOP, Server, seeded, trials};

/// Kills in a usual run.
const KILLS: u64 = 12;

/// The power of the process is cut while customers write. Whoever saw "kept" finds it kept, once,
/// at its place, with its receipt; and archive, facts and index agree with the log.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let (kills, mut random) = (trials("VERBATIM_KILLS", KILLS), seeded("kills"));
    let data = Data::committing_often();
    let token = data.token(SHOP, "boss", &[Admin]);
    let mut server = Server::start(&data);
    let (address, url) = watch::channel(server.url.clone());
    let sending = Clients::new(&token, &mut random).send(&url);
    for kill in 0..kills {
        // Every fourth dies young, while clients come back to it; the others amid acks.
        let wanted = random.random_range(1..600);
        sending.until_acked(if kill % 4 == 3 { 0 } else { wanted }, &server).await;
        // Between two acks, in a sync or in a commit: the moment itself is the point, not a wait
        // for something.
        tokio::time::sleep(Duration::from_micros(random.random_range(0..60_000))).await;
        tokio::task::block_in_place(|| server.kill());
        server = tokio::task::block_in_place(|| Server::start(&data));
        address.send_replace(server.url.clone());
    }
    let mut clients = sending.stop().await;
    clients.finish(&server).await;
    let http = server.http(&token);
    let log = http.records().await;
    assert_eq!(clients.complaints(&log), Vec::<String>::new());
    assert_eq!(log.len(), clients.acked(), "each went on until all it sent was acknowledged");
    let count = log.len() as i64;
    http.caught_up(true).await;
    assert_eq!(http.number("select count(*) from events").await, count);
    assert_eq!(http.number("select count(distinct \"offset\") from events").await, count);
    assert_eq!(http.number("select sum(\"offset\") from events").await, count * (count - 1) / 2);
    assert_eq!(http.found("marker words").await, count as u64);
    assert_eq!(http.number("select sum(customer_messages) from turns").await, count);
    assert_eq!(http.number("select count(*) from episodes").await, CONVERSATIONS as i64);
    assert_eq!(http.number("select count(*) from conversations").await, CONVERSATIONS as i64);
    println!(
        "{kills} kills, {} acknowledged events: 0 lost, 0 doubled, 0 moved; 95 % bound on the rate per kill {:.4}",
        clients.acked(),
        3.0 / kills as f64
    );
    server.assert_alive();
    assert_eq!(server.stop(), 0);
}
