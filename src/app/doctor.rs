//! What of a machine and of a data directory stands in the way of a service, and what to change: looked at before there
//! is trouble, with or without a service.
//!
//! It changes nothing: for the time of a sync it writes a file of its own beside the log, and removes it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Config, DESCRIPTORS_WANTED, DataDir};
use crate::durable;
use crate::log::{LogError, LogReader};
use crate::model::{Micros, Offset, Record};

/// Syncs of which the time is taken.
const SYNCS: usize = 50;
const SYNC_BYTES: usize = 4_096;
/// Beyond it, whoever waits for an acknowledgement notices.
const SYNC_SLOW: Duration = Duration::from_millis(20);
/// No disk or flash answers as fast as that: what does keeps nothing in a power cut, or has a cache with a battery.
const SYNC_TOO_FAST: Duration = Duration::from_micros(20);
/// What stores and caches of a service take when they are full.
const MEMORY_WANTED_BYTES: u64 = 2 << 30;
/// Clocks that are put right by others are off by less.
const CLOCK_AHEAD_MAX_MS: i64 = 60_000;
/// What `statfs` says of file systems that keep nothing, or whose syncs and locks are another machine's.
const TEMPORARY: [i64; 2] = [0x0102_1994, 0x8584_58f6];
const REMOTE: [i64; 4] = [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x0187];

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Good,
    /// It cannot be told here.
    Unknown,
    /// It works, and could be better.
    Weak,
    /// It keeps a service from starting, or from keeping what it promises.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub what: &'static str,
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: String) -> Finding {
        Finding { what, health: Health::Good, found, advice: None }
    }

    fn not(health: Health, what: &'static str, found: String, advice: &str) -> Finding {
        Finding { what, health, found, advice: Some(advice.to_string()) }
    }
}

/// Looks at everything. Reads settings of the directory where there are any.
pub fn examine(data: &DataDir, config: &Config) -> Vec<Finding> {
    let mut findings = vec![directory(data), folders(data)];
    let root = existing(data.root());
    findings.extend([file_system(&root), space(&root, config), syncs(&root)]);
    findings.extend([descriptors(), memory(), clock(), log_and_clock(data)]);
    findings
}

fn directory(data: &DataDir) -> Finding {
    let what = "data directory";
    match data.must_exist() {
        Ok(()) => {
            let served = data.owner().and_then(|owner| owner.url);
            let served = served.map_or(String::new(), |url| format!("; last served at {url}"));
            Finding::good(what, format!("`{}`{served}", data.root().display()))
        }
        Err(error) => {
            let advice = "name the one you mean with --data, or let `serve` or `import` make it";
            Finding::not(Health::Unknown, what, error.to_string(), advice)
        }
    }
}

/// Where things would be written: the folder, or the nearest one above it that there is.
fn existing(root: &Path) -> PathBuf {
    let mut at = root;
    while !at.is_dir() {
        match at.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(parent) => at = parent,
            None => return PathBuf::from("."),
        }
    }
    at.to_path_buf()
}

/// Keys are their owner's alone, and all of it belongs to whoever runs this.
fn folders(data: &DataDir) -> Finding {
    let what = "rights";
    let user = rustix::process::geteuid().as_raw();
    let mut open_to_others = Vec::new();
    let mut of_others = Vec::new();
    for path in [data.root().to_path_buf(), data.log(), data.lookup(), data.ledger(), data.keys()] {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.uid() != user {
            of_others.push(format!("`{}` (uid {})", path.display(), metadata.uid()));
        }
    }
    let keys = fs::read_dir(data.keys()).into_iter().flatten().flatten();
    for key in keys {
        let Ok(metadata) = key.metadata() else { continue };
        let mode = metadata.permissions().mode();
        // What is empty, as a lock is, tells nobody anything.
        if metadata.len() > 0 && mode & 0o077 != 0 {
            open_to_others.push(format!("`{}` ({:03o})", key.path().display(), mode & 0o777));
        }
    }
    if !open_to_others.is_empty() {
        let found = format!("others may read {}", open_to_others.join(", "));
        return Finding::not(
            Health::Bad,
            what,
            found,
            "chmod 600 these files, then rotate the keys: who read them can make tokens",
        );
    }
    if !of_others.is_empty() && user != 0 {
        let found = format!("this is uid {user}, and {} are others'", of_others.join(", "));
        return Finding::not(Health::Bad, what, found, "chown them, or run as their owner");
    }
    if !of_others.is_empty() {
        let found = format!("root looks at {}", of_others.join(", "));
        let advice = "run `serve` as their owner: what root makes there, the owner cannot write";
        return Finding::not(Health::Weak, what, found, advice);
    }
    Finding::good(what, format!("all of it is of uid {user}, and keys are readable by it alone"))
}

