//! Up to where each shop was looked at for episodes that ended, in `categorizing.json`: so that a start does not look at
//! all of them. Where it is missing or damaged, everything since the rule is looked at once more: what has a category
//! keeps it, and what the model of then did not know is asked of today's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::durable::{self, Mode};
use crate::model::Offset;

const FILE: &str = "categorizing.json";
/// How often it is written: each time costs two syncs, which messages wait for.
const WRITE_EVERY: Duration = Duration::from_mins(1);

pub(super) struct Marks {
    path: PathBuf,
    of_shops: BTreeMap<String, Offset>,
    has_changed: bool,
    written: Instant,
}

impl Marks {
    pub(super) fn read(root: &Path) -> Marks {
        let path = root.join(FILE);
        let read = std::fs::read(&path).ok();
        let of_shops = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (of_shops, written) = (of_shops.unwrap_or_default(), Instant::now());
        Marks { path, of_shops, has_changed: false, written }
    }

    /// The mark of a shop in a log that ends at `head`: one beyond it is of another log.
    pub(super) fn of(&self, shop: &str, head: Offset) -> Offset {
        self.of_shops.get(shop).copied().filter(|mark| *mark <= head).unwrap_or_default()
    }

    pub(super) fn set(&mut self, shop: &str, mark: Offset) {
        let before = self.of_shops.insert(shop.to_string(), mark);
        self.has_changed |= before != Some(mark);
    }

    /// Writes them down once a while. Returns why they cannot be.
    pub(super) fn write_sometimes(&mut self) -> Option<String> {
        if self.written.elapsed() < WRITE_EVERY {
            return None;
        }
        self.write()
    }

    /// Writes them down, durably. Returns why they cannot be.
    pub(super) fn write(&mut self) -> Option<String> {
        if !self.has_changed {
            return None;
        }
        self.written = Instant::now();
        let bytes = serde_json::to_vec(&self.of_shops).map_err(io::Error::from);
        match bytes.and_then(|bytes| durable::write(&self.path, Mode::Private, &bytes)) {
            Ok(()) => {
                self.has_changed = false;
                None
            }
            Err(error) => Some(format!("cannot write `{}`: {error}", self.path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_outlive_a_start_and_those_of_another_log_count_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut marks = Marks::read(dir.path());
        marks.set("s", Offset(7));
        assert_eq!(marks.write_sometimes(), None);
        assert!(!dir.path().join(FILE).exists(), "not each time");
        assert_eq!(marks.write(), None);
        let marks = Marks::read(dir.path());
        assert_eq!(marks.of("s", Offset(9)), Offset(7));
        assert_eq!(marks.of("s", Offset(6)), Offset(0));
        assert_eq!(marks.of("t", Offset(9)), Offset(0));
        std::fs::write(dir.path().join(FILE), "{").unwrap();
        assert_eq!(Marks::read(dir.path()).of("s", Offset(9)), Offset(0));
    }
}
