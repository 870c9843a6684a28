//! The store that keeps what is held and what is to be erased: a small file, written whole at each
//! commit, and before it, where that has changed, one that lists where all erasures are. Neither holds a
//! customer's id or a word of a message.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{ErasureError, ErasureState, Listed};
use crate::durable::{self, Mode, is_staging_name};
use crate::log::{Batch, Forgot, Forgotten, LogReader, Slot, Store};
use crate::model::Offset;

const FOLDER: &str = "erasures";
const FILE: &str = "state.json";
const LIST_FILE: &str = "listed.json";
/// Raised with what the file has: one of another version is not read, but made anew from the records.
const VERSION: u32 = 2;

/// Folds records of kinds hold, release and erase.
pub struct ErasureStore {
    folder: PathBuf,
    shown: Arc<Mutex<ErasureState>>,
    /// The list as it is on disk.
    listed: Option<Arc<Vec<Listed>>>,
}

/// What questions hold.
#[derive(Clone, Default)]
pub struct ErasureReader {
    slot: Slot<ErasureState>,
}

impl ErasureReader {
    /// What is held and pending now.
    pub fn now(&self) -> Result<ErasureState, ErasureError> {
        Ok(self.slot.current(ErasureStore::NAME)?.lock().clone())
    }

    /// The newest record about keeping, where anything waits to be erased; `None` while that is not
    /// known.
    pub fn waiting(&self) -> Option<Offset> {
        let state = self.slot.current(ErasureStore::NAME).ok()?;
        let state = state.lock();
        (!state.pending.is_empty()).then_some(state.newest)
    }
}

/// As it is on disk.
#[derive(Serialize, Deserialize)]
struct OnDisk {
    version: u32,
    #[serde(flatten)]
    state: ErasureState,
}

/// What is read of any version.
#[derive(Deserialize)]
struct Versioned {
    /// The first ones said none.
    #[serde(default)]
    version: u32,
}

impl ErasureStore {
    fn write(&self, file: &str, said: &impl Serialize) -> Result<(), ErasureError> {
        // From types whose serialization cannot fail.
        let bytes = serde_json::to_vec(said).unwrap_or_default();
        let path = self.folder.join(file);
        durable::write(&path, Mode::Private, &bytes).map_err(|source| ErasureError::Io {
            action: "write",
            path,
            source,
        })
    }
}

