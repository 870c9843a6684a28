//! The files that exported rows name, fetched once the rows are whole: a folder that each run adds to.
//!
//! Invariants: a file has its name, its hash, once its bytes were compared with it; what is there is compared too, since
//! disks and copies are not ours, and fetched again only where it differs; memory does not grow with their number.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::cli::fetched::Fetched;
use crate::cli::target::Target;
use crate::durable::{self, Mode, Naming, Staged};
use crate::export::{NamedFile, RecordBatch, named_files};
use crate::model::is_sha256_hex;

/// Tables whose rows name files.
const TABLES: [&str; 2] = ["events", "messages"];

/// What rows have named so far, in a file that nobody else sees.
pub(super) struct NamedFiles {
    folder: PathBuf,
    named: Mutex<BufWriter<File>>,
}

/// What became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FetchedFiles {
    pub(super) fetched: u64,
    /// Of earlier runs, or named twice.
    pub(super) there: u64,
    /// Never sent, or erased since.
    pub(super) missing: u64,
}

impl NamedFiles {
    /// For a table whose rows name files.
    pub(super) fn begin(table: &str, folder: &Path) -> anyhow::Result<NamedFiles> {
        ensure!(
            TABLES.contains(&table),
            "--attachments is for tables that name files, {}, not `{table}`",
            TABLES.join(" and ")
        );
        let named = tempfile::tempfile().context("cannot remember which files are named")?;
        Ok(NamedFiles { folder: folder.to_path_buf(), named: Mutex::new(BufWriter::new(named)) })
    }

    /// Remembers what these rows name.
    pub(super) fn note(&self, rows: &RecordBatch) -> anyhow::Result<()> {
        let mut named = self.named.lock();
        for file in named_files(rows)? {
            serde_json::to_writer(&mut *named, &file)?;
            named.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Fetches what is not there yet, or not whole.
    ///
    /// # Errors
    /// A file that is kept damaged, at the end, when all others are there; whatever else fails, at once.
    pub(super) async fn fetch(
        &self,
        target: &Target,
        bar: &ProgressBar,
    ) -> anyhow::Result<FetchedFiles> {
        durable::make_directory(&self.folder)
            .with_context(|| format!("cannot make `{}`", self.folder.display()))?;
        let named = {
            let mut named = self.named.lock();
            named.flush().context("cannot remember which files are named")?;
            named.get_ref().try_clone()?
        };
        // It stands behind what was written last.
        (&named).rewind()?;
        bar.set_message("fetching the attachments of");
        let (mut files, mut damaged) = (FetchedFiles::default(), Vec::new());
        for line in BufReader::new(named).lines() {
            let file: NamedFile = serde_json::from_str(&line?)?;
            // A server that lies must not say where files are written.
            ensure!(
                is_sha256_hex(&file.sha256),
                "`{}` is no hash of a file",
                file.sha256.escape_debug()
            );
            let folder = self.folder.join(file.sha256.get(..2).unwrap_or_default());
            let path = folder.join(&file.sha256);
            if is_whole(&path, &file.sha256)? {
                files.there += 1;
                continue;
            }
            let cannot_write = || format!("cannot write `{}`", path.display());
            durable::make_directory(&folder).with_context(cannot_write)?;
            let staged = Staged::alone(&path, Mode::Usual).with_context(cannot_write)?;
            let mut out = BufWriter::new(staged.writer().with_context(cannot_write)?);
            match target.file(&file, &mut out).await? {
                Fetched::Whole => {
                    out.flush().with_context(cannot_write)?;
                    staged.publish(Naming::Overwrite).with_context(cannot_write)?;
                    files.fetched += 1;
                }
                Fetched::Missing => files.missing += 1,
                Fetched::Damaged => damaged.push(file.sha256),
            }
        }
        ensure!(
            damaged.is_empty(),
            "{} of the files that are kept are damaged, and left out: {}",
            damaged.len(),
            damaged.join(", ")
        );
        Ok(files)
    }
}

/// Whether a file is there, with the bytes that its name says.
fn is_whole(path: &Path, sha256: &str) -> anyhow::Result<bool> {
    let cannot_read = || format!("cannot read `{}`", path.display());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(cannot_read),
    };
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash).with_context(cannot_read)?;
    Ok(hex::encode(hash.finalize()) == sha256)
}
