//! The process dies between any two steps by which it changes a file: where a store commits, merges,
//! tidies up or opens, where the log begins a segment or lets one go. What was acknowledged is there,
//! once, and all stores hold the same, as the directory lies there and after the next start.
//!
//! `VERBATIM_STEPS=N` makes it longer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::block_in_place;
use verbatim::access::TokenRole::Admin;

use super::clients::Clients;
use super::shims::STEPS;
use super::support::{Data, PATIENCE, SHOP, Server, seeded, trials};

/// Deaths in a usual run.
const DEATHS: u64 = 16;
/// Then there is a new directory.
const DEATHS_A_DIRECTORY: u64 = 50;
/// A start takes some tens of steps, a second of traffic some hundreds.
const STEPS_MAX: f64 = 600.0;

/// What is cut off: few steps as often as many, since a start is where a death before is mended.
fn dies_at(random: &mut StdRng) -> u64 {
    STEPS_MAX.powf(random.random_range(0.0..1.0)) as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_between_any_two_steps_takes_nothing() {
    let (deaths, mut random) = (trials("VERBATIM_STEPS", DEATHS), seeded("steps"));
    let (mut done, mut acked) = (0, 0);
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    while done < deaths {
        let (some, data) = (DEATHS_A_DIRECTORY.min(deaths - done), Data::new());
        acked += die_often(some, &data, &mut random, &mut kinds).await;
        done += some;
        if done == deaths {
            // The control: what a death may not take is missed.
            for day in fs::read_dir(data.path().join("archive/events")).unwrap() {
                let day = day.unwrap().path();
                if day.file_name().unwrap().to_str().unwrap().starts_with("day=") {
                    fs::remove_dir_all(day).unwrap();
                }
            }
            assert_ne!(block_in_place(|| data.run(["audit"])).code, 0);
            data.is_left_damaged();
        }
    }
    assert!(acked > 0);
    let places: usize = kinds.values().map(BTreeSet::len).sum();
    println!(
        "{done} deaths at {places} kinds of step, {acked} acknowledged events: 0 lost, 0 doubled, 0 moved; {kinds:?}"
    );
}

/// A server that dies just before its `nth` step that changes a file, of which it writes into `said` what it
/// would have been. `None` where it died in its start.
pub fn start_to_die(data: &Data, nth: u64, said: &Path) -> Option<Server> {
    start_with_steps(data, |command| {
        command.env("VERBATIM_TEST_STEP", said);
        command.env("VERBATIM_TEST_DIE_AT_STEP", nth.to_string());
    })
}

/// A server that dies just before its first step that begins so: what is done, and where.
pub fn start_to_die_before(data: &Data, step: &str) -> Option<Server> {
    start_with_steps(data, |command| {
        command.env("VERBATIM_TEST_DIE_BEFORE", step);
    })
}

/// A server that lists all of its steps in a file, as `steps.c` writes them.
pub fn start_to_list(data: &Data, steps: &Path) -> Server {
    let started = start_with_steps(data, |command| {
        command.env("VERBATIM_TEST_STEPS", steps);
    });
    started.unwrap()
}

fn start_with_steps(data: &Data, change: impl FnOnce(&mut Command)) -> Option<Server> {
    let started = block_in_place(|| {
        Server::try_start(data, |command| {
            command.env("LD_PRELOAD", STEPS.as_os_str());
            command.env("VERBATIM_TEST_DISK", data.path());
            change(command);
        })
    });
    started.ok()
}

/// Dies so often in one directory. Returns how many events were acknowledged.
async fn die_often(
    deaths: u64,
    data: &Data,
    random: &mut StdRng,
    kinds: &mut BTreeMap<String, BTreeSet<String>>,
) -> usize {
    data.set("commit_interval_ms = 20\nlog_segment_mib = 4\nlog_keep_hours = 0\n");
    let token = data.token(SHOP, "boss", &[Admin]);
    block_in_place(|| assert_eq!(Server::start(data).stop(), 0));
    let mut clients = Clients::new(&token, random);
    let said = data.beside("step");
    for _ in 0..deaths {
        let nth = dies_at(random);
        if let Some(mut server) = start_to_die(data, nth, &said) {
            let (_, url) = watch::channel(server.url.clone());
            let sending = clients.send(&url);
            sending.until_killed(&mut server).await;
            clients = sending.stop().await;
        }
        let step = fs::read_to_string(&said).unwrap();
        fs::remove_file(&said).unwrap();
        let audited = block_in_place(|| data.run(["audit"]));
        assert_eq!(audited.code, 0, "after step {nth}, {step}: {audited}");
        let (kind, place) = kind_of(&step);
        kinds.entry(kind).or_default().insert(place);
    }
    let server = block_in_place(|| Server::start(data));
    clients.finish(&server).await;
    let http = server.http(&token);
    let records = http.records().await;
    assert_eq!(clients.complaints(&records), Vec::<String>::new());
    tokio::time::timeout(PATIENCE, http.caught_up(true)).await.unwrap();
    let count = records.len() as i64;
    for query in ["select count(*) from events", "select count(distinct \"offset\") from events"] {
        assert_eq!(http.number(query).await, count);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(block_in_place(|| server.stop()), 0);
    let audited = block_in_place(|| data.run(["audit"]));
    assert_eq!(audited.code, 0, "{audited}");
    clients.acked()
}

/// What was done, and in which folder and kind of file: names with numbers are one kind.
fn kind_of(step: &str) -> (String, String) {
    let (what, path) = step.split_once(' ').unwrap();
    let is_hex = |char: char| char.is_ascii_hexdigit() || char == '-' || char == '_';
    let kind = |name: &str| match name.rsplit_once('.') {
        Some((stem, ending)) if stem.chars().all(is_hex) => format!("*.{ending}"),
        None if name.chars().all(is_hex) => "*".to_string(),
        _ if name.starts_with(".tmp") => ".tmp*".to_string(),
        _ => name.to_string(),
    };
    let parts = path.trim_start_matches('/').split('/').map(kind).collect::<Vec<String>>();
    (what.to_string(), parts.join("/"))
}
