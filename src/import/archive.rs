//! A zip archive, read in place: nothing of it is ever written to a path that it names.
//!
//! Invariants: an entry whose name would leave the archive refuses all of it; an entry is read to
//! the length and the checksum that the archive says, and not beyond; entries never lie over each
//! other, and what grows as no chat does is refused before it is read.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::unpacked::check_growth;

/// Files in one archive: a Slack export of ten years has some 100,000. At 200 bytes each: 200 MB.
const ENTRIES_MAX: usize = 1_000_000;

/// An open archive.
pub(super) struct Archive {
    file: Arc<File>,
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    begin: u64,
    packed_bytes: u64,
    bytes: u64,
    crc: u32,
    is_deflated: bool,
}

impl Archive {
    /// Reads the list of entries. The error is a reason, to be read after the archive's name.
    pub(super) fn open(file: File) -> Result<Archive, String> {
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let file = Arc::new(file);
        let whole = io::BufReader::new(At { file: file.clone(), place: 0, end: length });
        let mut zip = ZipArchive::new(Seekable { inner: whole, length })
            .map_err(|error| format!("is no zip archive that can be read: {error}"))?;
        // The library keeps the last of two entries of one name, and knows no more than that there were two.
        if zip.has_duplicate_names() {
            let list = At { file, place: zip.central_directory_start(), end: length };
            let name = name_listed_twice(io::BufReader::new(list));
            return Err(named_twice(&name.map_err(|error| error.to_string())?));
        }
        if zip.len() > ENTRIES_MAX {
            return Err(format!("must have at most {ENTRIES_MAX} files, not {}", zip.len()));
        }
        let (mut entries, mut packed_bytes, mut bytes) = (BTreeMap::new(), 0_u64, 0_u64);
        for index in 0..zip.len() {
            let Some((name, entry)) = entry_of(&mut zip, index)? else { continue };
            packed_bytes = packed_bytes.saturating_add(entry.packed_bytes);
            bytes = bytes.saturating_add(entry.bytes);
            check_growth(entry.packed_bytes, entry.bytes)?;
            let end = entry.begin.checked_add(entry.packed_bytes);
            if end.is_none_or(|end| end > length) {
                return Err(format!("must hold `{name}` whole: it is cut off"));
            }
            // Names that are no UTF-8 may differ and read the same.
            if entries.contains_key(&name) {
                return Err(named_twice(&name));
            }
            entries.insert(name, entry);
        }
        if packed_bytes > length {
            return Err("must not have files that lie over each other".to_string());
        }
        check_growth(length, bytes)?;
        Ok(Archive { file, entries })
    }

    /// In the order of names.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    pub(super) fn bytes_of(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.bytes)
    }

    pub(super) fn length(&self) -> u64 {
        self.entries.values().map(|entry| entry.packed_bytes).sum()
    }

    /// The packed bytes of an entry pass through `count`.
    pub(super) fn reader<R: Read + 'static>(
        &self,
        name: &str,
        count: impl FnOnce(At) -> R,
    ) -> io::Result<Box<dyn Read>> {
        let entry = self.entries.get(name).copied();
        let Some(entry) = entry else { return Err(io::ErrorKind::NotFound.into()) };
        let end = entry.begin + entry.packed_bytes;
        let packed = count(At { file: self.file.clone(), place: entry.begin, end });
        let crc = crc32fast::Hasher::new();
        Ok(if entry.is_deflated {
            let inner = DeflateDecoder::new(packed);
            Box::new(Checked { inner, bytes_left: entry.bytes, crc, crc_said: entry.crc })
        } else {
            Box::new(Checked { inner: packed, bytes_left: entry.bytes, crc, crc_said: entry.crc })
        })
    }
}

fn named_twice(name: &str) -> String {
    let shown = name.escape_debug();
    format!("must not have two files named `{shown}`: unpack it, and import what you mean")
}

/// The first name that comes again in a list of entries, which must have one.
fn name_listed_twice(mut list: impl Read) -> io::Result<String> {
    let mut seen = HashSet::new();
    loop {
        // Of each its name, some more and a comment follow, whose lengths stand at 28.
        let mut header = [0; 46];
        list.read_exact(&mut header)?;
        let length = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = Vec::new();
        (&mut list).take(length(28)).read_to_end(&mut name)?;
        io::copy(&mut (&mut list).take(length(30) + length(32)), &mut io::sink())?;
        if let Some(name) = seen.replace(name) {
            return Ok(String::from_utf8_lossy(&name).into_owned());
        }
    }
}

/// What the list says of an entry; `None` for a folder.
fn entry_of(
    zip: &mut ZipArchive<Seekable>,
    index: usize,
) -> Result<Option<(String, Entry)>, String> {
    let damaged = |error: &dyn std::fmt::Display| format!("has a damaged entry: {error}");
    let file = zip.by_index_raw(index).map_err(|error| damaged(&error))?;
    let name = String::from_utf8_lossy(file.name_raw()).into_owned();
    let shown = name.escape_debug();
    if !stays_within(&name) {
        return Err(format!("must not have a file named `{shown}`, which would leave it"));
    }
    if file.is_dir() {
        return Ok(None);
    }
    if file.encrypted() || file.is_symlink() {
        return Err(format!("must have plain files only: `{shown}` is encrypted or a link"));
    }
    let is_deflated = match file.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::DEFLATE => true,
        other => return Err(format!("must be packed by deflate: `{shown}` is by {other}")),
    };
    let begin = file.data_start().ok_or_else(|| damaged(&shown))?;
    let (packed_bytes, bytes, crc) = (file.compressed_size(), file.size(), file.crc32());
    Ok(Some((name, Entry { begin, packed_bytes, bytes, crc, is_deflated })))
}

