use std::fs;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::testing::{message, open};
use super::{FullText, IndexError, damaged_files, is_of_earlier_version, open_read_only};
use crate::log::{Forgot, Forgotten, LogError, OfConversation, Store, batch};
use crate::model::{ConversationKey, ErrorKind, Kinded, Offset, Pseudonyms, Record};

fn messages(from: u64, to: u64) -> Vec<Record> {
    (from..to).map(|offset| message(offset, "c", &format!("hello 退款 {offset}"))).collect()
}

async fn index_with_two_commits(dir: &Path) -> FullText {
    let (mut store, _) = open(dir).expect("opens");
    for (from, to) in [(0, 10), (10, 25)] {
        store.apply(batch(messages(from, to))).await.expect("applies");
        assert_eq!(store.commit().await.expect("commits"), Offset(to));
    }
    store
}

fn offsets_in_tail(store: &FullText) -> Vec<u64> {
    store.shown().tail().map(|record| record.offset.0).collect()
}

#[tokio::test]
async fn the_cursor_survives_and_what_was_not_committed_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = index_with_two_commits(dir.path()).await;
    store.apply(batch(messages(25, 40))).await.expect("applies");
    assert_eq!((store.applied(), store.shown().cursor()), (Offset(40), Offset(25)));
    assert_eq!(offsets_in_tail(&store), (25..40).collect::<Vec<u64>>());
    drop(store);

    let (mut store, reader) = open(dir.path()).expect("opens again");
    assert_eq!((store.applied(), store.shown().cursor()), (Offset(25), Offset(25)));
    assert_eq!(reader.snapshot().unwrap().searcher().num_docs(), 25);
    assert_eq!(reader.snapshot().unwrap().tail().count(), 0);
    store.apply(batch(messages(25, 40))).await.expect("applies again");
    assert_eq!(store.commit().await.expect("commits"), Offset(40));
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(
        (snapshot.searcher().num_docs(), snapshot.cursor(), snapshot.applied()),
        (40, Offset(40), Offset(40))
    );
    assert_eq!(snapshot.tail().count(), 0);
    assert_eq!(store.commit().await.expect("nothing to commit"), Offset(40));
    assert_eq!(damaged_files(dir.path()).expect("reads all"), Vec::<std::path::PathBuf>::new());
}

/// An erasure reads a conversation, and rewrites the archive before it comes to the index. What was
/// said meanwhile was then in the index no more, and its count was wrong, so that it opened no more.
#[tokio::test]
async fn what_was_said_during_an_erasure_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut store, reader) = open(dir.path()).expect("opens");
    let said = messages(0, 10);
    store.apply(batch(said.clone())).await.expect("applies");
    let records = said.into_iter().map(Arc::new).collect();
    let of = OfConversation { records, erased: [Offset(3)].into(), ..OfConversation::default() };
    let conversations = [(ConversationKey::new("shop", "c"), of)].into();
    let forgotten = Forgotten::new(conversations, Pseudonyms::new([7; 32]), 0);
    store.apply(batch(messages(10, 14))).await.expect("applies");
    store.commit().await.expect("commits");
    assert_eq!(store.forget(&forgotten).await.expect("forgets"), Forgot::All);
    assert_eq!(reader.snapshot().unwrap().searcher().num_docs(), 14);
    drop(store);
    let (store, _) = open(dir.path()).expect("opens again");
    assert_eq!(store.applied(), Offset(14));
}

#[tokio::test]
async fn a_snapshot_does_not_change() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = index_with_two_commits(dir.path()).await;
    store.apply(batch(messages(25, 30))).await.expect("applies");
    let before = store.shown();
    store.apply(batch(messages(30, 35))).await.expect("applies");
    store.commit().await.expect("commits");
    assert_eq!(
        (before.cursor(), before.applied(), before.tail().count()),
        (Offset(25), Offset(30), 5)
    );
    assert_eq!(before.searcher().num_docs(), 25);
}

#[tokio::test]
async fn records_out_of_order_are_refused_and_close_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = index_with_two_commits(dir.path()).await;
    let error = store.apply(batch(messages(26, 27))).await.expect_err("a gap");
    assert!(
        matches!(error, IndexError::Log(LogError::Gap { expected: Offset(25), got: Offset(26) })),
        "{error}"
    );
    let error = store.apply(batch(messages(25, 27))).await.expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn another_process_reads_what_is_committed_and_the_log_beyond() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = index_with_two_commits(dir.path()).await;
    store.apply(batch(messages(25, 30))).await.expect("applies");
    let snapshot = open_read_only(dir.path()).expect("opens beside the writer");
    assert_eq!((snapshot.cursor(), snapshot.applied()), (Offset(25), Offset(25)));
    let snapshot = snapshot.with_log_tail(batch(messages(25, 28))).expect("goes on at the cursor");
    assert_eq!(
        (snapshot.cursor(), snapshot.applied(), snapshot.tail().count()),
        (Offset(25), Offset(28), 3)
    );
    assert!(snapshot.with_log_tail(batch(messages(29, 30))).is_err());
    assert!(matches!(open(dir.path()).map(|_| ()), Err(IndexError::Locked { .. })));
}

