//! The wall clock jumps under a running service: no record is dated by a jump, none earlier than the
//! one before it, and nobody has to look after it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rand::Rng;
use serde_json::Value;
use verbatim::access::TokenRole::Admin;

use super::shims::CLOCK;
use super::support::{Answer, Data, Http, PATIENCE, Server, message, seeded, trials};

const HOUR: i64 = 3_600;
const YEAR: i64 = 365 * 24 * HOUR;
/// Jumps at random in a usual run.
const JUMPS: u64 = 60;
/// What the clock may be off by without being doubted, and what it may not.
const SMALL: [i64; 5] = [0, HOUR / 2, -HOUR / 2, -5 * HOUR, -30 * YEAR];
const LARGE: [i64; 3] = [73 * YEAR, 100 * 24 * HOUR, 3 * HOUR];

/// What a service takes for the wall clock.
pub struct Clock(File);

impl Clock {
    pub fn of(data: &Data) -> Clock {
        let path = data.file("clock", 0_i64.to_ne_bytes());
        Clock(File::options().write(true).open(path).unwrap())
    }

    pub fn put_under(command: &mut Command, data: &Data) {
        command.env("LD_PRELOAD", CLOCK.as_os_str());
        command.env("VERBATIM_TEST_CLOCK", data.beside("clock"));
    }

    pub fn is_off_by(&self, seconds: i64) {
        self.0.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}

fn event(number: u64) -> Value {
    message("c1", &format!("m{number}"), "customer", "carl", "hello")
}

fn received_at(record: &Value) -> DateTime<Utc> {
    record["received_at"].as_str().unwrap().parse().unwrap()
}

/// Sends the event until it is taken: others may be first to see that the clock is right again.
async fn taken(admin: &Http, number: u64) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = admin.event(&event(number)).await;
        if answer.status == 200 {
            return answer;
        }
        assert!(Instant::now() < deadline, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_dates_nothing_and_needs_nobody() {
    let mut random = seeded("clock jumps");
    let jumps = trials("VERBATIM_CLOCK_JUMPS", JUMPS);
    let data = Data::new();
    let clock = Clock::of(&data);
    let start = || Server::start_as(&data, |command| Clock::put_under(command, &data));
    // No token of the test ends by a jump.
    let life = Duration::from_secs(200 * YEAR.unsigned_abs());
    let token = data.token_for("boss", &[Admin], life);
    let began = Utc::now();
    let mut server = start();
    let mut admin = server.http(&token);
    let first = taken(&admin, 0).await.json();
    let (mut taken_count, mut refused) = (1, 0);

    clock.is_off_by(73 * YEAR);
    admin.event(&event(1)).await.problem(503);
    let status = admin.get("/v1/status").await.json();
    assert!(status["held"].as_str().unwrap().contains("the clock jumped ahead"), "{status}");
    assert_eq!(admin.get("/readyz").await.status, 503);
    assert_eq!(admin.event(&event(0)).await.json(), first, "what was kept is answered");
    clock.is_off_by(0);
    taken(&admin, 1).await;
    assert_eq!(admin.get("/v1/status").await.json().get("held"), None);

    for number in 2..2 + jumps {
        let is_small = random.random_bool(0.6);
        let places: &[i64] = if is_small { &SMALL } else { &LARGE };
        clock.is_off_by(places[random.random_range(0..places.len())]);
        if is_small {
            taken(&admin, number).await;
            taken_count += 1;
        } else {
            admin.event(&event(number)).await.problem(503);
            refused += 1;
        }
        if random.random_bool(0.05) {
            // The first event after a start believes the clock, but never dates a record before the one it comes after.
            clock.is_off_by(-HOUR / 4);
            server.kill();
            server = start();
            admin = server.http(&token);
            assert_eq!(admin.event(&event(0)).await.json(), first);
        }
    }
    clock.is_off_by(0);
    taken(&admin, 2 + jumps).await;

    let records = admin.records().await;
    let times: Vec<DateTime<Utc>> = records.iter().map(received_at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let latest = Utc::now() + Duration::from_secs(HOUR.unsigned_abs());
    assert!(times.iter().all(|time| (began..latest).contains(time)), "{times:?}");
    assert!(taken_count > 0 && refused > 0);
    println!("{jumps} jumps: {refused} held the relay, {} records in order", records.len());
    assert_eq!(server.stop(), 0);
}
