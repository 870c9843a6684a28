//! Files that are being made, and what each form puts into them alike.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::InterchangeError;
use super::conversation::Told;
use super::source::{Bytes, Kept};
use crate::evidence::spool::{BundleFile, Shelf};
use crate::relay::DiskSpace;

/// What bounds the making of files, beside the form.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Of the evidence copy, which is read at once.
    pub records_bytes_max: u64,
    /// Of the attachments of one file: they are in memory while it is made, as bytes and as a form writes them.
    pub files_bytes_max: u64,
    /// Whether somebody waits for it still.
    pub is_wanted: &'a dyn Fn() -> bool,
}

/// Files that are being made.
pub(super) struct Out<'a> {
    shelf: Shelf,
    files: Vec<BundleFile>,
    bounds: Bounds<'a>,
}

impl<'a> Out<'a> {
    /// None yet. They lie in `spool` until they are written.
    pub(super) fn on(spool: &DiskSpace, bounds: Bounds<'a>) -> io::Result<Out<'a>> {
        Ok(Out { shelf: Shelf::on(spool)?, files: Vec::new(), bounds })
    }

    pub(super) fn into_files(self) -> Vec<BundleFile> {
        self.files
    }

    /// One more file, of what `write` writes.
    pub(super) fn add(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        self.files.push(self.shelf.add(name, write)?);
        Ok(())
    }
}

/// The evidence copy of these rows, a line each: to the byte as in the bundle.
pub(super) fn evidence_copy<'a>(told: impl IntoIterator<Item = &'a Told<'a>>) -> String {
    told.into_iter().map(|told| told.row.row.line() + "\n").collect()
}

/// The bytes of the attachments of these rows, by their hashes, for the file `name`; those that the bundle has.
pub(super) fn load<'a>(
    name: &str,
    told: impl IntoIterator<Item = &'a Told<'a>>,
    bytes: &mut impl Bytes,
    out: &Out<'_>,
) -> Result<BTreeMap<String, Vec<u8>>, InterchangeError> {
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    for file in told.into_iter().flat_map(|told| &told.files) {
        if let Kept::Within { bytes, .. } = file.kept {
            sizes.insert(file.sha256, *bytes);
        }
    }
    let sum = sizes.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes));
    let bytes_max = out.bounds.files_bytes_max;
    if sum > bytes_max {
        let what = format!("what is attached to `{name}`");
        return Err(InterchangeError::TooLarge { what, bytes: sum, bytes_max });
    }
    let mut loaded = BTreeMap::new();
    for sha256 in sizes.into_keys() {
        loaded.insert(sha256.to_string(), bytes.of(sha256)?);
    }
    Ok(loaded)
}
