//! What the machine does to a running service: syncs that fail, descriptors that run out, a disk that
//! is almost full, connections that nobody closes.

use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::sync::watch;
use verbatim::access::TokenRole::Admin;

use super::clients::Clients;
use super::disk::Disk;
use super::shims::LOG_FAULTS;
use super::socket::{Received, Socket};
use super::support::{Data, Http, PATIENCE, SHOP, Server, lines, message, seeded, skipped, trials};

fn event(number: usize) -> Value {
    message(&format!("c{}", number % 3), &format!("m{number}"), "customer", "cust-1", "hello")
}

/// Sends events one after the other until one is not acknowledged; returns the acks.
async fn send_until_refused(server: &Server, data: &Data, events: usize) -> Vec<Value> {
    let admin = server.http_as(data, "boss", &[Admin]);
    let mut acks = Vec::new();
    for number in 0..events {
        let request = admin.request(reqwest::Method::POST, "/v1/events").json(&event(number));
        match admin.try_send(request).await {
            Ok(answer) if answer.status == 200 => acks.push(answer.json()),
            _ => break,
        }
    }
    acks
}

/// Lets one call on the log fail in each of some services. Nothing of that batch is acknowledged, nor
/// anything after; the process says so and ends, and a restart has every ack and takes what was
/// refused.
async fn every_ack_is_there_after(fault: &str, services: u64) {
    const EVENTS: usize = 12;
    for nth in 1..=services as usize {
        let data = Data::new();
        // The first start makes the log: what is counted below are the calls of events.
        assert_eq!(Server::start(&data).stop(), 0);
        let server = Server::start_as(&data, |command| {
            command.env("LD_PRELOAD", LOG_FAULTS.as_os_str()).env(fault, nth.to_string());
        });
        let acks = send_until_refused(&server, &data, EVENTS.max(nth + 2)).await;
        if acks.len() == EVENTS.max(nth + 2) {
            panic!("no call failed: the control of this test is broken");
        }
        let (code, said) = server.ended();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("the log failed"), "{said}");

        let server = Server::start(&data);
        let admin = server.http_as(&data, "boss", &[Admin]);
        for (number, ack) in acks.iter().enumerate() {
            let again = admin.event(&event(number)).await;
            assert_eq!(&again.json(), ack, "trial {nth}: the same ack");
        }
        let next = admin.event(&event(acks.len())).await;
        assert_eq!(next.status, 200, "trial {nth}: what was refused is taken");
        assert_eq!(server.stop(), 0);
    }
    println!("{services} services under {fault}: every ack was there after the restart");
}

/// The disk fails the Nth sync of the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_service_and_a_restart_has_every_ack() {
    every_ack_is_there_after("VERBATIM_TEST_FAIL_SYNC", trials("VERBATIM_SYNC_FAULTS", 8)).await;
}

/// The disk is full amid the Nth write of the log: half of a frame lies there.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_finds_no_space_ends_the_service_and_a_restart_has_every_ack() {
    every_ack_is_there_after("VERBATIM_TEST_FULL_AT", trials("VERBATIM_SYNC_FAULTS", 4)).await;
}

/// A write may write less than it was given. The rest is written after it.
#[tokio::test(flavor = "multi_thread")]
async fn short_writes_are_gone_on_with() {
    let data = Data::new();
    let mut random = seeded("short writes");
    let server = Server::start_as(&data, |command| {
        command.env("LD_PRELOAD", LOG_FAULTS.as_os_str()).env("VERBATIM_TEST_SHORT_WRITES", "1");
    });
    let token = data.token(SHOP, "boss", &[Admin]);
    let (_, url) = watch::channel(server.url.clone());
    let sending = Clients::new(&token, &mut random).send(&url);
    sending.until_acked(1_000, &server).await;
    server.kill();
    let clients = sending.stop().await;
    let server = Server::start(&data);
    let records = server.http(&token).records().await;
    assert_eq!(clients.complaints(&records), Vec::<String>::new());
    assert_eq!(server.stop(), 0);
}

