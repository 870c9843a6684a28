//! Clients that send nonsense, ask too much or read too slowly: each is refused or cut off, the others go
//! on, and the service's memory stays as it was.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rand::RngCore;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;
use verbatim::access::TokenRole::Analyst;

use super::super::support::{PATIENCE, SHOP, Server, seeded};
use super::raw::{Raw, field, kinds, startup, state};
use super::{Wire, connect, fails, one, told};

const MORE_MIB_MAX: u64 = 64;

fn resident_mib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_and_nobody_else_notices() {
    let mut wire = Wire::start();
    let token = wire.data.token(SHOP, "ann", &[Analyst]);
    let other = wire.connect().await;
    let before = resident_mib(&wire.server);
    let mut random = seeded("nonsense over the Postgres wire");
    // Before a login: chance, lengths that are none, and what is left half said.
    let mut half_open = Vec::new();
    for round in 0..60 {
        let mut raw = Raw::connect(&wire);
        let mut bytes = vec![0; 64];
        random.fill_bytes(&mut bytes);
        let said: Vec<u8> = match round % 4 {
            0 => bytes,
            1 => [&i32::MAX.to_be_bytes()[..], &bytes].concat(),
            2 => [&(-1_i32).to_be_bytes()[..], &bytes].concat(),
            _ => startup("ann")[..9].to_vec(),
        };
        let _ = raw.stream.write_all(&said);
        if round % 4 == 3 {
            half_open.push(raw);
        }
    }
    // After it: messages that are too long, cut, of unknown types, or full of chance.
    for round in 0..80 {
        let mut raw = Raw::log_in(&wire, "ann", &token);
        let mut bytes = vec![0; 200];
        random.fill_bytes(&mut bytes);
        let kind = b"QPBDECHSdcfpzX\0\xff"[round % 16];
        match round % 5 {
            0 => {
                let _ =
                    raw.stream.write_all(&[&[kind][..], &i32::MAX.to_be_bytes(), &bytes].concat());
            }
            1 => {
                let _ = raw.stream.write_all(&[&[kind][..], &3_i32.to_be_bytes(), &bytes].concat());
            }
            2 => raw.send(kind, &bytes[..round]),
            3 => raw.send(kind, &[]),
            _ => raw.send(b'B', &[b"\0\0\0\0\xff\xff", &bytes[..20]].concat()),
        }
        raw.send(b'X', &[]);
        for (kind, body) in raw.until_closed() {
            if kind == b'E' {
                assert!(!field(&body, b'C').is_empty(), "{body:?}");
            }
        }
    }
    // Forty at once announce as much as is read, and send a part of it.
    let mut large: Vec<Raw> = (0..40).map(|_| Raw::log_in(&wire, "ann", &token)).collect();
    for raw in &mut large {
        let _ = raw
            .stream
            .write_all(&[&b"Q"[..], &1_000_000_i32.to_be_bytes(), &vec![b'x'; 900_000]].concat());
    }
    assert_eq!(one(&other, "select 1").await, "1");
    let after = resident_mib(&wire.server);
    println!("nonsense: {before} MiB before, {after} MiB after");
    assert!(after < before + MORE_MIB_MAX, "{before} MiB before, {after} MiB after");
    wire.server.assert_alive();
    drop((large, half_open));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_encryption_is_answered_by_one_byte() {
    let wire = Wire::start();
    for request in [80_877_103_u32, 80_877_104] {
        let mut raw = Raw::connect(&wire);
        raw.send_packet(&request.to_be_bytes());
        let mut byte = [0];
        raw.stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"N");
        raw.send_packet(&startup("ann"));
        assert_eq!(raw.receive().unwrap().0, b'R');
    }
    // A later minor version is spoken as the one that there is.
    let mut raw = Raw::connect(&wire);
    let later = [&196_610_u32.to_be_bytes()[..], &startup("ann")[4..]].concat();
    raw.send_packet(&later);
    assert_eq!(raw.receive().unwrap().0, b'v');
    assert_eq!(raw.receive().unwrap().0, b'R');
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_prepared_statements_are_too_many() {
    let wire = Wire::start();
    let token = wire.data.token(SHOP, "ann", &[Analyst]);
    let mut raw = Raw::log_in(&wire, "ann", &token);
    let mut refused = 0;
    for number in 0..10_000 {
        raw.send(b'P', format!("s{number}\0select {number}\0\0\0").as_bytes());
        if number % 500 == 499 {
            raw.send(b'S', &[]);
            let said = raw.until_ready();
            refused += said
                .iter()
                .filter(|(kind, body)| *kind == b'E' && field(body, b'C') == "53400")
                .count();
        }
    }
    assert!(refused >= 17, "{refused} of 20 batches met the bound");
    raw.query("deallocate all");
    assert_eq!(raw.until_ready()[0].0, b'C');
    raw.send(b'P', b"again\0select 1\0\0\0");
    raw.send(b'S', &[]);
    assert_eq!(raw.until_ready()[0].0, b'1');
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_shop_and_address_are_counted() {
    let wire = Wire::start();
    let mut all = Vec::new();
    let refused = loop {
        match connect(&wire.analyst()).await {
            Ok(client) => all.push(client),
            Err(error) => break told(&error),
        }
        assert!(all.len() <= 200, "{} are open", all.len());
    };
    assert_eq!(refused.0, "53300");
    assert_eq!(all.len(), 64);
    assert!(refused.1.contains(SHOP), "{refused:?}");
    let other = wire.config("ann", &wire.data.token("other", "ann", &[Analyst]));
    assert_eq!(one(&connect(&other).await.unwrap(), "select 1").await, "1");
    all.truncate(50);
    let deadline = Instant::now() + PATIENCE;
    while connect(&wire.analyst()).await.is_err() {
        assert!(Instant::now() < deadline, "their places are not given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whoever connects and says no token takes nobody's place.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_take_no_place() {
    let wire = Wire::start();
    let strangers: Vec<Raw> = (0..140)
        .map(|_| {
            let mut raw = Raw::connect(&wire);
            raw.send_packet(&startup("ann"));
            assert_eq!(raw.receive().unwrap(), (b'R', vec![0, 0, 0, 3]));
            raw
        })
        .collect();
    assert_eq!(one(&wire.connect().await, "select 1").await, "1");
    drop(strangers);
}

/// What is told of messages was gathered until somebody asked for it: a gigabyte a minute.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_on_and_takes_nothing_is_read_no_further() {
    let mut wire = Wire::start();
    let token = wire.data.token(SHOP, "ann", &[Analyst]);
    let before = resident_mib(&wire.server);
    let mut raw = Raw::log_in(&wire, "ann", &token);
    raw.stream.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    raw.parse("s", "select * from turns a, turns b, turns c, episodes d, episodes e, messages f");
    raw.send(b'D', b"Ss\0");
    let told: usize = raw.sync().iter().map(|(_, body)| body.len()).sum();
    let describe = [&b"D"[..], &7_i32.to_be_bytes(), b"Ss\0"].concat();
    // So many that their answers would be 400 MiB: before, the socket took them all.
    let many = describe.repeat(((400 << 20) / told).min(40_000));
    let sent = raw.stream.write_all(&many).and_then(|()| raw.stream.write_all(&many));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = resident_mib(&wire.server);
    println!("unasked for: {before} MiB before, {after} MiB after, sent {sent:?}");
    assert!(after < before + 2 * MORE_MIB_MAX, "{before} MiB before, {after} MiB after");
    wire.server.assert_alive();
}

/// An answer that nobody can describe, and portals that keep more than they may.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_connection_keeps_is_measured() {
    let wire = Wire::start();
    let token = wire.data.token(SHOP, "ann", &[Analyst]);
    let client = wire.connect().await;
    let columns: Vec<String> = (0..1_665).map(|number| format!("1 as c{number}")).collect();
    let wide = format!("select {}", columns.join(","));
    let too_many = SqlState::TOO_MANY_COLUMNS;
    assert!(fails(client.simple_query(&wide).await, &too_many).contains("1665"));
    fails(client.prepare(&wide).await, &too_many);
    let mut raw = Raw::log_in(&wire, "ann", &token);
    raw.query("begin");
    raw.until_ready();
    raw.send(b'P', b"s\0select $1\0\0\x01\0\0\x03\xf1");
    assert_eq!(kinds(&raw.sync()), "1");
    let list = format!("{{{}a}}", "a,".repeat(200_000));
    let length = u32::try_from(list.len()).unwrap().to_be_bytes();
    let mut bound = 0;
    let refused = loop {
        let head = format!("p{bound}\0s\0\0\0");
        raw.send(b'B', &[head.as_bytes(), b"\0\x01", &length, list.as_bytes(), b"\0\0"].concat());
        let answer = raw.sync();
        if kinds(&answer) != "2" {
            break state(&answer);
        }
        bound += 1;
        assert!(bound < 64);
    };
    assert_eq!((refused.as_str(), bound), ("53400", 2));
}

/// Long enough that nobody waits for its end.
const ENDLESS: &str =
    "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b";

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_cancelled_by_whoever_asked_it_and_by_nobody_else() {
    let wire = Wire::start();
    let (client, other) = (wire.connect().await, wire.connect().await);
    let (token, others) = (client.cancel_token(), other.cancel_token());
    let started = Instant::now();
    let running = tokio::spawn(async move {
        let answer = client.simple_query(ENDLESS).await;
        (client, answer)
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    others.cancel_query(NoTls).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!running.is_finished(), "another connection cancelled it");
    token.cancel_query(NoTls).await.unwrap();
    let (client, answer) = running.await.unwrap();
    fails(answer, &SqlState::QUERY_CANCELED);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(one(&client, "select 1").await, "1");
    client.batch_execute("set statement_timeout = '700ms'").await.unwrap();
    let started = Instant::now();
    fails(client.simple_query(ENDLESS).await, &SqlState::QUERY_CANCELED);
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// Whoever leaves amid a statement leaves no process behind that computes it.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_not_computed() {
    let wire = Wire::start();
    let token = wire.data.token(SHOP, "ann", &[Analyst]);
    let boss = wire.server.http_as(&wire.data, "boss", &[verbatim::access::TokenRole::Admin]);
    for _ in 0..4 {
        let mut raw = Raw::log_in(&wire, "ann", &token);
        raw.query(ENDLESS);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let metrics = boss.get("/metrics").await.text();
        let running = metrics
            .lines()
            .find(|line| line.starts_with("verbatim_exports_running"))
            .map(str::to_string);
        if running.as_deref().is_some_and(|line| line.ends_with(" 0")) {
            break;
        }
        assert!(Instant::now() < deadline, "{running:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Two hundred megabytes to somebody who reads a little now and then.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_much_takes_no_memory() {
    let mut wire = Wire::start();
    let token = wire.data.token(SHOP, "ann", &[Analyst]);
    let other = wire.connect().await;
    assert_eq!(one(&other, "select 1").await, "1");
    let before = resident_mib(&wire.server);
    let mut readers: Vec<Raw> = (0..4).map(|_| Raw::log_in(&wire, "ann", &token)).collect();
    for raw in &mut readers {
        raw.query("select value, repeat('x', 250) as text from generate_series(1, 800000)");
    }
    let mut most = before;
    for _ in 0..20 {
        for raw in &mut readers {
            let mut some = vec![0; 100_000];
            raw.stream.read_exact(&mut some).unwrap();
        }
        most = most.max(resident_mib(&wire.server));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("slow readers: {before} MiB before, {most} MiB at most");
    assert!(most < before + 2 * MORE_MIB_MAX, "{before} MiB before, {most} MiB");
    assert_eq!(one(&other, "select 1").await, "1");
    drop(readers);
    // To the end, by somebody who reads as it comes.
    let mut raw = Raw::log_in(&wire, "ann", &token);
    raw.query("select value, repeat('x', 250) as text from generate_series(1, 800000)");
    let rows = raw.until_ready().iter().filter(|(kind, _)| *kind == b'D').count();
    assert_eq!(rows, 800_000);
    raw.query("select value from generate_series(1, 1000001)");
    let last = raw.until_ready().pop().unwrap();
    assert_eq!((last.0, field(&last.1, b'C').as_str()), (b'E', "54000"));
    wire.server.assert_alive();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_nobody_in_and_tells_whoever_is_there() {
    let wire = Wire::start();
    let idle = wire.connect().await;
    let config = wire.analyst();
    wire.server.terminate();
    let (code, said) = wire.server.ended();
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("did not end"), "{said}");
    assert!(idle.simple_query("select 1").await.is_err());
    assert!(connect(&config).await.is_err());
}