fn file_system(root: &Path) -> Finding {
    let what = "file system";
    let kind = match rustix::fs::statfs(root) {
        Ok(status) => status.f_type,
        Err(error) => {
            let advice = "look whether the disk is mounted";
            return Finding::not(Health::Unknown, what, error.to_string(), advice);
        }
    };
    if TEMPORARY.contains(&kind) {
        let found = "it lies in memory, and is gone with the next start".to_string();
        return Finding::not(Health::Bad, what, found, "put the data directory on a disk");
    }
    if REMOTE.contains(&kind) {
        let found = "it is another machine's (NFS or SMB)".to_string();
        let advice = "use a local disk: locks and syncs are only as good as the other machine's";
        return Finding::not(Health::Weak, what, found, advice);
    }
    Finding::good(what, format!("local, type {kind:#x}"))
}

fn space(root: &Path, config: &Config) -> Finding {
    let what = "disk space";
    let free = match fs4::available_space(root) {
        Ok(free) => free,
        Err(error) => {
            let advice = "look whether the disk is mounted";
            return Finding::not(Health::Unknown, what, error.to_string(), advice);
        }
    };
    let (used, reserve) = (durable::bytes_under(root), config.disk_reserve_bytes());
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let found = format!("{} free, {} used here, {} reserved", mib(free), mib(used), mib(reserve));
    if free < reserve {
        let advice = "free some, or lower `disk_reserve_mib`: no events are taken below it";
        return Finding::not(Health::Bad, what, found, advice);
    }
    if free < 2 * reserve {
        let advice = "free some: no attachments are taken below twice the reserve";
        return Finding::not(Health::Bad, what, found, advice);
    }
    if free < used {
        let advice = "free some: a store that is made anew needs its own size once more";
        return Finding::not(Health::Weak, what, found, advice);
    }
    Finding::good(what, found)
}

fn syncs(root: &Path) -> Finding {
    let what = "sync";
    let times = match time_syncs(root) {
        Ok(times) => times,
        Err(error) => {
            let found = format!("cannot write in `{}`: {error}", root.display());
            return Finding::not(Health::Bad, what, found, "let whoever runs `serve` write there");
        }
    };
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1_000.0);
    let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let found = format!("p50 {}, p99 {} of {SYNCS}", ms(half), ms(most));
    if half > SYNC_SLOW {
        let advice = "use a faster disk: each acknowledgement waits for a sync";
        return Finding::not(Health::Weak, what, found, advice);
    }
    if half < SYNC_TOO_FAST {
        let advice = "make sure that this disk keeps what it says in a power cut (a write cache without a battery does not)";
        return Finding::not(Health::Weak, what, found, advice);
    }
    Finding::good(what, found)
}

/// How long each took, in order of time.
fn time_syncs(root: &Path) -> io::Result<Vec<Duration>> {
    let mut file: File = tempfile::tempfile_in(root)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[b'.'; SYNC_BYTES])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

fn descriptors() -> Finding {
    let what = "open files";
    let (_, hard) = match rlimit::Resource::NOFILE.get() {
        Ok(limits) => limits,
        Err(error) => {
            let advice = "look at `ulimit -Hn`";
            return Finding::not(Health::Unknown, what, error.to_string(), advice);
        }
    };
    let found = format!("{hard} at most");
    if hard < DESCRIPTORS_WANTED {
        let advice =
            "raise the limit (LimitNOFILE= of the unit, ulimit -Hn): each connection is one";
        return Finding::not(Health::Weak, what, found, advice);
    }
    Finding::good(what, found)
}

fn memory() -> Finding {
    let what = "memory";
    let of = |text: &str, name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().strip_suffix("kB")?.trim().parse().ok()
    };
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let Some((total, free)) = of(&text, "MemTotal").zip(of(&text, "MemAvailable")) else {
        let found = "`/proc/meminfo` does not say".to_string();
        return Finding::not(Health::Unknown, what, found, "look whether 2 GiB are free");
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let found = format!("{} of {} MiB are free; {cores} cores", free >> 10, total >> 10);
    if free << 10 < MEMORY_WANTED_BYTES {
        let advice = "give it 2 GiB: questions have 1 GiB of it at most, caches most of the rest";
        return Finding::not(Health::Weak, what, found, advice);
    }
    Finding::good(what, found)
}

