//! The power goes while customers write, again and again: what was acknowledged is there, once, at
//! its place, and all stores hold the same.
//!
//! Two disks, since each shows what the other does not. An ext4 is shut down amid its work: what it
//! had not put into its journal is gone, names of files with it. And of what a process had written
//! and not synced when it was killed, some pages are taken back, as a disk does that writes them in
//! an order of its own; half of these kills come just before the log is synced.
//!
//! `VERBATIM_CUTS=N` makes it longer.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use rand::Rng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::block_in_place;
use verbatim::access::TokenRole::Admin;

use super::clients::Clients;
use super::disk::Disk;
use super::shims::POWER;
use super::support::{Data, SHOP, Server, seeded, trials};

/// Cuts of each disk in a usual run.
const CUTS: u64 = 6;
/// Then there is a new directory.
const CUTS_A_DIRECTORY: u64 = 10;
/// Within so many cuts a control must have lost something.
const CONTROL_CUTS: u64 = 20;
/// A start syncs the log at most so often.
const SYNCS_OF_A_START: u64 = 3;
const DISK_MIB: u64 = 192;
const PAGE_BYTES: u64 = 4_096;

/// What the power of is cut.
enum Power {
    Disk(Disk),
    /// Where what unsynced writes replaced is put down.
    Pages(tempfile::TempDir),
}

/// Whether the log's syncs are made.
#[derive(Clone, Copy, PartialEq)]
enum Syncs {
    Made,
    /// Each says that it was, and was not.
    Dropped,
}

impl Power {
    fn data(&self) -> Data {
        let data = match self {
            Power::Disk(disk) => Data::within(&disk.path()),
            Power::Pages(_) => Data::new(),
        };
        data.set("commit_interval_ms = 50\nlog_segment_mib = 4\ndisk_reserve_mib = 8\n");
        data
    }

    /// What was done so far is durable.
    fn settle(&self) {
        if let Power::Disk(disk) = self {
            disk.sync();
        }
    }

    /// Puts the disk under a program; `dies_at` is the sync of the log before which it is killed.
    fn put_under(&self, command: &mut Command, data: &Data, syncs: Syncs, dies_at: Option<u64>) {
        command.env("LD_PRELOAD", POWER.as_os_str()).env("VERBATIM_TEST_DISK", data.path());
        if let Power::Pages(undo) = self {
            command.env("VERBATIM_TEST_UNDO", undo.path());
        }
        if let Some(dies_at) = dies_at {
            command.env("VERBATIM_TEST_DIE_AT_SYNC", dies_at.to_string());
        }
        if syncs == Syncs::Dropped {
            command.env("VERBATIM_TEST_DROP_SYNCS", "1");
        }
    }

    /// Cuts it under a running service, which ends; then it is back. Returns how many pages were
    /// taken back.
    fn cut(&self, server: Server, data: &Data, random: &mut StdRng) -> usize {
        match self {
            Power::Disk(disk) => {
                // A machine without power answers nobody either: the kernel lets a sync that was
                // under way then end well, though nothing of it is durable.
                server.freeze();
                disk.cut_power();
                server.kill();
                disk.mount_again();
                0
            }
            Power::Pages(undo) => {
                server.kill();
                take_back(undo.path(), &data.path(), random)
            }
        }
    }
}

/// How a directory came through.
#[derive(Default)]
struct Survived {
    acked: usize,
    pages: usize,
    complaints: Vec<String>,
}

/// Cuts the power so many times under one directory, up to the first complaint.
async fn survive(power: &Power, cuts: u64, syncs: Syncs, random: &mut StdRng) -> Survived {
    let data = power.data();
    let token = data.token(SHOP, "boss", &[Admin]);
    // The first start makes the log: what is cut below are the writes of events.
    block_in_place(|| assert_eq!(Server::start(&data).stop(), 0));
    power.settle();
    let mut survived = Survived::default();
    let mut clients = Clients::new(&token, random);
    let start = |random: &mut StdRng| {
        let is_page = matches!(power, Power::Pages(_)) && random.random();
        let dies_at = is_page.then(|| SYNCS_OF_A_START + random.random_range(1..60));
        let started = block_in_place(|| {
            Server::try_start(&data, |command| power.put_under(command, &data, syncs, dies_at))
        });
        started.map(|server| (server, dies_at))
    };
    let (mut server, mut dies_at) = start(random).unwrap();
    for cut in 0..cuts {
        let (_, url) = watch::channel(server.url.clone());
        let sending = clients.send(&url);
        if dies_at.is_some() {
            sending.until_killed(&mut server).await;
        } else {
            // Every fourth dies young; the others amid acks.
            let wanted = random.random_range(1..400);
            sending.until_acked(if cut % 4 == 3 { 0 } else { wanted }, &server).await;
            // The moment itself is the point, not a wait for something.
            tokio::time::sleep(Duration::from_micros(random.random_range(0..60_000))).await;
        }
        survived.pages += block_in_place(|| power.cut(server, &data, random));
        clients = sending.stop().await;
        let audited = block_in_place(|| data.run(["audit"]));
        if audited.code != 0 {
            survived.complaints.push(audited.to_string());
        }
        match start(random) {
            Ok(again) => (server, dies_at) = again,
            Err(said) => {
                survived.complaints.push(said);
                break;
            }
        }
        let records = server.http(&token).records().await;
        survived.complaints.extend(clients.complaints(&records));
        if !survived.complaints.is_empty() {
            break;
        }
    }
    survived.acked = clients.acked();
    if !survived.complaints.is_empty() {
        data.is_left_damaged();
    }
    survived
}

