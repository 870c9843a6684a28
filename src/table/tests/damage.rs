//! What a power cut on an unsynced disk leaves behind is found when the table is opened.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::model::{ErrorKind, Kinded};
use crate::table::TableError;

/// A table of five commits, and the path of one of its files.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    async fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        let table = open(folder.path()).await;
        for offset in 0..5 {
            commit(&table, &messages(offset * 10..offset * 10 + 10)).await;
        }
        Case { folder }
    }

    fn log_entry(&self, version: u64) -> PathBuf {
        self.folder.path().join(EVENTS_TABLE).join("_delta_log").join(format!("{version:020}.json"))
    }

    async fn newest_file(&self) -> PathBuf {
        let snapshot = Table::open_read_only(self.folder.path(), EVENTS_TABLE).await.unwrap();
        let newest =
            snapshot.files.iter().max_by_key(|file| file.offsets().unwrap().start).unwrap();
        snapshot.path_of(newest)
    }

    /// Both ways of opening name `path` as damaged.
    async fn check(&self, path: &std::path::Path, what: &str) {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let written = try_open(self.folder.path()).await.err();
        let read = Table::open_read_only(self.folder.path(), EVENTS_TABLE).await.err();
        for error in [written, read] {
            let Some(error) = error else { panic!("{what}: opened as if nothing had happened") };
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
            let TableError::Damaged { path: named, .. } = &error else { panic!("{what}: {error}") };
            assert_eq!(named.file_name(), path.file_name(), "{what}: {error}");
            assert!(error.to_string().contains("verbatim audit"), "{what}: {error}");
        }
    }
}

fn cut(path: &std::path::Path, bytes: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_table_opens() {
    let case = Case::new().await;
    assert_eq!(open(case.folder.path()).await.cursor(), Offset(50));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_commit_entry_is_found() {
    for version in [0, 3, 5] {
        let case = Case::new().await;
        cut(&case.log_entry(version), 0);
        case.check(&case.log_entry(version), &format!("version {version} empty")).await;
    }
}

/// The control: delta-rs alone takes the empty entry for a commit in which nothing happened.
#[tokio::test(flavor = "multi_thread")]
async fn delta_alone_serves_an_empty_commit_entry() {
    let case = Case::new().await;
    cut(&case.log_entry(5), 0);
    let root = case.folder.path().join(EVENTS_TABLE).canonicalize().unwrap();
    let (_, log) = super::super::delta::open(crate::durable::Disk::at(&root)).unwrap();
    let (state, cursor) = super::super::delta::load(&root, &log).await.unwrap();
    assert_eq!((state.version(), cursor), (5, Offset(40)), "rows of version 5 silently missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_entry_cut_anywhere_is_found() {
    let whole = fs::metadata(Case::new().await.log_entry(5)).unwrap().len();
    for bytes in (1..whole).step_by(97) {
        let case = Case::new().await;
        cut(&case.log_entry(5), bytes);
        case.check(&case.log_entry(5), &format!("cut to {bytes} of {whole}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_entry_cut_at_the_end_of_a_line_is_found() {
    let case = Case::new().await;
    let text = fs::read_to_string(case.log_entry(5)).unwrap();
    for (position, _) in text.match_indices('\n') {
        let case = Case::new().await;
        let text = fs::read_to_string(case.log_entry(5)).unwrap();
        let position = text
            .match_indices('\n')
            .map(|(found, _)| found)
            .min_by_key(|found| found.abs_diff(position));
        cut(&case.log_entry(5), position.unwrap() as u64);
        case.check(&case.log_entry(5), "whole lines, but too few").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_commit_entry_is_found() {
    let case = Case::new().await;
    fs::remove_file(case.log_entry(2)).unwrap();
    case.check(&case.log_entry(2), "a gap in the log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_that_is_cut_empty_zeroed_or_gone_is_found() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 5] = [
        ("cut by one byte", |path| cut(path, fs::metadata(path).unwrap().len() - 1)),
        ("empty", |path| cut(path, 0)),
        ("without its last page", |path| {
            let bytes = fs::metadata(path).unwrap().len();
            cut(path, bytes - 100);
            cut(path, bytes);
        }),
        ("longer than said", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes.extend(b"0000PAR1");
            fs::write(path, bytes).unwrap();
        }),
        ("gone", |path| fs::remove_file(path).unwrap()),
    ];
    for (what, damage) in damages {
        let case = Case::new().await;
        let path = case.newest_file().await;
        damage(&path);
        case.check(&path, what).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_footer_of_a_new_file_is_found() {
    let case = Case::new().await;
    let path = case.newest_file().await;
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    // The last 8 bytes stay, so that only reading the footer can tell.
    bytes[end - 200..end - 8].fill(0xff);
    fs::write(&path, bytes).unwrap();
    case.check(&path, "footer overwritten").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_checkpoint_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path()).await;
    for next in 1..=101 {
        table.commit(Vec::new(), Offset(next - 1), Offset(next)).await.unwrap();
        table.checkpoint_if_due().await.unwrap();
    }
    let case = Case { folder };
    let checkpoint = case.log_entry(100).with_extension("checkpoint.parquet");
    cut(&checkpoint, fs::metadata(&checkpoint).unwrap().len() / 2);
    case.check(&checkpoint, "checkpoint cut").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_bit_is_found_by_verifying() {
    let case = Case::new().await;
    let snapshot = Table::open_read_only(case.folder.path(), EVENTS_TABLE).await.unwrap();
    let file = snapshot.files.iter().next().unwrap();
    let path = snapshot.path_of(file);
    let whole = fs::read(&path).unwrap();
    snapshot.verify(file).unwrap();
    for _ in 0..500 {
        let bit = rand::random_range(0..whole.len() * 8);
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        let error = snapshot.verify(file).expect_err("a changed bit");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}: {error}");
    }
    fs::write(&path, whole).unwrap();
    snapshot.verify(file).unwrap();
}
