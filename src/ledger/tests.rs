//! The ledger through what can happen to it: kills between any two steps of a commit, files that are
//! torn, deleted and made anew, and a check of all it hands out by another implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tlog_tiles::{Hash as TlogHash, HashReader, Tile, TileHashReader, TileReader};

use super::keys::{LedgerKeys, begin_anew, rotate};
use super::multiproof;
use super::tree::Frontier;
use super::tree::tests::{leaf, root};
use super::writer::Writer;
use super::{Checkpoint, LedgerError, LedgerReader, VerifierKey, check_consistency};
use crate::durable::testing::{FailNth, Journal};
use crate::durable::{Disk, Seam};

/// A data directory with a ledger in it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    fn keys(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    fn open(&self) -> Result<Writer, LedgerError> {
        self.open_through(Arc::new(Journal::default()))
    }

    /// With `seam` before every write of a commit.
    fn open_through(&self, seam: Arc<dyn Seam>) -> Result<Writer, LedgerError> {
        let mut keys = LedgerKeys::open_or_create(&self.keys(), None)?;
        let of_io = |source| LedgerError::Io { path: self.folder(), source };
        keys.disk = Arc::new(Disk::open_through(&self.keys(), seam.clone()).map_err(of_io)?);
        let disk = Disk::open_through(&self.folder(), seam).map_err(of_io)?;
        Writer::open(Arc::new(disk), keys)
    }

    fn reader(&self) -> LedgerReader {
        LedgerReader::open_read_only(&self.folder(), &self.keys()).unwrap()
    }

    /// What was signed last, as the disk has it.
    fn signed(&self) -> Option<Checkpoint> {
        super::last_signed(&self.keys()).unwrap().map(|(signed, _)| signed)
    }
}

fn grow(writer: &mut Writer, to: u64) {
    for index in writer.size()..to {
        writer.push(leaf(index));
    }
}

/// Numbers that look like chance and are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn any_split_into_commits_gives_the_same_tree() {
    let whole = Place::new();
    let mut writer = whole.open().unwrap();
    grow(&mut writer, 3_000);
    assert_eq!(writer.commit().unwrap(), 3_000);
    let files = |place: &Place| {
        ["hashes-0", "hashes-1", "state"].map(|name| fs::read(place.folder().join(name)).unwrap())
    };
    let mut chance = Chance(7);
    for step_max in [1_u64, 40, 300, 1_000] {
        let split = Place::new();
        let mut writer = split.open().unwrap();
        let steps = if step_max == 1 { 100 } else { 3_000 };
        while writer.size() < 3_000 {
            let at_once = if writer.size() < steps { 1 + chance.below(step_max) } else { 3_000 };
            let to = (writer.size() + at_once).min(3_000);
            grow(&mut writer, to);
            writer.commit().unwrap();
            if chance.below(4) == 0 {
                writer = split.open().unwrap();
            }
        }
        assert_eq!(files(&split), files(&whole), "in steps of up to {step_max}");
        assert_eq!(split.signed().unwrap().root, root(3_000));
    }
}

