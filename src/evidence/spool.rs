//! Files of a bundle on their way into it: what grows with the conversations lies on the disk, in files
//! without a name, which are gone with the process.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::zip::{Crc, Entry, ZIP_BYTES_MAX};
use crate::relay::{DiskSpace, Held};

/// Bytes written between two looks at the disk's space.
const LOOK_EVERY: u64 = 1024 * 1024;

/// What is known of bytes once they have all passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) sha256: String,
    pub(super) crc: u32,
    pub(super) bytes: u64,
}

/// A file that is written now and read later.
pub(super) struct Spool<F: Write = File> {
    file: BufWriter<F>,
    meter: Meter,
    disk: DiskSpace,
    /// Bytes at the next look at the disk's space.
    look_at: u64,
}

/// Files that are written one after the other now and read later, in one file: a descriptor for each would be too many.
pub(super) struct Shelf {
    file: Arc<File>,
    /// Where the next one begins.
    end: u64,
    disk: DiskSpace,
}

/// Where the bytes of a file of the bundle are.
pub(super) enum Content {
    Bytes(Vec<u8>),
    Spooled(File),
    Shelved {
        shelf: Arc<File>,
        begin: u64,
    },
    /// An attachment, where it is kept.
    Kept(PathBuf),
}

/// A file of the bundle.
pub(super) struct BundleFile {
    pub(super) name: String,
    pub(super) passed: Passed,
    content: Content,
}

#[derive(Clone, Default)]
struct Meter {
    sha256: Sha256,
    crc: Crc,
    bytes: u64,
}

impl Meter {
    fn add(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc.add(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn passed(self) -> Passed {
        let sha256 = hex::encode(self.sha256.finalize());
        Passed { sha256, crc: self.crc.value(), bytes: self.bytes }
    }
}

impl Spool {
    /// One in the folder of `disk`, which is refused bytes while the disk has not the space that is kept for
    /// messages.
    pub(super) fn on(disk: &DiskSpace) -> io::Result<Spool> {
        let file = BufWriter::with_capacity(256 * 1024, tempfile::tempfile_in(disk.path())?);
        Ok(Spool { file, meter: Meter::default(), disk: disk.clone(), look_at: 0 })
    }

    pub(super) fn finish(self, name: &str) -> io::Result<BundleFile> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let (name, passed) = (name.to_string(), self.meter.passed());
        Ok(BundleFile { name, passed, content: Content::Spooled(file) })
    }
}

impl Shelf {
    /// One in the folder of `disk`, as [`Spool::on`] has it.
    pub(super) fn on(disk: &DiskSpace) -> io::Result<Shelf> {
        let file = Arc::new(tempfile::tempfile_in(disk.path())?);
        Ok(Shelf { file, end: 0, disk: disk.clone() })
    }

    /// A file of what `write` writes.
    pub(super) fn add(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<BundleFile> {
        let file = BufWriter::with_capacity(256 * 1024, self.file.clone());
        let (meter, disk) = (Meter::default(), self.disk.clone());
        let mut spool = Spool { file, meter, disk, look_at: 0 };
        write(&mut spool)?;
        spool.flush()?;
        let passed = spool.meter.passed();
        let content = Content::Shelved { shelf: self.file.clone(), begin: self.end };
        self.end += passed.bytes;
        Ok(BundleFile { name: name.to_string(), passed, content })
    }
}

impl<F: Write> Write for Spool<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // More would fit into no bundle.
        if self.meter.bytes + bytes.len() as u64 > ZIP_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it is larger than a zip can be",
            ));
        }
        if self.meter.bytes >= self.look_at {
            let no_room = |held: Held| io::Error::new(io::ErrorKind::StorageFull, held.to_string());
            self.disk.check().map_err(no_room)?;
            self.look_at = self.meter.bytes + LOOK_EVERY;
        }
        self.file.write_all(bytes)?;
        self.meter.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl BundleFile {
    pub(super) fn of(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> BundleFile {
        let bytes = bytes.into();
        let mut meter = Meter::default();
        meter.add(&bytes);
        BundleFile { name: name.into(), passed: meter.passed(), content: Content::Bytes(bytes) }
    }

    /// A file that lies at `path`, read whole.
    pub(super) fn kept(name: String, path: PathBuf) -> io::Result<BundleFile> {
        let passed = copy(&mut File::open(&path)?, &mut io::sink())?;
        Ok(BundleFile { name, passed, content: Content::Kept(path) })
    }

    /// The file it lies in, from its first byte on; what is made in memory lies in none, and what lies on a shelf in one
    /// with others.
    pub(super) fn opened(&self) -> io::Result<File> {
        match &self.content {
            Content::Bytes(_) | Content::Shelved { .. } => Err(io::ErrorKind::Unsupported.into()),
            Content::Spooled(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(file)
            }
            Content::Kept(path) => File::open(path),
        }
    }

    /// What the zip says of it.
    pub(super) fn entry(&self, folder: &str) -> Option<Entry> {
        let bytes = u32::try_from(self.passed.bytes).ok()?;
        Some(Entry { name: format!("{folder}/{}", self.name), crc: self.passed.crc, bytes })
    }

    /// Writes its bytes, which must be those that were counted.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let passed = match &self.content {
            Content::Bytes(bytes) => return out.write_all(bytes),
            Content::Spooled(file) => {
                let mut file = file;
                file.rewind()?;
                copy(&mut file, out)?
            }
            Content::Shelved { shelf, begin } => {
                let from = FromShelf { shelf, at: *begin };
                copy(&mut from.take(self.passed.bytes), out)?
            }
            Content::Kept(path) => copy(&mut File::open(path)?, out)?,
        };
        if passed == self.passed {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` changed while it was copied", self.name),
        ))
    }
}

/// Reads a shelf from a place on, whoever else reads it.
struct FromShelf<'a> {
    shelf: &'a File,
    at: u64,
}

impl Read for FromShelf<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.shelf.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Copies all of it, and says what it was.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<Passed> {
    let (mut meter, mut buffer) = (Meter::default(), vec![0; 256 * 1024]);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(meter.passed());
        }
        meter.add(&buffer[..count]);
        to.write_all(&buffer[..count])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_on_a_disk_that_is_almost_full() {
        let folder = tempfile::tempdir().unwrap();
        let mut full = Spool::on(&DiskSpace::of(folder.path().to_path_buf(), u64::MAX)).unwrap();
        let error = full.write(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
        let mut free = Spool::on(&DiskSpace::of(folder.path().to_path_buf(), 0)).unwrap();
        free.write_all(&vec![7; 3 << 20]).unwrap();
        assert_eq!(free.finish("f").unwrap().passed.bytes, 3 << 20);
    }

    #[test]
    fn files_on_one_shelf_are_read_back_each_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::on(&DiskSpace::of(folder.path().to_path_buf(), 0)).unwrap();
        let texts = ["one".repeat(100_000), String::new(), "three".to_string()];
        let add = |text: &String| shelf.add("f", |out| out.write_all(text.as_bytes())).unwrap();
        let files: Vec<BundleFile> = texts.iter().map(add).collect();
        for (text, file) in texts.iter().zip(&files).rev() {
            let mut read = Vec::new();
            file.write(&mut read).unwrap();
            assert!(read == text.as_bytes(), "{} bytes", text.len());
        }
        let failed = shelf.add("f", |_| Err(io::ErrorKind::Other.into()));
        assert_eq!(failed.err().map(|error| error.kind()), Some(io::ErrorKind::Other));
    }
}
