//! Files in the one folder of a zip, known before the first byte is written: its length is, and what
//! changes meanwhile is found.

use std::io::{self, Write};

use tokio_util::sync::CancellationToken;

use super::EvidenceError;
use super::leases::Lease;
use super::spool::BundleFile;
use super::zip::{self, FILES_MAX, ZIP_BYTES_MAX};

/// A zip that is not written yet.
pub struct Zipped {
    folder: String,
    /// By name.
    files: Vec<BundleFile>,
    /// Dropped after them.
    lease: Option<Lease>,
}

impl Zipped {
    /// # Errors
    /// [`EvidenceError::TooLarge`] for what no zip can hold.
    pub(super) fn of(folder: String, mut files: Vec<BundleFile>) -> Result<Zipped, EvidenceError> {
        let bytes = files.iter().map(|file| file.passed.bytes + 1_024).sum();
        if bytes > ZIP_BYTES_MAX || files.len() > FILES_MAX {
            return Err(EvidenceError::TooLarge { bytes, files: files.len() });
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Zipped { folder, files, lease: None })
    }

    /// The same under a lease, for as long as it is there.
    pub(super) fn under(self, lease: Option<Lease>) -> Zipped {
        Zipped { lease, ..self }
    }

    pub(super) fn take_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    /// Cancelled when it must not be sent any longer, since something of it was erased.
    pub fn ends(&self) -> CancellationToken {
        self.lease.as_ref().map(Lease::ends).unwrap_or_default()
    }

    /// What it is called: as its folder.
    pub fn name(&self) -> String {
        format!("{}.zip", self.folder)
    }

    /// How many bytes [`Zipped::write`] writes.
    pub fn bytes(&self) -> u64 {
        zip::size_of(&self.entries())
    }

    /// Writes it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let entries = self.entries();
        for (file, entry) in self.files.iter().zip(&entries) {
            out.write_all(&entry.local())?;
            file.write(out)?;
        }
        zip::write_end(&entries, out)?;
        out.flush()
    }

    fn entries(&self) -> Vec<zip::Entry> {
        // Each fits: the sum of all does.
        self.files.iter().filter_map(|file| file.entry(&self.folder)).collect()
    }
}