/// The process is killed before the n-th call that changes the disk, for every n, and what was written
/// and not committed may be there, in part, or be something else. Whatever was ever signed must hold
/// in the end.
#[test]
fn no_two_checkpoints_contradict() {
    let sizes = [3, 250, 256, 260, 600];
    let mut kills = 0;
    for scribble in [false, true] {
        for nth in 1.. {
            let place = Place::new();
            drop(place.open().unwrap());
            let seam = Arc::new(FailNth::for_good(nth));
            let mut signed: Vec<Checkpoint> = Vec::new();
            let run = |seam: Arc<dyn Seam>, signed: &mut Vec<Checkpoint>| {
                let mut writer = place.open_through(seam)?;
                for size in sizes {
                    let to = size.max(writer.size());
                    grow(&mut writer, to);
                    let committed = writer.commit();
                    signed.extend(place.signed());
                    committed?;
                    let shown = writer.shown().lock().signed.clone();
                    assert_eq!(Some(&shown), place.signed().as_ref(), "shown is remembered");
                }
                Ok::<(), LedgerError>(())
            };
            let killed = run(seam.clone(), &mut signed).is_err();
            assert_eq!(killed, seam.failed().is_some());
            signed.extend(place.signed());
            if scribble {
                scribble_beyond(&place);
            }
            run(Arc::new(Journal::default()), &mut signed).unwrap();
            for checkpoint in &signed {
                assert_eq!(checkpoint.root, root(checkpoint.size), "{checkpoint:?}, kill {nth}");
            }
            assert!(signed.is_sorted_by_key(|checkpoint| checkpoint.size));
            if !killed {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 2 * 30, "{kills} kills");
}

/// What is beyond the committed size was never synced: any bytes, any length.
fn scribble_beyond(place: &Place) {
    let state = fs::read_to_string(place.folder().join("state")).unwrap_or_default();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap_or_default();
    let size = state["size"].as_u64().unwrap_or(0);
    for level in 0..2 {
        let path = place.folder().join(format!("hashes-{level}"));
        if let Ok(mut bytes) = fs::read(&path) {
            bytes.truncate((size >> (8 * level)) as usize * 32);
            bytes.extend([0xaa; 777]);
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn a_tree_made_anew_comes_out_as_it_was_signed_or_is_not_signed() {
    let place = Place::new();
    let mut writer = place.open().unwrap();
    grow(&mut writer, 500);
    writer.commit().unwrap();
    let signed = place.signed().unwrap();
    fs::remove_dir_all(place.folder()).unwrap();
    let mut writer = place.open().unwrap();
    grow(&mut writer, 300);
    writer.commit().unwrap();
    assert_eq!(place.signed().unwrap(), signed, "nothing smaller is signed");
    let behind = place.reader().consistency(100, 400).unwrap_err();
    assert!(matches!(behind, LedgerError::CatchingUp { size: 300, signed: 500 }), "{behind}");
    grow(&mut writer, 700);
    writer.commit().unwrap();
    assert_eq!(place.signed().unwrap().root, root(700));

    // Another record stands where one was: whichever it is, the tree is not that which was signed.
    for changed in [0, 699] {
        fs::remove_dir_all(place.folder()).unwrap();
        let mut writer = place.open().unwrap();
        (0..800).for_each(|index| {
            writer.push(if index == changed { leaf(9_999) } else { leaf(index) });
        });
        let error = writer.commit().unwrap_err();
        assert!(matches!(error, LedgerError::Contradiction { size: 700, .. }), "{error}");
        assert_eq!(place.signed().unwrap().size, 700);
        assert!(!place.folder().join("state").exists(), "nothing of it is committed");
    }
    // Beyond what was signed nothing is promised yet.
    fs::remove_dir_all(place.folder()).unwrap();
    let mut writer = place.open().unwrap();
    (0..800).for_each(|index| writer.push(if index == 700 { leaf(9_999) } else { leaf(index) }));
    writer.commit().unwrap();
}

/// Every file of the ledger is damaged at every place that counts, or goes.
#[test]
fn damage_is_found_before_anything_is_signed_or_proved() {
    let make = || {
        let place = Place::new();
        let mut writer = place.open().unwrap();
        grow(&mut writer, 700);
        writer.commit().unwrap();
        place
    };
    for (name, position) in [("hashes-0", 699 * 32), ("hashes-1", 33), ("state", 20)] {
        let place = make();
        let path = place.folder().join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[position] ^= 4;
        fs::write(&path, &bytes).unwrap();
        let error = place.open().err().unwrap();
        assert!(matches!(error, LedgerError::Damaged { .. }), "{name}: {error}");
        assert!(error.to_string().contains("rebuild ledger"), "{error}");
        bytes.truncate(position);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(place.open().err().unwrap(), LedgerError::Damaged { .. }), "{name} cut");
        fs::remove_file(&path).unwrap();
        let reopened = place.open();
        if name == "state" {
            // Nothing is committed then; the tree is made again from the log.
            assert_eq!(reopened.unwrap().size(), 0);
        } else {
            assert!(matches!(reopened.err().unwrap(), LedgerError::Damaged { .. }), "{name} gone");
        }
    }
    // What opening does not read is found by whoever proves with it.
    let place = make();
    let path = place.folder().join("hashes-0");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100 * 32] ^= 4;
    fs::write(&path, &bytes).unwrap();
    drop(place.open().unwrap());
    let reader = place.reader();
    assert!(matches!(reader.inclusion(101, 700), Err(LedgerError::Inconsistent(_))));
    assert!(matches!(reader.prove(700, &BTreeSet::from([100])), Err(LedgerError::Inconsistent(_))));
    assert!(matches!(reader.consistency(90, 700), Err(LedgerError::Inconsistent(_))));
    assert!(reader.inclusion(600, 700).is_ok(), "elsewhere the tree is whole");
}

/// All pairs of small sizes, by the library's own verifier, which shares no code with what proves.
#[test]
fn all_small_trees_are_proved_to_another_verifier() {
    let place = Place::new();
    let mut writer = place.open().unwrap();
    grow(&mut writer, 70);
    writer.commit().unwrap();
    let reader = place.reader();
    let roots: Vec<[u8; 32]> = (0..=70).map(root).collect();
    for to in 0..=70_u64 {
        for from in 0..=to {
            let proof = reader.consistency(from, to).unwrap();
            let (older, newer) = (roots[from as usize], roots[to as usize]);
            check_consistency((from, older), (to, newer), &proof).unwrap();
            if from > 0 && from < to {
                let refused = check_consistency((from, newer), (to, newer), &proof);
                assert!(refused.is_err(), "{from} {to}");
            }
        }
        for index in 0..to {
            let inclusion = reader.inclusion(index, to).unwrap();
            let path: Vec<TlogHash> = inclusion.path.iter().map(|hash| TlogHash(*hash)).collect();
            let hash = TlogHash(inclusion.leaf);
            tlog_tiles::check_record(&path, to, TlogHash(roots[to as usize]), index, hash).unwrap();
            assert_eq!(inclusion.leaf, leaf(index));
        }
        let odd: BTreeSet<u64> = (0..to).filter(|index| index % 3 == 1).collect();
        let hashes = reader.prove(to, &odd).unwrap();
        let leaves: BTreeMap<u64, [u8; 32]> =
            odd.iter().map(|index| (*index, leaf(*index))).collect();
        assert_eq!(multiproof::root(to, &leaves, &hashes).unwrap(), roots[to as usize]);
    }
    assert!(matches!(reader.consistency(3, 71), Err(LedgerError::NotThatFar { .. })));
    assert!(matches!(reader.consistency(4, 3), Err(LedgerError::BadRange { .. })));
    assert!(matches!(reader.inclusion(70, 70), Err(LedgerError::NotThatFar { .. })));
}

/// Reads tiles as a client of C2SP's does, by their paths.
struct Tiles<'a>(&'a LedgerReader);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            let (level, number) = (usize::from(tile.level()), tile.level_index());
            self.0.tile(level, number, tile.width() as usize).unwrap()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _tiles: &[Tile], _data: &[Vec<u8>]) {}
}