/// What is done to an index, and what the error then says.
fn check_damage(dir: &Path, damage: impl FnOnce(&Path), says: &str) {
    damage(dir);
    for error in [open(dir).map(|_| ()), open_read_only(dir).map(|_| ())] {
        let error = error.expect_err(says);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("verbatim rebuild index") && text.contains(&dir.display().to_string()),
            "{text}"
        );
        assert!(text.contains(says), "{text}");
    }
}

fn rewrite(path: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(path).expect("reads");
    fs::write(path, change(text)).expect("writes");
}

fn file_ending(dir: &Path, ending: &str) -> std::path::PathBuf {
    let files = fs::read_dir(dir).expect("lists").map(|entry| entry.expect("entry").path());
    files.into_iter().find(|path| path.to_string_lossy().ends_with(ending)).expect("a file")
}

#[tokio::test]
async fn damage_is_reported_and_never_served() {
    type Damage = fn(&Path);
    let cases: &[(Damage, &str)] = &[
        (
            |dir| {
                rewrite(&dir.join("meta.json"), |meta| {
                    meta.replace("\\\"cursor\\\":25", "\\\"cursor\\\":24")
                })
            },
            "check",
        ),
        (
            |dir| {
                rewrite(&dir.join("meta.json"), |meta| {
                    meta.replace("\\\"check\\\"", "\\\"chock\\\"")
                })
            },
            "unreadable",
        ),
        (
            |dir| rewrite(&dir.join("meta.json"), |meta| meta.replace("\"payload\"", "\"other\"")),
            "no cursor",
        ),
        (|dir| rewrite(&dir.join("meta.json"), |meta| meta[..meta.len() / 2].to_string()), ""),
        (
            |dir| {
                rewrite(&dir.join("meta.json"), |meta| meta.replace("\"category\"", "\"kategory\""))
            },
            "other fields",
        ),
        (|dir| fs::remove_file(dir.join("meta.json")).expect("removes"), ""),
        (|dir| fs::remove_file(file_ending(dir, ".idx")).expect("removes"), "missing"),
        (|dir| fs::remove_file(file_ending(dir, ".store")).expect("removes"), "missing"),
    ];
    for (damage, says) in cases {
        let dir = tempfile::tempdir().expect("a directory");
        drop(index_with_two_commits(dir.path()).await);
        check_damage(dir.path(), damage, says);
    }
}

/// Terms of before would find too little and never say so. Whoever opens the index to write makes it
/// anew; whoever only reads says so.
#[tokio::test]
async fn an_index_of_an_earlier_version_is_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path().join("index");
    drop(index_with_two_commits(&folder).await);
    assert!(!is_of_earlier_version(&folder).expect("reads"));
    let check = hex::encode(&Sha256::digest("verbatim/index/v1 25 25")[..8]);
    let payload = format!(r#"{{\"cursor\":25,\"documents\":25,\"check\":\"{check}\"}}"#);
    rewrite(&folder.join("meta.json"), |meta| {
        let from = meta.find(r#"{\"version\":"#).expect("a payload");
        let to = from + meta[from..].find('}').expect("its end") + 1;
        let meta = format!("{}{payload}{}", &meta[..from], &meta[to..]);
        // Its texts were compressed as this build cannot read them.
        assert!(meta.contains("zstd"), "{meta}");
        meta.replace("zstd", "lz4")
    });
    assert!(is_of_earlier_version(&folder).expect("reads"));
    let error = open_read_only(&folder).map(|_| ()).expect_err("nothing is read of it");
    assert!(error.to_string().contains("earlier version"), "{error}");
    let (mut store, reader) = open(&folder).expect("opens");
    assert_eq!((store.applied(), reader.snapshot().unwrap().searcher().num_docs()), (Offset(0), 0));
    store.apply(batch(messages(0, 30))).await.expect("applies");
    assert_eq!(store.commit().await.expect("commits"), Offset(30));
}

#[tokio::test]
async fn a_flipped_bit_in_a_segment_is_found_by_reading_all() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(index_with_two_commits(dir.path()).await);
    let path = file_ending(dir.path(), ".store");
    let mut bytes = fs::read(&path).expect("reads");
    bytes[3] ^= 1;
    fs::write(&path, bytes).expect("writes");
    assert_eq!(damaged_files(dir.path()).expect("reads all"), vec![path]);
}

/// A file cut in half is an error at once or, where tantivy reads it only later, found by reading
/// all.
#[tokio::test]
async fn cut_files_are_never_taken_for_whole() {
    for ending in [".store", ".idx", ".term", ".pos", ".fast"] {
        let dir = tempfile::tempdir().expect("a directory");
        drop(index_with_two_commits(dir.path()).await);
        let path = file_ending(dir.path(), ending);
        let bytes = fs::read(&path).expect("reads");
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("writes");
        match open(dir.path()) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{ending}: {error}"),
            Ok(_) => match damaged_files(dir.path()) {
                Ok(damaged) => assert_eq!(damaged, vec![path], "{ending}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{ending}: {error}"),
            },
        }
    }
}