/// Whether a name leads to something within the archive, on any system.
fn stays_within(name: &str) -> bool {
    let is_plain = |part: &str| part != ".." && !part.contains('\0');
    let is_absolute = name.starts_with(['/', '\\']) || name.as_bytes().get(1) == Some(&b':');
    !name.is_empty() && !is_absolute && name.split(['/', '\\']).all(is_plain)
}

/// A part of a file, read from a place of its own: several may be read at once.
pub(super) struct At {
    file: Arc<File>,
    place: u64,
    end: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.place)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.place)?;
        self.place += count as u64;
        Ok(count)
    }
}

/// All of a file, as the library wants to read it.
struct Seekable {
    inner: io::BufReader<At>,
    length: u64,
}

impl Read for Seekable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl io::Seek for Seekable {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let now = self.inner.get_ref().place - self.inner.buffer().len() as u64;
        let place = match to {
            io::SeekFrom::Start(place) => Some(place),
            io::SeekFrom::End(by) => self.length.checked_add_signed(by),
            io::SeekFrom::Current(by) => now.checked_add_signed(by),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        let file = self.inner.get_ref().file.clone();
        self.inner = io::BufReader::new(At { file, place, end: self.length });
        Ok(place)
    }
}

/// Holds a reader to the length and the checksum that were said of it.
struct Checked<R> {
    inner: R,
    bytes_left: u64,
    crc: crc32fast::Hasher,
    crc_said: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(&buffer[..count]);
        let left = self.bytes_left.checked_sub(count as u64);
        self.bytes_left = left.ok_or_else(|| damage("more comes than the archive says"))?;
        if count == 0 && !buffer.is_empty() {
            if self.bytes_left > 0 {
                return Err(damage("less comes than the archive says"));
            }
            if self.crc.clone().finalize() != self.crc_said {
                return Err(damage("its checksum differs from what the archive says"));
            }
        }
        Ok(count)
    }
}

fn damage(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::super::testing::{zip_file, zip_of};
    use super::*;

    fn whole(archive: &Archive, name: &str) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        archive.reader(name, |packed| packed)?.read_to_end(&mut all)?;
        Ok(all)
    }

    fn opened(bytes: &[u8]) -> Result<Archive, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Archive::open(file)
    }

    #[test]
    fn files_are_read_whole_in_any_order() {
        let text = "退款\n".repeat(5_000).into_bytes();
        let archive = Archive::open(zip_file(&[("b/c.json", &text), ("a", b"")])).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), ["a", "b/c.json"]);
        assert_eq!(whole(&archive, "b/c.json").unwrap(), text);
        assert_eq!(whole(&archive, "a").unwrap(), b"");
        assert_eq!(archive.bytes_of("b/c.json"), Some(text.len() as u64));
        assert!(whole(&archive, "c").is_err());
    }

    #[test]
    fn names_that_lead_out_refuse_the_archive() {
        for name in ["../x", "a/../../x", "/etc/x", "a\\..\\x", "C:\\x", "\\x"] {
            let refused = opened(&zip_of(&[(name, b"x")])).err().unwrap();
            assert!(refused.contains("would leave it"), "{name}: {refused}");
        }
        assert!(stays_within("a/..b/c..") && !stays_within("") && !stays_within("a/.."));
    }

    /// The first was once dropped in silence.
    #[test]
    fn two_files_of_one_name_refuse_the_archive() {
        let refused = opened(&zip_of(&[("a.json", b"1"), ("b", b"2"), ("a.json", b"3")]));
        let refused = refused.err().unwrap();
        assert!(refused.contains("two files named `a.json`"), "{refused}");
    }

    #[test]
    fn what_is_damaged_is_an_error_and_never_other_bytes() {
        let zip = zip_of(&[("a.json", b"words, words, words, words"), ("b.json", b"others")]);
        assert!(opened(&zip[..zip.len() - 30]).is_err());
        let mut is_refused = 0;
        for at in 0..zip.len() {
            let mut flipped = zip.clone();
            flipped[at] ^= 0x20;
            let Ok(archive) = opened(&flipped) else {
                is_refused += 1;
                continue;
            };
            if let Ok(read) = whole(&archive, "a.json") {
                assert_eq!(read, b"words, words, words, words", "byte {at}");
            }
        }
        assert!(is_refused > 10);
    }

    #[test]
    fn bombs_are_refused_by_what_they_say() {
        let (words, bytes) = (b"words", 300_u32 << 20);
        let zip = zip_of(&[("bomb.json", words)]);
        // The same, saying that it is 300 MiB.
        let (said, lie) = ((words.len() as u32).to_le_bytes(), bytes.to_le_bytes());
        let mut bomb = zip.clone();
        for at in (0..zip.len() - 4).filter(|at| zip[*at..][..4] == said) {
            bomb[at..at + 4].copy_from_slice(&lie);
        }
        let refused = opened(&bomb).err().unwrap();
        assert!(refused.contains("250-fold"), "{refused}");
    }
}
