//! Up to where each shop was looked through for what it keeps no longer, in `expiring.json`: so that an
//! hour costs what became old in it. Where it is missing, all of a shop is looked through once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Mode};
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
    /// But for these conversations, which could not be read.
    pub(super) unread: BTreeSet<String>,
}

impl Marks {
    pub(super) fn read(root: &Path) -> anyhow::Result<Marks> {
        let path = root.join(FILE);
        let of_shops = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        };
        let of_shops = of_shops.with_context(|| format!("cannot read `{}`", path.display()))?;
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
        let bytes = serde_json::to_vec(&self.of_shops)?;
        durable::write(&self.path, Mode::Private, &bytes)
            .with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}