impl Store for ErasureStore {
    const NAME: &'static str = "erasures";
    const FOLDERS: &'static [&'static str] = &[FOLDER];

    type Error = ErasureError;
    type Options = ();
    type Reader = ErasureReader;

    async fn open(
        root: &Path,
        _log: &LogReader,
        _options: &(),
        reader: &ErasureReader,
    ) -> Result<ErasureStore, ErasureError> {
        let folder = root.join(FOLDER);
        durable::make_directory(&folder).map_err(|source| ErasureError::Io {
            action: "make",
            path: folder.clone(),
            source,
        })?;
        remove_staged(&folder).map_err(|source| ErasureError::Io {
            action: "tidy up",
            path: folder.clone(),
            source,
        })?;
        let shown = Arc::new(Mutex::new(read(&folder)?));
        reader.slot.show(shown.clone());
        Ok(ErasureStore { folder, shown, listed: None })
    }

    async fn committed(root: &Path) -> Result<Offset, ErasureError> {
        Ok(read(&root.join(FOLDER))?.cursor)
    }

    fn applied(&self) -> Offset {
        self.shown.lock().cursor
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), ErasureError> {
        let mut shown = self.shown.lock();
        for record in batch.records() {
            shown.add(record);
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<Offset, ErasureError> {
        let state = self.shown.lock().clone();
        if !self.listed.as_ref().is_some_and(|listed| Arc::ptr_eq(listed, &state.listed)) {
            self.write(LIST_FILE, &*state.listed)?;
            self.listed = Some(state.listed.clone());
        }
        self.write(FILE, &OnDisk { version: VERSION, state: state.clone() })?;
        Ok(state.cursor)
    }

    /// Nothing of what is erased is here.
    async fn forget(&mut self, _: &Forgotten) -> Result<Forgot, ErasureError> {
        Ok(Forgot::All)
    }
}

/// Removes what a death in a commit left.
fn remove_staged(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_staging_name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What was committed; nothing where there is no file, or one of another version.
fn read(folder: &Path) -> Result<ErasureState, ErasureError> {
    let path = folder.join(FILE);
    let Some(Versioned { version }) = read_file(&path)? else { return Ok(ErasureState::default()) };
    if version != VERSION {
        tracing::info!(path = %path.display(), version, "of another version: the records are read again");
        return Ok(ErasureState::default());
    }
    let (Some(OnDisk { mut state, .. }), Some(mut listed)) =
        (read_file::<OnDisk>(&path)?, read_file::<Vec<Listed>>(&folder.join(LIST_FILE))?)
    else {
        return Ok(ErasureState::default());
    };
    // It is written first, and what came after the cursor is read again.
    listed.retain(|one| one.asked < state.cursor);
    for one in &mut listed {
        one.done = one.done.filter(|done| *done < state.cursor);
    }
    state.listed = Arc::new(listed);
    Ok(state)
}

/// What a file says, where it is there.
fn read_file<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ErasureError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ErasureError::Io { action: "read", path: path.to_path_buf(), source });
        }
    };
    let said = serde_json::from_slice(&bytes).map_err(|error| ErasureError::Damaged {
        path: path.to_path_buf(),
        detail: error.to_string(),
    });
    said.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log;
    use crate::model::testing::record;

    /// It was refused as damaged, and nothing could be held before somebody came to make it anew.
    #[tokio::test]
    async fn a_state_of_another_version_is_made_anew_from_the_records() {
        let dir = tempfile::tempdir().unwrap();
        let (_head, log) = LogReader::at_head(dir.path(), Offset(0));
        let path = dir.path().join(FOLDER).join(FILE);
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        for before in [r#"{"cursor":7,"holds":[]}"#, r#"{"version":99,"cursor":7,"held":{}}"#] {
            fs::write(&path, before).unwrap();
            assert_eq!(ErasureStore::committed(dir.path()).await.unwrap(), Offset(0));
            let reader = ErasureReader::default();
            let mut store = ErasureStore::open(dir.path(), &log, &(), &reader).await.unwrap();
            assert_eq!(store.applied(), Offset(0), "{before}");
            let held = r#"{"id":"h","conversation":"c","kind":"hold","text":"x",
                "sender":{"id":"eva","role":"human"}}"#;
            store.apply(log::batch(vec![record(0, held)])).await.unwrap();
            store.commit().await.unwrap();
            drop(store);
            let store = ErasureStore::open(dir.path(), &log, &(), &reader).await.unwrap();
            assert_eq!((store.applied(), reader.now().unwrap().holds.len()), (Offset(1), 1));
        }
        fs::write(&path, r#"{"version":2,"cursor":7"#).unwrap();
        let error = ErasureStore::committed(dir.path()).await.unwrap_err();
        assert!(error.to_string().contains("verbatim rebuild erasures"), "{error}");
    }
    /// The list is written first: after a death in between it is ahead, and what it is ahead by comes again.
    #[tokio::test]
    async fn a_list_that_is_ahead_has_nothing_twice() {
        let dir = tempfile::tempdir().unwrap();
        let (_head, log) = LogReader::at_head(dir.path(), Offset(0));
        let said = |offset: u64, rest: &str| {
            record(
                offset,
                format!(
                    r#"{{"id":"m{offset}","conversation":"c","kind":"erase","text":"asked",
                    "sender":{{"id":"boss","role":"human"}}{rest}}}"#
                ),
            )
        };
        let receipt = r#","target":"m0","data":{"receipt":{"records":2}}"#;
        let records = [said(0, ""), said(1, ""), said(2, receipt)];
        let state = dir.path().join(FOLDER).join(FILE);
        let reader = ErasureReader::default();
        let mut store = ErasureStore::open(dir.path(), &log, &(), &reader).await.unwrap();
        store.apply(log::batch(vec![records[0].clone()])).await.unwrap();
        store.commit().await.unwrap();
        let before = fs::read(&state).unwrap();
        store.apply(log::batch(records[1..].to_vec())).await.unwrap();
        store.commit().await.unwrap();
        let whole = reader.now().unwrap();
        drop(store);
        fs::write(&state, before).unwrap();
        let mut store = ErasureStore::open(dir.path(), &log, &(), &reader).await.unwrap();
        assert_eq!(store.applied(), Offset(1));
        store.apply(log::batch(records[1..].to_vec())).await.unwrap();
        assert_eq!(reader.now().unwrap(), whole);
        assert_eq!((whole.listed.len(), whole.listed[0].done), (2, Some(Offset(2))));
    }
}
