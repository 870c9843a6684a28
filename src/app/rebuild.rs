//! Makes a store anew: its folders are removed, and what remains, archive and log, is read again.

use anyhow::{Context, bail};

use super::{App, Config, DataDir};
use crate::archive::Archive;
use crate::durable;
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
    let lock = data.own_in_turn().await?;
    let oldest = LogReader::open_read_only(&data.log())?.oldest();
    if names.contains(&Archive::NAME) && oldest > Offset(0) {
        bail!(
            "the archive alone holds the records below {oldest}, which the log no longer has: it cannot be rebuilt, but `verbatim rebuild facts index lookup` makes the others anew"
        );
    }
    for store in DERIVED.iter().filter(|store| names.contains(&store.name)) {
        remove(&data, store)?;
    }
    let app = App::start_owned(data, config, lock).await?;
    let caught_up = app.catch_up().await;
    let head = app.log.head();
    app.stop()?;
    caught_up?;
    Ok(head)
}

/// Removes a store's folders, last one first: it holds the cursor that the others are checked
/// against, so that a removal broken off is noticed.
fn remove(data: &DataDir, store: &Derived) -> anyhow::Result<()> {
    for folder in store.folders.iter().rev() {
        let path = data.root().join(folder);
        durable::remove_directory(&path)
            .with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    Ok(())
}
