//! Two processes want one directory, and one of them sleeps: one writes, the other is refused, and
//! nothing is kept twice.
//!
//! `VERBATIM_RACES=N` makes it longer.

use std::time::Duration;

use rand::Rng;
use tokio::sync::watch;
use tokio::task::block_in_place;
use verbatim::access::TokenRole::Admin;

use super::clients::Clients;
use super::support::{Data, SHOP, Server, seeded, trials};

/// Races in a usual run.
const RACES: u64 = 4;

/// A service is paused amid its work, as a machine does that sleeps. While it is, and when it goes on,
/// nobody else gets its directory; once it is killed, one of two that start at once does.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_writer_also_while_it_sleeps() {
    let (races, mut random) = (trials("VERBATIM_RACES", RACES), seeded("races"));
    let data = Data::committing_often();
    let token = data.token(SHOP, "boss", &[Admin]);
    let mut server = Server::start(&data);
    let (address, url) = watch::channel(server.url.clone());
    let sending = Clients::new(&token, &mut random).send(&url);
    for _ in 0..races {
        sending.until_acked(random.random_range(1..100), &server).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..20_000))).await;
        block_in_place(|| {
            server.freeze();
            let in_use = format!("is in use by process {}", server.pid());
            assert_refused(Server::try_start(&data, |_| {}), &in_use);
            let ran = data.run(["rebuild", "index"]);
            ran.assert_code(2);
            ran.assert_stderr_has(&in_use);
            server.thaw();
            assert_refused(Server::try_start(&data, |_| {}), &in_use);
        });
        sending.until_acked(100, &server).await;
        server = block_in_place(|| {
            server.kill();
            one_of_two(&data)
        });
        address.send_replace(server.url.clone());
    }
    let mut clients = sending.stop().await;
    clients.finish(&server).await;
    let admin = server.http(&token);
    let records = admin.records().await;
    assert_eq!(clients.complaints(&records), Vec::<String>::new());
    assert_eq!(records.len(), clients.acked());
    admin.caught_up(true).await;
    let distinct = "select count(distinct \"offset\") from events";
    assert_eq!(admin.number(distinct).await, records.len() as i64);
    assert_eq!(admin.number("select count(*) from events").await, records.len() as i64);
    println!("{races} races, {} acknowledged events: each kept once", records.len());
    assert_eq!(server.stop(), 0);
}

/// Starts two at once: the one that got the directory, after the other was refused.
fn one_of_two(data: &Data) -> Server {
    // Each has to write itself down before the other can name it.
    let [one, other] = Server::try_start_two(data);
    match (one, other) {
        (Ok(server), refused) | (refused, Ok(server)) => {
            assert_refused(refused, &format!("is in use by process {}", server.pid()));
            server
        }
        (Err(one), Err(other)) => panic!("neither started: {one}\n{other}"),
    }
}

fn assert_refused(started: Result<Server, String>, why: &str) {
    match started {
        Ok(_) => panic!("two own the directory"),
        Err(said) => assert!(said.contains(why), "`{why}` is not in: {said}"),
    }
}