/// Cuts as often as asked, and reports.
async fn nothing_is_lost(name: &str, power: impl Fn() -> Option<Power>) {
    let (cuts, mut random) = (trials("VERBATIM_CUTS", CUTS), seeded(name));
    let (mut done, mut acked, mut pages) = (0, 0, 0);
    while done < cuts {
        let Some(power) = power() else { return };
        let some = CUTS_A_DIRECTORY.min(cuts - done);
        let survived = survive(&power, some, Syncs::Made, &mut random).await;
        assert_eq!(survived.complaints, Vec::<String>::new());
        done += some;
        acked += survived.acked;
        pages += survived.pages;
    }
    assert!(acked > 0);
    println!(
        "{name}: {done} cuts, {acked} acknowledged events, {pages} pages taken back: 0 lost, 0 doubled, 0 moved; 95 % bound on the rate per cut {:.4}",
        3.0 / done as f64
    );
    if matches!(power(), Some(Power::Pages(_))) {
        assert!(pages > 0, "nothing was unsynced at any cut");
    }
}

/// The control: without syncs of the log, the same cuts must be seen to lose what was acknowledged.
async fn without_syncs_it_is_lost(name: &str, power: impl Fn() -> Option<Power>) {
    let mut random = seeded(name);
    for cut in 1..=CONTROL_CUTS {
        let Some(power) = power() else { return };
        let survived = survive(&power, 1, Syncs::Dropped, &mut random).await;
        let said = survived.complaints.join("\n");
        if let Some(loss) = said.lines().find(|line| line.contains("s lost")) {
            println!("{name}: seen at cut {cut}: {loss}");
            return;
        }
    }
    panic!("{name}: {CONTROL_CUTS} cuts without syncs, and no loss was seen");
}

fn disk() -> Option<Power> {
    Disk::ext4(DISK_MIB).map(Power::Disk)
}

fn pages() -> Option<Power> {
    Some(Power::Pages(tempfile::tempdir().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_whose_power_goes_keeps_what_was_acknowledged() {
    nothing_is_lost("power of a disk", disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_whose_syncs_do_nothing_is_seen_to_lose() {
    without_syncs_it_is_lost("power of a disk without syncs", disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_lost_at_random_take_nothing_acknowledged() {
    nothing_is_lost("pages lost", pages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_whose_syncs_do_nothing_are_seen_to_be_lost() {
    without_syncs_it_is_lost("pages lost without syncs", pages).await;
}

/// What one unsynced write replaced, as `power.c` puts it down.
struct Replaced {
    file_bytes: u64,
    offset: u64,
    bytes: u64,
    old: Vec<u8>,
}

/// Takes back some pages of what was not synced, or all, or none. Returns how many.
fn take_back(undo: &Path, data: &Path, random: &mut StdRng) -> usize {
    let share = [0.0, 0.1, 0.5, 0.9, 1.0][random.random_range(0..5)];
    let mut files = BTreeMap::new();
    files_by_birth(data, &mut files);
    let mut pages = 0;
    for (birth, file) in files {
        // A sync under way when the power went made nothing durable.
        let mut writes = replaced(&undo.join(format!("{birth}.syncing")));
        writes.extend(replaced(&undo.join(&birth)));
        if !writes.is_empty() {
            pages += take_back_from(&file, &writes, share, random);
        }
    }
    for entry in fs::read_dir(undo).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    pages
}

fn take_back_from(path: &Path, writes: &[Replaced], share: f64, random: &mut StdRng) -> usize {
    let pages_of = |write: &Replaced| {
        write.offset / PAGE_BYTES..(write.offset + write.bytes).div_ceil(PAGE_BYTES)
    };
    let written: BTreeSet<u64> = writes.iter().flat_map(pages_of).collect();
    let (lost, kept): (BTreeSet<u64>, BTreeSet<u64>) =
        written.into_iter().partition(|_| random.random_bool(share));
    let file = fs::File::options().write(true).open(path).unwrap();
    // The newest first: what lay there before all of them stays.
    for write in writes.iter().rev() {
        let mut old = write.old.clone();
        old.resize(write.bytes as usize, 0);
        for page in pages_of(write).filter(|page| lost.contains(page)) {
            let from = (page * PAGE_BYTES).max(write.offset) - write.offset;
            let to = ((page + 1) * PAGE_BYTES).min(write.offset + write.bytes) - write.offset;
            let bytes = &old[from as usize..to as usize];
            file.write_all_at(bytes, write.offset + from).unwrap();
        }
    }
    // A file is as long as the last page of it that was kept, and no shorter than it was.
    let kept_bytes = kept.last().map_or(0, |page| (page + 1) * PAGE_BYTES);
    let bytes = file.metadata().unwrap().len();
    file.set_len(bytes.min(kept_bytes.max(writes[0].file_bytes))).unwrap();
    lost.len()
}

/// The writes in an undo file, oldest first; the last may be half put down.
fn replaced(undo: &Path) -> Vec<Replaced> {
    let bytes = fs::read(undo).unwrap_or_default();
    let (mut rest, mut writes) = (&bytes[..], Vec::new());
    while let Some((head, after)) = rest.split_first_chunk::<32>() {
        let field = |at: usize| u64::from_ne_bytes(head[at..at + 8].try_into().unwrap());
        let Some((old, after)) = after.split_at_checked(field(24) as usize) else { break };
        let (file_bytes, offset, bytes) = (field(0), field(8), field(16));
        writes.push(Replaced { file_bytes, offset, bytes, old: old.to_vec() });
        rest = after;
    }
    writes
}

/// The files below a folder, by what `power.c` calls them.
fn files_by_birth(folder: &Path, files: &mut BTreeMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            files_by_birth(&entry.path(), files);
        } else {
            let born = metadata.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
            let birth = format!("{}-{}-{}", metadata.ino(), born.as_secs(), born.subsec_nanos());
            files.insert(birth, entry.path());
        }
    }
}
