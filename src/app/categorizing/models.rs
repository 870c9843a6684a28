//! Models that were read, each until its file is another.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::categories::{Saved, Seen, Shelf};

/// Bytes of models held in memory: four of the largest, thousands of usual ones.
const BYTES_MAX: usize = 256 * 1024 * 1024;

pub(super) struct Models {
    folder: PathBuf,
    /// By shop.
    held: HashMap<String, Held>,
}

struct Held {
    name: String,
    seen: Option<Seen>,
    /// Also why it cannot be: a file that is damaged is not read again until it is another.
    read: Result<Arc<Saved>, String>,
}

impl Models {
    pub(super) fn new(folder: PathBuf) -> Models {
        Models { folder, held: HashMap::new() }
    }

    /// The model of this name of the shop, as it is now.
    pub(super) fn get(&mut self, shop: &str, name: &str) -> anyhow::Result<Arc<Saved>> {
        let shelf = Shelf::of(&self.folder, shop);
        let seen = shelf.seen(name);
        let known = self.held.get(shop).filter(|held| held.name == name && held.seen == seen);
        let read = match known {
            Some(held) => held.read.clone(),
            None => {
                let read = shelf.get(name).map(Arc::new).map_err(|error| error.to_string());
                self.make_room(&read);
                let held = Held { name: name.to_string(), seen, read: read.clone() };
                self.held.insert(shop.to_string(), held);
                read
            }
        };
        read.map_err(anyhow::Error::msg)
    }

    fn make_room(&mut self, read: &Result<Arc<Saved>, String>) {
        let bytes = |read: &Result<Arc<Saved>, String>| {
            read.as_ref().map_or(0, |saved| saved.model.bytes())
        };
        let held: usize = self.held.values().map(|held| bytes(&held.read)).sum();
        if held + bytes(read) > BYTES_MAX {
            self.held.clear();
        }
    }
}
