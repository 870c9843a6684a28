//! What an erasure writes anew of the facts.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::facts::{FactStore, FactsReader};
use crate::log::{self, Forgot, Forgotten, LogReader, OfConversation, Store};
use crate::model::testing::record;
use crate::model::{ConversationKey, Offset, Pseudonyms, Record};

fn said(offset: u64, kind: &str, sender: &str, role: &str) -> Record {
    let mut event = json!({"id": format!("m{offset}"), "conversation": "c", "kind": kind,
        "sender": {"id": sender, "role": role}});
    if kind == "message" {
        event["text"] = Value::from("words");
    }
    record(offset, event)
}

/// Files of tables, but for what Delta and the vacuum write beside them.
fn parquet_files(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(parquet_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.insert(path.display().to_string());
        }
    }
    files
}

/// The archive's files waited for room on the disk, and those of the facts were written into what is
/// kept free for messages.
#[tokio::test(flavor = "multi_thread")]
async fn facts_forget_once_there_is_room_beside_the_reserve() {
    let dir = tempfile::tempdir().unwrap();
    let (_head, log) = LogReader::at_head(dir.path(), Offset(0));
    let mut store = FactStore::open(dir.path(), &log, &(), &FactsReader::default()).await.unwrap();
    let records = vec![
        said(0, "message", "ann", "customer"),
        said(1, "message", "bo", "human"),
        said(2, "resolve", "bo", "human"),
    ];
    store.apply(log::batch(records)).await.unwrap();
    store.commit().await.unwrap();
    let before = parquet_files(&dir.path().join("archive"));
    assert!(!before.is_empty());
    let pseudonyms = Pseudonyms::new([7; 32]);
    let forgotten = |reserve_bytes: u64| {
        let customers = [pseudonyms.of("s", "ann")].into();
        let of = OfConversation { customers, ..OfConversation::default() };
        let conversations = [(ConversationKey::new("s", "c"), of)].into();
        Forgotten::new(conversations, pseudonyms.clone(), reserve_bytes)
    };
    let forgot = store.forget(&forgotten(u64::MAX / 2)).await.unwrap();
    assert!(matches!(forgot, Forgot::Waits(why) if why.contains("are to stay so")));
    assert_eq!(parquet_files(&dir.path().join("archive")), before);
    assert_eq!(store.forget(&forgotten(0)).await.unwrap(), Forgot::All);
    assert_ne!(parquet_files(&dir.path().join("archive")), before);
}
