//! Every file of a commit is synced after its last write and before it has its name, and its directory after that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use object_store::{CopyOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RenameOptions};

use super::*;
use crate::durable::{Disk, Step};
use crate::table::store::SyncedStore;

/// What `steps` leave undone for the file `name`; nothing when it and all directories up to `root` are durable.
fn undone(steps: &[Step], root: &Path, name: &Path) -> Vec<String> {
    let mut undone = Vec::new();
    let named = steps.iter().rposition(|step| matches!(step, Step::Named { to, .. } if to == name));
    let Some(named) = named else { return vec![format!("{} was never named", name.display())] };
    let Step::Named { from, .. } = &steps[named] else { return undone };
    // Staging names are used again: what counts is the last use before the naming.
    let written = steps[..named].iter().rposition(|step| *step == Step::Written(from.clone()));
    let synced = steps[..named].iter().rposition(|step| *step == Step::FileSynced(from.clone()));
    if !(written.is_some() && synced > written) {
        undone.push(format!(
            "{} was not synced between its last write and its naming",
            name.display()
        ));
    }
    let directory = name.parent().unwrap();
    if !steps[named..].contains(&Step::DirectorySynced(directory.to_path_buf())) {
        undone.push(format!("the directory of {} was not synced after its naming", name.display()));
    }
    for ancestor in directory.ancestors().skip(1).take_while(|ancestor| ancestor.starts_with(root))
    {
        if !steps.contains(&Step::DirectorySynced(ancestor.to_path_buf())) {
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
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => drop(files.insert(path)),
        }
    }
    files
}

/// A table on `disk`, one commit, a merge, a checkpoint; what of it is not durable.
async fn undone_after_writes(disk: Disk, root: &Path) -> Vec<String> {
    let schema = events_schema();
    let mut table = Table::open_on(disk, EVENTS_TABLE, schema, EVENTS_OPTIONS).await.unwrap();
    for offset in 0..8 {
        commit(&mut table, &[message(offset)]).await;
    }
    table.compact().await.unwrap();
    for next in 9..110 {
        table.commit(Vec::new(), Offset(next - 1), Offset(next)).await.unwrap();
    }
    let steps = table.steps();
    let root = root.canonicalize().unwrap();
    let files = files_below(&root);
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
    files.iter().flat_map(|file| undone(&steps, &root, file)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_commit_writes_is_synced_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(EVENTS_TABLE);
    let undone = undone_after_writes(Disk::open(&root).unwrap(), &root).await;
    assert_eq!(undone, Vec::<String>::new());
}

/// The control: the same check without the syncs finds every file undone.
#[tokio::test(flavor = "multi_thread")]
async fn without_syncs_the_check_fails() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(EVENTS_TABLE);
    let undone = undone_after_writes(Disk::without_syncs(&root).unwrap(), &root).await;
    assert!(undone.len() > 2 * 110, "{} complaints", undone.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_costs_a_bounded_number_of_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = open(folder.path()).await;
    commit(&mut table, &[message(0)]).await;
    let before = table.syncs();
    commit(&mut table, &[message(1)]).await;
    let after = table.syncs();
    assert_eq!(
        (after.files - before.files, after.directories - before.directories),
        (2, 2),
        "Parquet and JSON"
    );
}

fn store(root: &Path) -> SyncedStore {
    SyncedStore::new(Disk::open(root).unwrap()).unwrap()
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
    let store = store(&root);
    store.put(&at("a/b/put"), PutPayload::from_static(b"one")).await.unwrap();
    store.put(&at("a/b/put"), PutPayload::from_static(b"two")).await.unwrap();
    let mut upload = store.put_multipart(&at("a/parts")).await.unwrap();
    // Parts may be awaited in any order.
    let (first, second) = (upload.put_part("hello ".into()), upload.put_part("world".into()));
    second.await.unwrap();
    first.await.unwrap();
    upload.complete().await.unwrap();
    assert!(upload.complete().await.is_err());
    let steps = store.disk().steps.lock().unwrap().clone();
    for name in ["a/b/put", "a/parts"] {
        assert_eq!(undone(&steps, &root, &root.join(name)), Vec::<String>::new());
    }
    assert_eq!(content(&store, &at("a/b/put")).await, "two");
    assert_eq!(content(&store, &at("a/parts")).await, "hello world");

    store.copy_opts(&at("a/parts"), &at("c/copy"), CopyOptions::default()).await.unwrap();
    store.rename_opts(&at("a/parts"), &at("d/moved"), RenameOptions::default()).await.unwrap();
    store.delete(&at("a/b/put")).await.unwrap();
    let steps = store.disk().steps.lock().unwrap().clone();
    for directory in ["a", "a/b", "c", "d", ""] {
        assert!(steps.contains(&Step::DirectorySynced(root.join(directory))), "{directory}");
    }
    assert_eq!(content(&store, &at("d/moved")).await, "hello world");
    assert_eq!(content(&store, &at("c/copy")).await, "hello world");
    assert!(store.get(&at("a/parts")).await.is_err());
    assert_eq!(files_below(&root).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
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