/// The library fetches tiles, checks them against the root that was signed, and finds each leaf.
#[test]
fn a_client_of_tiles_finds_every_leaf() {
    let place = Place::new();
    let mut writer = place.open().unwrap();
    for size in [1, 255, 256, 257, 65_536, 66_000] {
        grow(&mut writer, size);
        writer.commit().unwrap();
        let reader = place.reader();
        let signed = reader.checkpoint().unwrap();
        assert_eq!(signed.size, size);
        let tiles = Tiles(&reader);
        let hashes = TileHashReader::new(size, TlogHash(signed.root), &tiles);
        for index in (0..size).step_by(1 + size as usize / 9).chain([size - 1]) {
            let number = tlog_tiles::stored_hash_index(0, index);
            assert_eq!(hashes.read_hashes(&[number]).unwrap()[0].0, leaf(index));
        }
        assert!(reader.tile(0, size / 256, (size % 256 + 1) as usize).is_err());
        assert!(reader.tile(0, u64::MAX, 256).is_err());
        assert!(reader.tile(63, 0, 1).is_err());
        assert!(reader.tile(usize::MAX, 0, 1).is_err());
    }
}

#[test]
fn a_rotated_key_signs_the_same_ledger_and_a_new_origin_another() {
    let place = Place::new();
    let mut writer = place.open().unwrap();
    grow(&mut writer, 40);
    writer.commit().unwrap();
    let old = place.signed().unwrap();
    drop(writer);
    rotate(&place.keys()).unwrap();
    let mut writer = place.open().unwrap();
    let new = place.signed().unwrap();
    assert_eq!((new.size, new.root, &new.origin), (old.size, old.root, &old.origin));
    assert_ne!(new.key, old.key);
    grow(&mut writer, 50);
    writer.commit().unwrap();
    let proof = place.reader().consistency(40, 50).unwrap();
    old.check_followed_by(&place.signed().unwrap(), &proof).unwrap();
    drop(writer);

    // The records of before are gone: the old ledger can never come out again.
    fs::remove_dir_all(place.folder()).unwrap();
    let mut writer = place.open().unwrap();
    (0..60).for_each(|index| writer.push(leaf(index + 1_000)));
    assert!(matches!(writer.commit(), Err(LedgerError::Contradiction { size: 50, .. })));
    drop(writer);
    let public = begin_anew(&place.keys(), None).unwrap();
    assert_eq!(public.previous.len(), 2);
    let mut writer = place.open().unwrap();
    (0..60).for_each(|index| writer.push(leaf(index + 1_000)));
    writer.commit().unwrap();
    let begun = place.signed().unwrap();
    assert_eq!(begun.key, VerifierKey::parse(&public.vkey).unwrap());
    assert_ne!(begun.origin, old.origin);
}