/// Somebody else fills the disk, some of it and then all, while customers write. They are told so
/// before the log meets the end of it; nothing acknowledged is lost; and with space, everything goes
/// on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_holds_the_relay_and_nothing_else() {
    const DISK_MIB: u64 = 96;
    const RESERVE_MIB: u64 = 24;
    let Some(disk) = Disk::in_memory(DISK_MIB) else { return };
    let data = Data::within(&disk.path());
    let settings = "commit_interval_ms = 50\nlog_segment_mib = 4";
    data.set(&format!("{settings}\ndisk_reserve_mib = {RESERVE_MIB}\n"));
    let mut random = seeded("a disk that fills up");
    let mut server = Server::start(&data);
    let token = data.token(SHOP, "boss", &[Admin]);
    let admin = server.http(&token);
    let (_, url) = watch::channel(server.url.clone());
    let mut sending = Clients::new(&token, &mut random).send(&url);
    for round in 0..2 {
        sending.until_acked(500, &server).await;
        let ballast = Ballast::leaving(&disk, RESERVE_MIB - 4);
        let is_held =
            async |held: bool| admin.status_once(|status| status["held"].is_string() == held).await;
        let status = is_held(true).await;
        let said = format!("and below {RESERVE_MIB} nothing is taken");
        assert!(status["held"].as_str().unwrap().contains(&said), "{status}");
        let clients = sending.stop().await;
        // Whoever sends is told no more of the machine than that, and when to try again.
        let refused = admin.event(&event(round)).await.problem(503);
        assert!(refused["detail"].as_str().unwrap().contains("disk is almost full"), "{refused}");
        assert!(!refused.to_string().contains("MiB"), "{refused}");
        // Of a batch too: a client may look at the status alone.
        let batch = lines(&[event(round), event(round + 10)]);
        let batch = admin.post("/v1/events", "application/x-ndjson", batch).await;
        assert!(!batch.header("retry-after").is_empty(), "{}", batch.text());
        batch.problem(503);
        let head = admin.get("/v1/status").await.json()["head"].clone();
        // The stores meet the end of the disk; the log does not.
        let rest = Ballast::leaving(&disk, 0);
        admin.event(&event(round)).await.problem(503);
        assert_eq!(admin.get("/v1/status").await.json()["head"], head);
        server.assert_alive();
        drop((ballast, rest));
        is_held(false).await;
        sending = clients.send(&url);
    }
    sending.until_acked(500, &server).await;
    let mut clients = sending.stop().await;
    clients.finish(&server).await;
    assert_eq!(clients.complaints(&admin.records().await), Vec::<String>::new());
    admin.caught_up(true).await;
    println!("{} events acknowledged around two full disks: 0 lost", clients.acked());
    assert_eq!(server.stop(), 0);
}

/// A file that takes space away until it is dropped.
struct Ballast(PathBuf);

impl Ballast {
    /// As much as leaves so many MiB of a disk, or the next writer of a little less.
    fn leaving(disk: &Disk, mib: u64) -> Ballast {
        let path = tempfile::NamedTempFile::new_in(disk.path()).unwrap().into_temp_path();
        let path = path.keep().unwrap();
        let mut file = std::fs::File::create(&path).unwrap();
        let chunk = [0x5a; 64 << 10];
        while fs4::available_space(disk.path()).unwrap() > mib << 20
            && file.write_all(&chunk).is_ok()
        {}
        Ballast(path)
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// Anybody can open connections and say nothing, or little by little. They make room for those who
/// show a token, and ingestion goes on beside them, also where the process may open few files, and
/// where a segment of the log ends meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_say_nothing_make_room() {
    const STRANGERS: usize = 5_000;
    const BATCHES: usize = 40;
    let wanted = STRANGERS as u64 + 1_000;
    if rlimit::increase_nofile_limit(wanted).unwrap_or(0) < wanted {
        skipped(&format!("this process may not open {wanted} connections (ulimit -n)"));
        return;
    }
    let data = Data::new();
    data.set("commit_interval_ms = 50\nlog_segment_mib = 4\n");
    let server = Server::start_as(&data, |command| {
        let program = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -n 300; exec \"$@\"", "sh"]).arg(program).args(arguments);
        *command = limited;
    });
    let address = server.url.strip_prefix("http://").unwrap();
    let admin = server.http_as(&data, "boss", &[Admin]);
    let mut random = seeded("strangers");
    let alone = times_of_batches(&admin, 0..BATCHES, &mut random, || {}).await;
    let sayings =
        ["", "GET / HT", "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"];
    let mut strangers: Vec<TcpStream> = (0..STRANGERS)
        .filter_map(|number| {
            let mut stream = TcpStream::connect(address).ok()?;
            let _ = stream.write_all(sayings[number % sayings.len()].as_bytes());
            Some(stream)
        })
        .collect();
    assert!(strangers.len() > STRANGERS / 2, "{} came in", strangers.len());
    let beside = times_of_batches(&admin, BATCHES..2 * BATCHES, &mut random, || {
        for stranger in &mut strangers {
            let _ = stranger.write_all(b"x");
        }
    })
    .await;
    let sealed = std::fs::read_dir(data.path().join("log/sealed")).unwrap().count();
    assert!(sealed > 1, "no segment ended");
    admin.caught_up(true).await;
    assert!(!server.stderr().contains("Too many open files"), "{}", server.stderr());
    println!(
        "a batch alone: {:?}, beside {} strangers: {:?} (slowest of {BATCHES}: {:?} and {:?})",
        alone[BATCHES / 2],
        strangers.len(),
        beside[BATCHES / 2],
        alone[BATCHES - 1],
        beside[BATCHES - 1]
    );
    drop(strangers);
    assert_eq!(server.stop(), 0);
}

