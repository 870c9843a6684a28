//! Every file of a commit is synced after its last write and before it has its name, and its
//! directory after that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::{CopyOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RenameOptions};

use super::*;
use crate::durable::testing::{Journal, SkipSyncs};
use crate::durable::{Call, Disk, Seam};
use crate::table::store::SyncedStore;

/// What `calls` leave undone for the file `name`; nothing when it and all directories up to `root`
/// are durable.
fn undone(calls: &[Call], root: &Path, name: &Path) -> Vec<String> {
    let mut undone = Vec::new();
    let named = calls.iter().rposition(|call| matches!(call, Call::Name { to, .. } if to == name));
    let Some(named) = named else { return vec![format!("{} was never named", name.display())] };
    let Call::Name { from, .. } = &calls[named] else { return undone };
    // Staging names are used again: what counts is the last use before the naming.
    let written = calls[..named].iter().rposition(|call| *call == Call::Write(from.clone()));
    let synced = calls[..named].iter().rposition(|call| *call == Call::SyncFile(from.clone()));
    if !(written.is_some() && synced > written) {
        undone.push(format!(
            "{} was not synced between its last write and its naming",
            name.display()
        ));
    }
    let directory = name.parent().unwrap();
    if !calls[named..].contains(&Call::SyncDirectory(directory.to_path_buf())) {
        undone.push(format!("the directory of {} was not synced after its naming", name.display()));
    }
    for ancestor in directory.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(root))
    {
        if !calls.contains(&Call::SyncDirectory(ancestor.to_path_buf())) {
            undone.push(format!(
                "{}, above {}, was never synced",
                ancestor.display(),
                name.display()
            ));
        }
    }
    undone
}

fn files_below(root: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.insert(path);
        }
    }
    files
}

/// Some commits, a compaction, a checkpoint.
async fn write_all_kinds(table: &Table) {
    for offset in 0..16 {
        commit(table, &[message(offset)]).await;
    }
    table.compact().await.unwrap();
    for next in 17..110 {
        table.commit(Vec::new(), Offset(next - 1), Offset(next)).await.unwrap();
    }
    table.checkpoint_if_due().await.unwrap();
}

/// What of the files that [`write_all_kinds`] left in `root` is not durable after `calls`.
fn undone_of_all(calls: &[Call], root: &Path) -> Vec<String> {
    let root = root.canonicalize().unwrap();
    // Locks die with their holders, so their files need not outlive a power cut.
    let leases = root.join("_leases");
    let files: BTreeSet<PathBuf> =
        files_below(&root).into_iter().filter(|file| !file.starts_with(&leases)).collect();
    assert!(files.iter().any(|file| file.to_string_lossy().ends_with("checkpoint.parquet")));
    assert!(files.iter().any(|file| file.ends_with("_last_checkpoint")));
    assert_eq!(
        files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "json")).count(),
        111
    );
    assert!(
        files.iter().all(|file| !file.to_string_lossy().contains('#')),
        "no staging file is left"
    );
    files.iter().flat_map(|file| undone(calls, &root, file)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_commit_writes_is_synced_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(EVENTS_TABLE);
    let journal = Arc::new(Journal::default());
    write_all_kinds(&open_through(folder.path(), journal.clone()).await.unwrap()).await;
    assert_eq!(undone_of_all(&journal.calls(), &root), Vec::<String>::new());
}

/// The control: the same check without the syncs finds every file undone.
#[tokio::test(flavor = "multi_thread")]
async fn without_syncs_the_check_fails() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(EVENTS_TABLE);
    let skip = Arc::new(SkipSyncs::default());
    write_all_kinds(&open_through(folder.path(), skip.clone()).await.unwrap()).await;
    let undone = undone_of_all(&skip.calls(), &root);
    assert!(undone.len() > 2 * 110, "{} complaints", undone.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_costs_a_bounded_number_of_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::default());
    let table = open_through(folder.path(), journal.clone()).await.unwrap();
    commit(&table, &[message(0)]).await;
    let before = journal.calls().len();
    commit(&table, &[message(1)]).await;
    let calls = &journal.calls()[before..];
    let files = calls.iter().filter(|call| matches!(call, Call::SyncFile(_))).count();
    let directories = calls.iter().filter(|call| matches!(call, Call::SyncDirectory(_))).count();
    assert_eq!((files, directories), (2, 2), "Parquet and JSON");
}

fn store(root: &Path, seam: Arc<dyn Seam>) -> SyncedStore {
    SyncedStore::new(Disk::open_through(root, seam).unwrap()).unwrap()
}

fn at(name: &str) -> object_store::path::Path {
    object_store::path::Path::from(name)
}

async fn content(store: &SyncedStore, location: &object_store::path::Path) -> String {
    String::from_utf8(store.get(location).await.unwrap().bytes().await.unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_syncs_every_way_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let journal = Arc::new(Journal::default());
    let store = store(&root, journal.clone());
    store.put(&at("a/b/put"), PutPayload::from_static(b"one")).await.unwrap();
    store.put(&at("a/b/put"), PutPayload::from_static(b"two")).await.unwrap();
    let mut upload = store.put_multipart(&at("a/parts")).await.unwrap();
    // Parts may be awaited in any order.
    let (first, second) = (upload.put_part("hello ".into()), upload.put_part("world".into()));
    second.await.unwrap();
    first.await.unwrap();
    upload.complete().await.unwrap();
    assert!(upload.complete().await.is_err());
    let calls = journal.calls();
    for name in ["a/b/put", "a/parts"] {
        assert_eq!(undone(&calls, &root, &root.join(name)), Vec::<String>::new());
    }
    assert_eq!(content(&store, &at("a/b/put")).await, "two");
    assert_eq!(content(&store, &at("a/parts")).await, "hello world");

    store.copy_opts(&at("a/parts"), &at("c/copy"), CopyOptions::default()).await.unwrap();
    store.rename_opts(&at("a/parts"), &at("d/moved"), RenameOptions::default()).await.unwrap();
    store.delete(&at("a/b/put")).await.unwrap();
    let calls = journal.calls();
    for directory in ["a", "a/b", "c", "d", ""] {
        assert!(calls.contains(&Call::SyncDirectory(root.join(directory))), "{directory}");
    }
    assert_eq!(content(&store, &at("d/moved")).await, "hello world");
    assert_eq!(content(&store, &at("c/copy")).await, "hello world");
    assert!(store.get(&at("a/parts")).await.is_err());
    assert_eq!(files_below(&root).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), Arc::new(Journal::default()));
    let create = || PutMode::Create.into();
    store.put_opts(&at("0.json"), PutPayload::from_static(b"first"), create()).await.unwrap();
    let error = store
        .put_opts(&at("0.json"), PutPayload::from_static(b"second"), create())
        .await
        .unwrap_err();
    assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
    assert_eq!(content(&store, &at("0.json")).await, "first");
    let mut aborted = store.put_multipart(&at("1.json")).await.unwrap();
    aborted.put_part("half".into()).await.unwrap();
    aborted.abort().await.unwrap();
    drop(store.put_multipart(&at("2.json")).await.unwrap());
    assert_eq!(
        files_below(&folder.path().canonicalize().unwrap()).len(),
        1,
        "nothing half-written is left"
    );
}
