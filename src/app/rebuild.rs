//! Makes a store anew: its folders are removed, and what remains, archive and log, is read again.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, bail};

use super::{App, Config, DataDir};
use crate::archive::Archive;
use crate::facts::FactStore;
use crate::index::FullText;
use crate::log::{LogReader, Store};
use crate::model::Offset;
use crate::relay::LookupStore;

/// A store that can be made anew.
pub struct Derived {
    pub name: &'static str,
    folders: &'static [&'static str],
}

const fn derived<S: Store>() -> Derived {
    Derived { name: S::NAME, folders: S::FOLDERS }
}

/// All of them.
pub const DERIVED: [Derived; 4] =
    [derived::<Archive>(), derived::<FactStore>(), derived::<FullText>(), derived::<LookupStore>()];

/// Removes these stores and runs until they have caught up.
///
/// # Errors
/// The archive, where the log no longer begins at 0: what it alone holds cannot be made anew.
pub async fn rebuild(data: DataDir, config: Config, names: &[&str]) -> anyhow::Result<Offset> {
    data.must_exist()?;
    {
        let _lock = data.own(None)?;
        let oldest = LogReader::open_read_only(&data.log())?.oldest();
        if names.contains(&Archive::NAME) && oldest > Offset(0) {
            bail!(
                "the archive alone holds the records below {oldest}, which the log no longer has: it cannot be rebuilt, but `verbatim rebuild facts index lookup` makes the others anew"
            );
        }
        for store in DERIVED.iter().filter(|store| names.contains(&store.name)) {
            remove(&data, store)?;
        }
    }
    let app = App::start(data, config).await?;
    let caught_up = app.catch_up().await;
    let head = app.log.head();
    app.stop()?;
    caught_up?;
    Ok(head)
}

/// Removes a store's folders, last one first: it holds the cursor that the others are checked
/// against, so that a removal broken off is noticed. Each is renamed before it is emptied: half a
/// folder could be taken for a whole one.
fn remove(data: &DataDir, store: &Derived) -> anyhow::Result<()> {
    for folder in store.folders.iter().rev() {
        let path = data.root().join(folder);
        let removed = path.with_extension("removed");
        remove_folder(&removed)?;
        match fs::rename(&path, &removed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed.with_context(|| format!("cannot remove `{}`", path.display()))?,
        }
        remove_folder(&removed)?;
    }
    Ok(())
}

fn remove_folder(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}