/// Sends batches that no compression shortens much, each taken whole; how long each took, sorted.
async fn times_of_batches(
    admin: &Http,
    batches: std::ops::Range<usize>,
    random: &mut StdRng,
    mut meanwhile: impl FnMut(),
) -> Vec<Duration> {
    let mut times = Vec::new();
    for batch in batches {
        meanwhile();
        let events: Vec<Value> = (0..50)
            .map(|number| {
                let mut noise = [0; 1_500];
                random.fill(&mut noise[..]);
                let id = format!("n{batch}-{number}");
                message("c0", &id, "customer", "cust-1", &hex::encode(noise))
            })
            .collect();
        let started = Instant::now();
        admin.events(&events).await;
        times.push(started.elapsed());
    }
    times.sort();
    times
}

/// Before the disk is full, events and attachments are refused, and the log never meets a full one.
/// What was kept is answered all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_almost_full_is_said_so_and_the_log_stays_whole() {
    let data = Data::new();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let kept = admin.event(&event(0)).await;
    assert_eq!(kept.status, 200);
    assert_eq!(server.stop(), 0);
    // More than any disk has.
    data.set("disk_reserve_mib = 4000000000\n");
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let refused = admin.event(&event(1)).await;
    refused.problem(503);
    let again = admin.event(&event(0)).await;
    assert_eq!(again.json(), kept.json(), "what was kept before is answered");
    let status = admin.get("/v1/status").await.json();
    let held = status["held"].as_str().unwrap();
    assert!(held.contains("MiB left, and below 4000000000"), "{held}");
    assert_eq!(admin.get("/readyz").await.status, 503);
    assert_eq!(admin.get("/healthz").await.status, 200);
    assert_eq!(server.stop(), 0);
    data.set("");
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    assert_eq!(admin.event(&event(1)).await.status, 200);
    let deadline = Instant::now() + PATIENCE;
    while admin.get("/readyz").await.status != 200 {
        assert!(Instant::now() < deadline, "{}", admin.get("/v1/status").await.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A token ends while its socket is open: it hears nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_token() {
    let data = Data::new();
    let server = Server::start(&data);
    let token = data.token_for("anna", &[Admin], Duration::from_secs(2));
    let mut socket = Socket::open(&server, &token).await;
    socket.subscribe("c0", 0).await;
    let admin = server.http_as(&data, "boss", &[Admin]);
    admin.event(&event(0)).await;
    let started = Instant::now();
    loop {
        match socket.receive().await {
            Received::Closed(code) => {
                assert_eq!(code, Some(1008), "policy");
                break;
            }
            Received::Frame(_) => assert!(started.elapsed() < PATIENCE),
        }
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// The lines of an answer that is sent as it comes, to its end.
async fn lines_of(mut answer: reqwest::Response) -> usize {
    let mut lines = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
    lines
}

/// `step` of `x`, so many times.
fn nested(step: &str, begin: &str, levels: usize) -> String {
    let begin = format!("select {begin} as x from (select 1) as z");
    (0..levels).fold(begin, |inner, _| format!("select {step} as x from ({inner})"))
}

/// One statement used to take six gigabytes, some of them before any row was read. What takes much is
/// refused, none takes the relay's, and what is harmless is answered.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_takes_the_memory_of_the_relay() {
    let data = Data::new();
    let server = Server::start(&data);
    let admin = server.http_as(&data, "boss", &[Admin]);
    let events: Vec<Value> = (0..300).map(event).collect();
    admin.events(&events).await;
    let kilobyte = "x".repeat(1_000);
    let refused = [
        "select length(repeat('x', 1500000000))".to_string(),
        "select length(repeat(text, 1000000000)) from messages".to_string(),
        "select length(lpad('x', 1500000000, 'y')), length(rpad(text, 1500000000)) from messages"
            .to_string(),
        format!("select length(replace(repeat('x', 10000000), 'x', '{kilobyte}'))"),
        format!("select length(regexp_replace(repeat('x', 10000000), 'x', '{kilobyte}', 'g'))"),
        "select array_length(range(0, 250000000))".to_string(),
        "select array_length(generate_series(0, 250000000))".to_string(),
        "select array_length(array_repeat(1, 250000000))".to_string(),
        "select array_length(list_repeat(1, 250000000))".to_string(),
        "select array_length(array_resize([1], 250000000, 1))".to_string(),
        // Twice as long with each level.
        nested("x || x", "'xxxxxxxxxxxxxxxx'", 40),
        nested("concat(x, x)", "'xxxxxxxxxxxxxxxx'", 40),
        nested("concat_ws('', x, x)", "'xxxxxxxxxxxxxxxx'", 40),
        nested("overlay(x placing x from 1 for 0)", "'xxxxxxxxxxxxxxxx'", 40),
        nested("[x, x]", "[1]", 40),
        nested("struct(x, x)", "1", 40),
        nested("array_concat(x, x)", "[1, 2]", 40),
        nested("x || x", "[1, 2]", 40),
        nested("x || x", "text", 40).replace(" as z", " as z, messages"),
        "select strpos(text, repeat('x', 200000000)) from messages".to_string(),
    ];
    for sql in &refused {
        let answer = admin.sql(sql).await;
        assert_eq!(answer.status, 400, "{sql}: {}", answer.text());
    }
    // One value, repeated for each row: what is sent as it comes need not be held, and a list copies no texts.
    let token = data.token(SHOP, "boss", &[Admin]);
    for (sql, rows) in [
        (
            "select * from messages, (select string_agg(repeat(text, 1000), '') as x from messages) y",
            300,
        ),
        (
            "select * from messages, (select array_agg(repeat(text, 1000)) as x from messages) y",
            300,
        ),
        ("select string_agg(repeat(text, 1000), '') over (order by id) from messages", 300),
        ("select repeat(text, 2000) from messages cross join generate_series(1, 300)", 90_000),
    ] {
        let request = admin.request(reqwest::Method::POST, "/v1/sql?format=jsonl");
        let answer = request.bearer_auth(&token).body(sql).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), lines_of(answer).await), (200, rows), "{sql}");
    }
    for sql in [
        "select replace(text, 'hello', 'goodbye'), lpad(id, 20, '0'), repeat('-', 10) from messages",
        "select regexp_replace(id, '[0-9]+', '') from messages",
        "select id || ': ' || text || 1, concat(id, null, 2) from messages",
        "select conversation, string_agg(text, ' / ' order by seq), array_agg(distinct id) \
         from messages group by 1",
        "select array_agg(text) over (order by seq rows between 2 preceding and current row) \
         from messages",
        "select null || 'x', [1] || [2], make_array(id, text) from messages",
    ] {
        assert_eq!(admin.sql(sql).await.status, 200, "{sql}");
    }
    assert_eq!(
        admin.sql("select 'a' || 1 as j, null || 'x' as n, 'a' || 'b' || 'c'").await.json(),
        serde_json::json!([{"j": "a1", "n": null, "Utf8(\"a\") || Utf8(\"b\") || Utf8(\"c\")": "abc"}])
    );
    let peak_mib = server.memory_mib("VmHWM");
    println!("peak memory beside {} statements: {peak_mib} MiB", refused.len() + 3);
    assert!(peak_mib < 400, "{peak_mib} MiB");
}
