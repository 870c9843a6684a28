//! Up to where each shop was looked through for what it keeps no longer, in `expiring.json`: so that an
//! hour costs what became old in it. Where it is missing, all of a shop is looked through once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::json_file;
use crate::model::Offset;

const FILE: &str = "expiring.json";

#[derive(Debug)]
pub(super) struct Marks {
    path: PathBuf,
    of_shops: BTreeMap<String, Mark>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// What has its last record below it was looked at.
    pub(super) below: Offset,
    /// But for these conversations, which could not be read, are held, or wait for another erasure.
    #[serde(alias = "unread")]
    pub(super) again: BTreeSet<String>,
}

impl Marks {
    pub(super) fn read(root: &Path) -> anyhow::Result<Marks> {
        let path = root.join(FILE);
        let of_shops = json_file::read(&path)?;
        Ok(Marks { path, of_shops })
    }

    /// The mark of a shop in a log that ends at `head`: one beyond it is of another log.
    pub(super) fn of(&self, shop: &str, head: Offset) -> Mark {
        let mark = self.of_shops.get(shop).filter(|mark| mark.below <= head);
        mark.cloned().unwrap_or_default()
    }

    /// Moves a shop's mark, durably.
    pub(super) fn set(&mut self, shop: &str, mark: Mark) -> anyhow::Result<()> {
        self.of_shops.insert(shop.to_string(), mark);
        json_file::write(&self.path, &self.of_shops)
    }
}
