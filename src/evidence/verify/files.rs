//! The files of a bundle, from its zip or from the folder that was unpacked from it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Failure, refuse};
use crate::evidence::zip::{self, Extent};

/// Longest line of a file: a text of 32 KiB, escaped twice, takes 0.4 MiB.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Largest file that is read whole: proofs of 4 million records.
const WHOLE_BYTES_MAX: u64 = 512 << 20;

/// Where the bytes of each file are.
pub(super) struct Files {
    place: Place,
    files: BTreeMap<String, Extent>,
}

enum Place {
    Zip(PathBuf),
    Folder(PathBuf),
}

impl Files {
    pub(super) fn open(path: &Path) -> Result<Files, Failure> {
        let mut files = BTreeMap::new();
        if fs::metadata(path)?.is_dir() {
            add_folder(path, "", &mut files)?;
            return Ok(Files { place: Place::Folder(path.to_path_buf()), files });
        }
        let Some(extents) = zip::extents(&mut BufReader::new(File::open(path)?))? else {
            return refuse("the zip is not one that verbatim writes");
        };
        let mut folder = None;
        for extent in extents {
            let name = extent.entry.name.clone();
            let inner = name.split_once('/').filter(|(outer, inner)| {
                folder.get_or_insert(outer.to_string()) == outer
                    && name.split('/').all(is_plain)
                    && !inner.is_empty()
            });
            let Some((_, inner)) = inner else {
                return refuse(format!("`{name:.80}` is not in the folder of the bundle"));
            };
            files.insert(inner.to_string(), extent);
        }
        Ok(Files { place: Place::Zip(path.to_path_buf()), files })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// The bytes of a file, from its first on.
    pub(super) fn reader(&self, name: &str) -> Result<impl BufRead + use<>, Failure> {
        let Some(extent) = self.files.get(name) else {
            return refuse(format!("`{name}` is missing"));
        };
        let file = match &self.place {
            Place::Folder(folder) => File::open(folder.join(name))?.take(u64::MAX),
            Place::Zip(path) => {
                let mut zip = File::open(path)?;
                zip.seek(SeekFrom::Start(extent.begin))?;
                zip.take(u64::from(extent.entry.bytes))
            }
        };
        Ok(BufReader::with_capacity(64 * 1024, file))
    }

    pub(super) fn sha256(&self, name: &str) -> Result<[u8; 32], Failure> {
        let (mut reader, mut sha256) = (self.reader(name)?, Sha256::new());
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(sha256.finalize().into());
            }
            sha256.update(bytes);
            let count = bytes.len();
            reader.consume(count);
        }
    }

    /// All of a file, which must be UTF-8.
    pub(super) fn text(&self, name: &str) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        self.reader(name)?.take(WHOLE_BYTES_MAX).read_to_end(&mut bytes)?;
        let not_text = |_| Failure::Refused(format!("`{name}` is not UTF-8"));
        String::from_utf8(bytes).map_err(not_text)
    }

    /// A file of one line.
    pub(super) fn only_line(&self, name: &str) -> Result<String, Failure> {
        let mut text = self.text(name)?;
        match text.pop() {
            Some('\n') if !text.contains('\n') => Ok(text),
            _ => refuse(format!("`{name}` is not one line")),
        }
    }

    /// The lines of a file, each without its line feed, which each must have.
    pub(super) fn lines(&self, name: &str) -> Result<Lines<impl BufRead + use<>>, Failure> {
        Ok(Lines { reader: self.reader(name)?, name: name.to_string(), number: 0 })
    }
}

/// Lines of a file, one after the other.
pub(super) struct Lines<R> {
    reader: R,
    name: String,
    pub(super) number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn next(&mut self) -> Result<Option<String>, Failure> {
        let mut line = Vec::new();
        (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let text = line.strip_suffix(b"\n").map(|line| String::from_utf8(line.to_vec()));
        match text {
            Some(Ok(text)) => Ok(Some(text)),
            _ => refuse(format!("line {} of `{}` is no line of text", self.number, self.name)),
        }
    }
}

/// A name that means the same to every system that unpacks it.
fn is_plain(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric();
    name.bytes().next().is_some_and(is_word)
        && name.bytes().all(|byte| is_word(byte) || b"._-".contains(&byte))
}

/// Everything under a folder, links not followed.
fn add_folder(
    folder: &Path,
    before: &str,
    files: &mut BTreeMap<String, Extent>,
) -> Result<(), Failure> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        // A line feed in a name would make one line of the manifest look like two.
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else {
            return refuse(format!("`{:.80}` is no name of a file in a bundle", name.display()));
        };
        let name = format!("{before}{name}");
        if kind.is_dir() {
            add_folder(&entry.path(), &format!("{name}/"), files)?;
        } else if kind.is_file() {
            let nothing = zip::Entry { name: name.clone(), crc: 0, bytes: 0 };
            files.insert(name, Extent { entry: nothing, begin: 0 });
        } else {
            return refuse(format!("`{name:.80}` is neither a file nor a folder"));
        }
    }
    Ok(())
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Unreadable(error)
    }
}
