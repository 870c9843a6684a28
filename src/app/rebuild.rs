//! Makes a store anew: its folders are set aside, what remains, archive and log, is read again, and
//! only then the old ones go.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::derived::{DERIVED, log_behind, signed_beyond};
use super::{App, Config, DataDir, LetsGo, OwnerLock};
use crate::archive::Archive;
use crate::durable;
use crate::log::{LogReader, Store};
use crate::model::Offset;

/// Makes these stores anew and runs until they have caught up.
///
/// # Errors
/// What cannot be read, with every store as it was before. Also, before anything is touched: a log
/// that ends before what a store has, since what is missing there would go for good; and the
/// archive, where the log no longer begins at 0.
pub async fn rebuild(data: DataDir, config: Config, names: &[&str]) -> anyhow::Result<Offset> {
    data.must_exist()?;
    let lock = data.own_in_turn().await?;
    let (oldest, head) = {
        let log = LogReader::open_read_only(&data.log())?;
        (log.oldest(), log.head())
    };
    if let Some(behind) = log_behind(&data, head).await {
        return Err(behind.into());
    }
    if let Some(lost) = signed_beyond(&data, head) {
        return Err(lost.into());
    }
    if names.contains(&Archive::NAME) && oldest > Offset(0) {
        bail!(
            "the archive alone holds the records below {oldest}, which the log no longer has: it cannot be rebuilt, but `verbatim rebuild facts index lookup ledger` makes the others anew"
        );
    }
    let aside = Aside::of(&data, names);
    let made = match aside.put() {
        Ok(()) => make(data, config, lock).await,
        Err(error) => Err(error),
    };
    match &made {
        Ok(_) => aside.remove()?,
        Err(_) => aside.put_back()?,
    }
    made
}

async fn make(data: DataDir, config: Config, lock: OwnerLock) -> anyhow::Result<Offset> {
    // The old archive comes back where any store fails, and must then find its log whole.
    let app = App::start_owned(data, config, None, lock, LetsGo::Nothing).await?;
    let caught_up = app.catch_up().await;
    let head = app.log.head();
    app.stop()?;
    caught_up?;
    Ok(head)
}

/// The folders of stores that are being made anew, under other names.
struct Aside {
    /// Where each belongs: of each store the last one first, since it holds the cursor that the
    /// others are checked against, so that a crash in between is noticed.
    folders: Vec<PathBuf>,
}

impl Aside {
    fn of(data: &DataDir, names: &[&str]) -> Aside {
        let stores = DERIVED.iter().filter(|store| names.contains(&store.name));
        let folders = stores.flat_map(|store| store.folders.iter().rev());
        Aside { folders: folders.map(|folder| data.root().join(folder)).collect() }
    }

    fn put(&self) -> anyhow::Result<()> {
        for folder in &self.folders {
            // What an earlier rebuild that was killed left there has a successor by now.
            remove(&aside_of(folder))?;
            if folder.exists() {
                rename(folder, &aside_of(folder))?;
            }
        }
        Ok(())
    }

    fn put_back(&self) -> anyhow::Result<()> {
        for folder in self.folders.iter().rev().filter(|folder| aside_of(folder).exists()) {
            remove(folder)?;
            rename(&aside_of(folder), folder)?;
        }
        Ok(())
    }

    fn remove(&self) -> anyhow::Result<()> {
        self.folders.iter().try_for_each(|folder| remove(&aside_of(folder)))
    }
}

fn aside_of(folder: &Path) -> PathBuf {
    folder.with_extension("aside")
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    durable::rename_directory(from, to)
        .with_context(|| format!("cannot move `{}` to `{}`", from.display(), to.display()))
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    durable::remove_directory(folder)
        .with_context(|| format!("cannot remove `{}`", folder.display()))
}