/// Whether somebody puts this machine's clock right.
fn clock() -> Finding {
    let what = "clock";
    let asked =
        Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output();
    let now = Micros::now();
    match asked.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_string()) {
        Ok(word) if word == "yes" => Finding::good(what, format!("{now}, synchronized")),
        Ok(word) if word == "no" => Finding::not(
            Health::Weak,
            what,
            format!("{now}, not synchronized"),
            "switch time synchronization on (`timedatectl set-ntp true`, chrony): receipts and waits are by this clock",
        ),
        _ => Finding::not(
            Health::Unknown,
            what,
            format!("{now}; nobody here says whether it is synchronized"),
            "make sure that the host's clock is: receipts and waits are by it",
        ),
    }
}

/// Whether the clock is behind what it said of the newest record. The files do not say when: they are allocated ahead.
fn log_and_clock(data: &DataDir) -> Finding {
    let what = "clock and log";
    let newest = match newest_record(data) {
        Ok(Some(newest)) => newest.received_at,
        Ok(None) => return Finding::good(what, "no record is in the log".to_string()),
        Err(error) => {
            let advice = "let `verbatim audit` say what is damaged";
            return Finding::not(Health::Unknown, what, error.to_string(), advice);
        }
    };
    let found = format!("the newest record was received at {newest}");
    let ahead_ms = newest.ms_since(Micros::now());
    if ahead_ms > CLOCK_AHEAD_MAX_MS {
        let found = format!("{found}, which is {} s from now", ahead_ms / 1_000);
        let advice = "put the clock right: it is behind what it said before";
        return Finding::not(Health::Bad, what, found, advice);
    }
    Finding::good(what, found)
}

/// What was taken last, also while a service takes more.
fn newest_record(data: &DataDir) -> Result<Option<Record>, LogError> {
    let log = LogReader::open_read_only(&data.log())?;
    let (oldest, head) = (log.oldest(), log.head());
    if oldest == head {
        return Ok(None);
    }
    Ok(log.range(Offset(head.0 - 1), head)?.pop())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Origin, testing};

    fn health(findings: &[Finding], what: &str) -> Health {
        findings.iter().find(|finding| finding.what == what).unwrap().health
    }

    #[test]
    fn each_finding_that_is_not_good_says_what_to_change() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path().join("nowhere/yet"));
        let findings = examine(&data, &Config::default());
        assert!(findings.len() >= 9);
        for finding in &findings {
            assert_eq!(finding.advice.is_none(), finding.health == Health::Good, "{finding:?}");
        }
        assert_eq!(health(&findings, "data directory"), Health::Unknown);
        assert!(!dir.path().join("nowhere").exists(), "it makes nothing");
    }

    /// A segment is allocated ahead, and its folder as old as its first record: neither says when the last one came.
    #[test]
    fn a_clock_that_is_behind_the_log_is_bad() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        let none = log_and_clock(&data);
        assert_eq!((none.health, &*none.found), (Health::Good, "no record is in the log"));
        let (mut writer, ..) = crate::log::open(&data.log()).unwrap();
        let event = r#"{"id":"m","conversation":"c","kind":"message","sender":{"id":"u","role":"customer"},"text":"x"}"#;
        let mut append = |offset: u64, received_at: Micros| {
            let position = testing::position(offset, received_at);
            let record = testing::record_at(position, "s", Origin::Live, event);
            writer.append(Arc::new(record)).unwrap();
            writer.commit().unwrap();
        };
        append(0, Micros(1_000_000));
        let past = log_and_clock(&data);
        assert_eq!(past.health, Health::Good);
        assert!(past.found.ends_with("at 1970-01-01T00:00:01.000000Z"), "{past:?}");
        append(1, Micros(Micros::now().0 + 3_600_000_000));
        assert_eq!(log_and_clock(&data).health, Health::Bad);
    }

    #[test]
    fn a_key_that_others_may_read_and_a_reserve_that_is_touched_are_bad() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        drop(data.own(None).unwrap());
        fs::create_dir(data.keys()).unwrap();
        let key = data.keys().join("a.key");
        fs::write(&key, "x").unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        // As commands of before made it.
        fs::write(data.keys().join("lock"), "").unwrap();
        fs::set_permissions(data.keys().join("lock"), fs::Permissions::from_mode(0o644)).unwrap();
        let config = Config { disk_reserve_mib: 1, ..Config::default() };
        let findings = examine(&data, &config);
        assert_eq!(health(&findings, "rights"), Health::Good);
        assert_eq!(health(&findings, "disk space"), Health::Good);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let config = Config { disk_reserve_mib: u32::MAX, ..Config::default() };
        let findings = examine(&data, &config);
        assert_eq!(health(&findings, "rights"), Health::Bad);
        assert_eq!(health(&findings, "disk space"), Health::Bad);
    }
}