/// What a service signs for bundles cannot pass for a checkpoint.
#[test]
fn only_the_ledger_itself_signs_checkpoints() {
    let place = Place::new();
    let writer = place.open().unwrap();
    let reader = LedgerReader::default();
    assert!(matches!(reader.checkpoint(), Err(LedgerError::NotOpen(_))));
    reader.show(writer.shown());
    let origin = reader.public_keys().unwrap().origin;
    let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    assert!(reader.sign(&format!("{origin}\n9\n{root}\n")).is_err());
    let sums = reader.sign("00ff  data/messages.jsonl\n").unwrap();
    let vkey = VerifierKey::parse(&reader.public_keys().unwrap().vkey).unwrap();
    assert!(vkey.open(sums.as_bytes()).is_ok());
    assert!(Checkpoint::open(sums.as_bytes(), &[vkey]).is_err());
    assert!(place.reader().sign("x\n").is_err(), "who only reads has no key");
}

/// Prints what the ledger costs: `VERBATIM_LEDGER_LEAVES=10000000 cargo test --release --lib
/// what_the_ledger_costs -- --nocapture`.
#[test]
fn what_the_ledger_costs() {
    let leaves: u64 = std::env::var("VERBATIM_LEDGER_LEAVES")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(20_000);
    let place = Place::new();
    let mut writer = place.open().unwrap();
    let mut pushing = std::time::Duration::ZERO;
    let mut commits = 0;
    let began = std::time::Instant::now();
    while writer.size() < leaves {
        let to = (writer.size() + 65_536).min(leaves);
        let pushed = std::time::Instant::now();
        grow(&mut writer, to);
        pushing += pushed.elapsed();
        writer.commit().unwrap();
        commits += 1;
    }
    let whole = began.elapsed();
    let bytes: u64 = fs::read_dir(place.folder())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    println!("{leaves} leaves in {commits} commits: {whole:?}, of which hashing {pushing:?}");
    println!("{:.2} bytes a leaf on the disk", bytes as f64 / leaves as f64);
    let key = super::LedgerKey::random("ledger").unwrap();
    let began = std::time::Instant::now();
    (0..1_000).for_each(|size| drop(Checkpoint::sign(&key, size, [0; 32]).unwrap()));
    println!("to sign a checkpoint: {:?}", began.elapsed() / 1_000);
    let reader = place.reader();
    let mut chance = Chance(1);
    let scattered: BTreeSet<u64> = (0..1_000).map(|_| chance.below(leaves)).collect();
    let run: BTreeSet<u64> = (leaves / 3..).take(1_000).collect();
    for (name, disclosed) in [("scattered", scattered), ("neighbouring", run)] {
        let began = std::time::Instant::now();
        let hashes = reader.prove(leaves, &disclosed).unwrap();
        let took = began.elapsed();
        println!("to prove {} {name} leaves: {took:?}, {} hashes", disclosed.len(), hashes.len());
        let all = disclosed.iter().map(|index| (*index, leaf(*index))).collect();
        let got = multiproof::root(leaves, &all, &hashes).unwrap();
        assert_eq!(got, reader.root().unwrap());
    }
    let mut frontier = Frontier::default();
    (0..leaves.min(20_000)).for_each(|index| frontier.push(leaf(index), |_, _| ()));
    assert_eq!(frontier.root(), reader_root(&reader, frontier.size()));
}

fn reader_root(reader: &LedgerReader, size: u64) -> [u8; 32] {
    let all: BTreeMap<u64, [u8; 32]> = (0..size).zip(reader.leaves(0..size).unwrap()).collect();
    multiproof::root(size, &all, &[]).unwrap()
}
