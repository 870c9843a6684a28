//! The stores that are derived from the log, as they lie in a data directory: by what name people
//! call them, which folders are theirs, how far they are.

use std::path::Path;

use futures::future::LocalBoxFuture;

use super::DataDir;
use crate::archive::Archive;
use crate::facts::FactStore;
use crate::index::FullText;
use crate::log::Store;
use crate::model::Offset;
use crate::relay::LookupStore;

/// A store that can be made anew.
pub struct Derived {
    pub name: &'static str,
    pub(super) folders: &'static [&'static str],
    committed: for<'a> fn(&'a Path) -> LocalBoxFuture<'a, anyhow::Result<Offset>>,
}

/// All of them.
pub const DERIVED: [Derived; 4] =
    [derived::<Archive>(), derived::<FactStore>(), derived::<FullText>(), derived::<LookupStore>()];

const fn derived<S: Store>() -> Derived {
    Derived {
        name: S::NAME,
        folders: S::FOLDERS,
        committed: |root| Box::pin(async { Ok(S::committed(root).await?) }),
    }
}

impl Derived {
    /// The cursor that this store has committed, 0 where it is not there. Nobody may have it open.
    pub(super) async fn committed(&self, data: &DataDir) -> anyhow::Result<Offset> {
        (self.committed)(data.root()).await
    }
}

/// Stores have committed records that the log does not have: it has lost what was acknowledged.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log ends at {head}, and {} committed records up to {to}: the log has lost [{head}, {to}), which were acknowledged, or is another's. Nothing was changed; put back the log from a copy", .stores.join(" and ")
)]
pub struct LogBehind {
    pub head: Offset,
    /// First offset that no store has.
    pub to: Offset,
    /// The stores that have some of them.
    pub stores: Vec<&'static str>,
}

/// Whether any store of `data` is beyond a log that ends at `head`. One that cannot be read says
/// nothing.
pub(super) async fn log_behind(data: &DataDir, head: Offset) -> Option<LogBehind> {
    let mut behind = LogBehind { head, to: head, stores: Vec::new() };
    for store in &DERIVED {
        match store.committed(data).await {
            Ok(cursor) if cursor > head => {
                behind.to = behind.to.max(cursor);
                behind.stores.push(store.name);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(store = store.name, %error, "its cursor cannot be read"),
        }
    }
    (behind.to > head).then_some(behind)
}
