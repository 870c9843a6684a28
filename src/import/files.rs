//! The files that a source is made of: one, a stream, a folder, an archive.
//!
//! Invariant: what is read lies in the folder or the archive that was given; links are not followed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::InputError;
use super::archive::Archive;
use super::unpacked::{Counted, unpacked};

/// Where the name of a file means standard input.
const STDIN: &str = "-";
/// How an archive begins; an empty one by its end.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Largest archive from a pipe: it is kept beside while it is read.
const SPOOL_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// Enough of a file to tell what it is.
const HEAD_BYTES: u64 = 64 * 1024;
/// Files of a folder, as of an archive: 100 bytes each.
const FILES_MAX: usize = 1_000_000;
/// Folders within folders.
const DEPTH_MAX: usize = 32;

pub(super) struct Files {
    path: PathBuf,
    kind: Kind,
    is_pipe: bool,
    /// Bytes read of all that lies there, packed as it is.
    read: Arc<AtomicU64>,
}

enum Kind {
    One,
    /// Standard input or another pipe, read once.
    Stream(RefCell<Option<Box<dyn BufRead>>>),
    Folder(BTreeMap<String, PathBuf>),
    Archive(Archive),
}

impl Files {
    /// Opens what lies at `path`; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Files, InputError> {
        let cannot = |source| InputError::Open { path: path.to_path_buf(), source };
        let (kind, is_pipe) = if path == Path::new(STDIN) {
            (stream(path, io::stdin())?, true)
        } else {
            let metadata = fs::metadata(path).map_err(cannot)?;
            if metadata.is_dir() {
                (Kind::Folder(folder(path)?), false)
            } else if metadata.is_file() {
                (file(path)?, false)
            } else {
                (stream(path, File::open(path).map_err(cannot)?)?, true)
            }
        };
        Ok(Files { path: path.to_path_buf(), kind, is_pipe, read: Arc::default() })
    }

    /// An archive that came within another file.
    pub(super) fn of_archive(path: &Path, zip: &[u8]) -> Result<Files, InputError> {
        let read = |source| InputError::Read { path: path.to_path_buf(), source };
        let mut file = tempfile::tempfile().map_err(read)?;
        io::Write::write_all(&mut file, zip).map_err(read)?;
        let (path, kind) = (path.to_path_buf(), archive(path, file)?);
        Ok(Files { path, kind, is_pipe: false, read: Arc::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can be opened once only, also where all of it was kept beside.
    pub(super) fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    /// Whether it is a file alone, which has no others beside it.
    pub(super) fn is_one(&self) -> bool {
        matches!(self.kind, Kind::One | Kind::Stream(_))
    }

    /// The names of its files, with `/` between folders, in order. One alone has its own name.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.kind {
            Kind::One | Kind::Stream(_) => {
                let name = self.path.file_name().unwrap_or(self.path.as_os_str());
                vec![name.to_string_lossy().into_owned()]
            }
            Kind::Folder(files) => files.keys().cloned().collect(),
            Kind::Archive(archive) => archive.names().cloned().collect(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match &self.kind {
            Kind::One | Kind::Stream(_) => false,
            Kind::Folder(files) => files.contains_key(name),
            Kind::Archive(archive) => archive.bytes_of(name).is_some(),
        }
    }

    /// Bytes that all of it takes; of a stream nobody knows.
    pub(super) fn length(&self) -> u64 {
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        match &self.kind {
            Kind::One => length(&self.path),
            Kind::Stream(_) => 0,
            Kind::Folder(files) => files.values().map(|path| length(path)).sum(),
            Kind::Archive(archive) => archive.length(),
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Where a line of a file stands, for messages.
    pub(super) fn place(&self, name: &str, line: usize) -> String {
        let path = self.path_of(name).display().to_string();
        // Others gave the name, and a terminal obeys what stands in it.
        let is_plain = !path.contains(char::is_control);
        let path = if is_plain { path } else { path.escape_debug().to_string() };
        format!("{path}:{line}")
    }

    /// A file by the path it would have.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        if self.is_one() { self.path.clone() } else { self.path.join(name) }
    }

    /// The bytes of a file as they lie there.
    pub(super) fn raw(&self, name: &str) -> Result<Box<dyn Read>, InputError> {
        let path = self.path_of(name);
        let count = |inner| Counted { inner, bytes: self.read.clone() };
        let opened: io::Result<Box<dyn Read>> = match &self.kind {
            Kind::One => File::open(&self.path).map(|file| Box::new(count(file)) as Box<dyn Read>),
            Kind::Stream(stream) => match stream.borrow_mut().take() {
                Some(reader) => Ok(Box::new(Counted { inner: reader, bytes: self.read.clone() })),
                None => Err(io::Error::other("a pipe can be read once")),
            },
            Kind::Folder(files) => match files.get(name) {
                Some(path) => File::open(path).map(|file| Box::new(count(file)) as Box<dyn Read>),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Kind::Archive(archive) => {
                archive.reader(name, |packed| Counted { inner: packed, bytes: self.read.clone() })
            }
        };
        opened.map_err(|source| InputError::Open { path, source })
    }

    /// What a file holds, unpacked where gzip or zstd packed it.
    pub(super) fn reader(&self, name: &str) -> Result<Box<dyn BufRead>, InputError> {
        let path = self.path_of(name);
        unpacked(self.raw(name)?).map_err(|source| InputError::Read { path, source })
    }

    /// How a file begins, unpacked.
    pub(super) fn head(&self, name: &str) -> Result<Vec<u8>, InputError> {
        let mut reader = self.reader(name)?;
        let mut head = Vec::new();
        let read = (&mut reader).take(HEAD_BYTES).read_to_end(&mut head);
        read.map_err(|source| InputError::Read { path: self.path_of(name), source })?;
        if let Kind::Stream(stream) = &self.kind {
            *stream.borrow_mut() = Some(Box::new(Cursor::new(head.clone()).chain(reader)));
        } else {
            self.read.store(0, Ordering::Relaxed);
        }
        Ok(head)
    }

    /// All that a file holds, unpacked, of at most so many bytes.
    pub(super) fn whole(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, InputError> {
        self.read_to_end(self.reader(name)?, name, bytes_max)
    }

    /// All bytes of a file as they lie there, at most so many.
    pub(super) fn whole_raw(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, InputError> {
        self.read_to_end(self.raw(name)?, name, bytes_max)
    }

    fn read_to_end(
        &self,
        reader: impl Read,
        name: &str,
        bytes_max: u64,
    ) -> Result<Vec<u8>, InputError> {
        let path = self.path_of(name);
        let mut bytes = Vec::new();
        let read = reader.take(bytes_max + 1).read_to_end(&mut bytes);
        read.map_err(|source| InputError::Read { path: path.clone(), source })?;
        if bytes.len() as u64 > bytes_max {
            return Err(InputError::TooLong { path, line: 1, what: "this file", bytes_max });
        }
        Ok(bytes)
    }
}

/// The sources at `path`: itself, or, of a folder with archives and messages in it, each of these.
pub fn sources(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let is_folder = path != Path::new(STDIN) && path.is_dir();
    if !is_folder {
        return Ok(vec![path.to_path_buf()]);
    }
    let files = folder(path)?;
    if files.is_empty() {
        let reason = "holds no file to import".to_string();
        return Err(InputError::Archive { path: path.to_path_buf(), reason });
    }
    let is_whole = |name: &String| {
        let name = name.to_lowercase();
        name.ends_with(".zip") || name.ends_with(".rsmf")
    };
    // What only lies in folders below is a file that somebody sent.
    let at_top = |name: &&String| !name.contains('/');
    if files.keys().filter(at_top).any(is_whole) {
        return Ok(files
            .into_iter()
            .filter(|(name, _)| at_top(&name))
            .map(|(_, path)| path)
            .collect());
    }
    Ok(vec![path.to_path_buf()])
}

fn file(path: &Path) -> Result<Kind, InputError> {
    let cannot = |source| InputError::Open { path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(cannot)?;
    let mut head = Vec::new();
    (&mut file).take(ZIP[0].len() as u64).read_to_end(&mut head).map_err(cannot)?;
    if ZIP.contains(&head.as_slice()) { archive(path, file) } else { Ok(Kind::One) }
}

fn archive(path: &Path, file: File) -> Result<Kind, InputError> {
    let archive = Archive::open(file);
    let refused = |reason| InputError::Archive { path: path.to_path_buf(), reason };
    archive.map(Kind::Archive).map_err(refused)
}

fn stream(path: &Path, mut from: impl Read + 'static) -> Result<Kind, InputError> {
    let read = |source| InputError::Read { path: path.to_path_buf(), source };
    let mut head = Vec::new();
    (&mut from).take(ZIP[0].len() as u64).read_to_end(&mut head).map_err(read)?;
    let is_zip = ZIP.contains(&head.as_slice());
    let whole = Cursor::new(head).chain(from);
    if !is_zip {
        let whole = io::BufReader::new(whole);
        return Ok(Kind::Stream(RefCell::new(Some(Box::new(whole)))));
    }
    let mut file = tempfile::tempfile().map_err(read)?;
    let bytes = io::copy(&mut whole.take(SPOOL_BYTES_MAX + 1), &mut file).map_err(read)?;
    if bytes > SPOOL_BYTES_MAX {
        let reason = format!("must be at most {SPOOL_BYTES_MAX} bytes from a pipe");
        return Err(InputError::Archive { path: path.to_path_buf(), reason });
    }
    archive(path, file)
}

/// The files below `root`, by name. Hidden ones, and what a Mac puts beside files, are none of them.
fn folder(root: &Path) -> Result<BTreeMap<String, PathBuf>, InputError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(root.to_path_buf(), String::new(), 0)];
    while let Some((folder, within, depth)) = folders.pop() {
        let cannot = |source| InputError::Open { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            let within = format!("{within}{name}");
            // Of the entry itself: a link leads elsewhere.
            let kind = entry.file_type().map_err(cannot)?;
            if kind.is_dir() && depth < DEPTH_MAX {
                folders.push((entry.path(), format!("{within}/"), depth + 1));
            } else if kind.is_file() {
                files.insert(within, entry.path());
            }
            if files.len() > FILES_MAX {
                let reason = format!("must have at most {FILES_MAX} files");
                return Err(InputError::Archive { path: root.to_path_buf(), reason });
            }
        }
    }
    Ok(files)
}

/// Whether a file of a folder or an archive may hold objects.
pub(super) fn is_json_name(name: &str) -> bool {
    let name = name.to_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    [".json", ".jsonl", ".ndjson"].iter().any(|ending| name.ends_with(ending))
}

/// The folder in which a file of this name lies highest, with its `/`; that of the archive is empty.
pub(super) fn folder_of(names: &[String], file: &str) -> Option<String> {
    let folders = names.iter().filter_map(|name| name.strip_suffix(file));
    let whole = folders.filter(|folder| folder.is_empty() || folder.ends_with('/'));
    whole.min_by_key(|folder| folder.len()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::super::testing::zip_of;
    use super::*;

    #[test]
    fn a_folder_has_what_lies_in_it_and_nothing_that_links_lead_to() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(inside.path().join("a/b")).unwrap();
        std::fs::write(inside.path().join("a/b/c.json"), "{}").unwrap();
        std::fs::write(inside.path().join(".hidden"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), inside.path().join("link")).unwrap();
        let secret = outside.path().join("secret");
        std::os::unix::fs::symlink(secret, inside.path().join("file")).unwrap();
        let files = Files::open(inside.path()).unwrap();
        assert_eq!(files.names(), ["a/b/c.json"]);
        assert!(files.has("a/b/c.json") && !files.has("../secret") && !files.has("file"));
        assert!(files.raw("file").is_err());
    }

    #[test]
    fn a_stream_is_told_and_then_read_from_its_beginning() {
        for bytes in [b"{\"id\":1}\n".to_vec(), Vec::new(), b"P".to_vec()] {
            let kind = stream(Path::new(STDIN), Cursor::new(bytes.clone())).unwrap();
            let files = Files { path: STDIN.into(), kind, is_pipe: true, read: Arc::default() };
            assert_eq!(files.head("-").unwrap(), bytes);
            assert_eq!(files.whole("-", 100).unwrap(), bytes);
            assert!(files.whole("-", 100).is_err(), "it is read once");
        }
        let zip = zip_of(&[("x.json", b"{}")]);
        let kind = stream(Path::new(STDIN), Cursor::new(zip)).unwrap();
        let files = Files { path: STDIN.into(), kind, is_pipe: true, read: Arc::default() };
        assert_eq!(files.whole("x.json", 2).unwrap(), b"{}");
        let error = files.whole("x.json", 1).unwrap_err().to_string();
        assert!(error.contains("at most 1 bytes"), "{error}");
    }

    #[test]
    fn archives_at_the_top_of_a_folder_are_sources_each() {
        let folder = tempfile::tempdir().unwrap();
        assert!(sources(folder.path()).unwrap_err().to_string().contains("holds no file"));
        std::fs::write(folder.path().join("one.zip"), zip_of(&[])).unwrap();
        std::fs::create_dir(folder.path().join("sent")).unwrap();
        std::fs::write(folder.path().join("sent/two.zip"), "").unwrap();
        assert_eq!(sources(folder.path()).unwrap(), [folder.path().join("one.zip")]);
    }
}
