//! The stores that are derived from the log, as they lie in a data directory: by what name people
//! call them, which folders are theirs, how far they are.

use std::path::Path;

use futures::future::LocalBoxFuture;

use super::DataDir;
use crate::archive::Archive;
use crate::erasure::ErasureStore;
use crate::facts::FactStore;
use crate::index::FullText;
use crate::ledger::{self, Ledger};
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
pub const DERIVED: [Derived; 6] = [
    derived::<Archive>(),
    derived::<FactStore>(),
    derived::<FullText>(),
    derived::<LookupStore>(),
    derived::<Ledger>(),
    derived::<ErasureStore>(),
];

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

/// The ledger has signed records that the log does not have.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log ends at {head}, and the ledger `{origin}` has signed {size} records: [{head}, {size}) were acknowledged and are lost, or this is another's log. Nothing was changed; put back the log from a copy. If they are gone for good, `verbatim evidence key new-origin` begins a new ledger, which says that the one before ended"
)]
pub struct SignedBeyond {
    pub head: Offset,
    pub size: u64,
    pub origin: String,
}

/// Whether more was signed than a log has that ends at `head`. Where what was signed cannot be read,
/// the ledger itself stands still and says so; a copy without its key has signed nothing.
pub(super) fn signed_beyond(data: &DataDir, head: Offset) -> Option<SignedBeyond> {
    match ledger::last_signed(&data.keys()) {
        Ok(Some((signed, _))) if signed.size > head.0 => {
            Some(SignedBeyond { head, size: signed.size, origin: signed.origin })
        }
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "what the ledger has signed cannot be read");
            None
        }
    }
}
