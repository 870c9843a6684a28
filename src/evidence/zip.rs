//! The container: a zip of stored entries with one fixed form, so that the same files make the same
//! bytes in every build, and nothing can stand before, between or behind them that one reader sees
//! and another does not.
//!
//! ```text
//! for each file, in the order of names:  local header, name, bytes
//! for each file:                         central header, name
//!                                        end record
//! ```
//! Headers hold what follows from name, length and CRC-32, and constants: no extra fields, no comments,
//! 1980-01-01, mode 0644. So a reader makes each header anew and compares it. Zip64 is not used:
//! a bundle ends at 4 GiB and 65,534 files.

use std::io::{self, Read, Seek, SeekFrom, Write};

/// Files in a zip without Zip64.
pub(super) const FILES_MAX: usize = 65_534;
/// Bytes of a zip without Zip64.
pub(super) const ZIP_BYTES_MAX: u64 = u32::MAX as u64;

const CENTRAL_BYTES: usize = 46;
const END_BYTES: u64 = 22;
/// 1980-01-01, the first day that a zip can name.
const DATE: u16 = 0x21;
/// A plain file that everybody may read, made on Unix.
const MODE: u32 = 0o100_644 << 16;
const NAME_BYTES_MAX: usize = 255;

/// A file of the zip, known before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// With its folder.
    pub(super) name: String,
    pub(super) crc: u32,
    pub(super) bytes: u32,
}

/// Where the bytes of an entry lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) entry: Entry,
    pub(super) begin: u64,
}

impl Entry {
    /// What local and central header have in common.
    fn fields(&self) -> Vec<u8> {
        let mut fields = Vec::with_capacity(26);
        for word in [10, 0, 0, 0, DATE] {
            fields.extend_from_slice(&u16::to_le_bytes(word));
        }
        for word in [self.crc, self.bytes, self.bytes] {
            fields.extend_from_slice(&word.to_le_bytes());
        }
        fields.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
        fields.extend_from_slice(&[0; 2]);
        fields
    }

    /// What stands before its bytes.
    pub(super) fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04", self.fields().as_slice(), self.name.as_bytes()].concat()
    }

    /// What the list at the end says of it, where its local header stands at `at`.
    fn central(&self, at: u32) -> Vec<u8> {
        let place = [&[0; 6][..], &MODE.to_le_bytes(), &at.to_le_bytes()].concat();
        [b"PK\x01\x02\x14\x03", self.fields().as_slice(), &place, self.name.as_bytes()].concat()
    }

    /// Bytes of the zip that it takes.
    pub(super) fn size(&self) -> u64 {
        (self.local().len() + CENTRAL_BYTES + self.name.len()) as u64 + u64::from(self.bytes)
    }
}

/// Bytes of a zip of these entries.
pub(super) fn size_of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> u64 {
    entries.into_iter().map(Entry::size).sum::<u64>() + END_BYTES
}

/// Writes what stands behind the files.
pub(super) fn write_end(entries: &[Entry], out: &mut impl Write) -> io::Result<()> {
    let (mut at, mut size) = (0_u32, 0_u32);
    for entry in entries {
        let central = entry.central(at);
        out.write_all(&central)?;
        size += central.len() as u32;
        at += entry.local().len() as u32 + entry.bytes;
    }
    out.write_all(&end(entries.len() as u16, size, at))
}

fn end(count: u16, size: u32, start: u32) -> Vec<u8> {
    let (count, size, start) = (count.to_le_bytes(), size.to_le_bytes(), start.to_le_bytes());
    [b"PK\x05\x06", &[0; 4][..], &count, &count, &size, &start, &[0; 2]].concat()
}

/// The files of a zip in exactly this form; `None` where it has any other. Reads it whole: each file's
/// bytes must have the CRC-32 that is said of them.
pub(super) fn extents(zip: &mut (impl Read + Seek)) -> io::Result<Option<Vec<Extent>>> {
    let length = zip.seek(SeekFrom::End(0))?;
    if !(END_BYTES..=ZIP_BYTES_MAX).contains(&length) {
        return Ok(None);
    }
    let last = read_at(zip, length - END_BYTES, END_BYTES as usize)?;
    let (count, start) = (u16_at(&last, 10), u32_at(&last, 16));
    let central_bytes = (length - END_BYTES).checked_sub(u64::from(start));
    let Some(central_bytes) = central_bytes.filter(|_| usize::from(count) <= FILES_MAX) else {
        return Ok(None);
    };
    if last != end(count, central_bytes as u32, start)
        || central_bytes > FILES_MAX as u64 * (CENTRAL_BYTES + NAME_BYTES_MAX) as u64
    {
        return Ok(None);
    }
    let central = read_at(zip, u64::from(start), central_bytes as usize)?;
    let Some(extents) = extents_of(&central, count) else { return Ok(None) };
    let end_of_files = extents.last().map_or(0, |last| last.begin + u64::from(last.entry.bytes));
    if end_of_files != u64::from(start) {
        return Ok(None);
    }
    for extent in &extents {
        let local = extent.entry.local();
        if read_at(zip, extent.begin - local.len() as u64, local.len())? != local
            || crc_of(&mut (&mut *zip).take(u64::from(extent.entry.bytes)))?
                != (extent.entry.crc, u64::from(extent.entry.bytes))
        {
            return Ok(None);
        }
    }
    Ok(Some(extents))
}

/// What the list at the end says, where it says it in our form.
fn extents_of(central: &[u8], count: u16) -> Option<Vec<Extent>> {
    let (mut rest, mut at, mut extents) = (central, 0_u64, Vec::<Extent>::new());
    for _ in 0..count {
        let head = rest.get(..CENTRAL_BYTES)?;
        let name = rest.get(CENTRAL_BYTES..CENTRAL_BYTES + usize::from(u16_at(head, 28)))?;
        let name = String::from_utf8(name.to_vec()).ok()?;
        let entry = Entry { name, crc: u32_at(head, 16), bytes: u32_at(head, 20) };
        rest = rest.strip_prefix(entry.central(u32::try_from(at).ok()?).as_slice())?;
        let begin = at + entry.local().len() as u64;
        at = begin + u64::from(entry.bytes);
        if entry.name.len() > NAME_BYTES_MAX
            || extents.last().is_some_and(|last| last.entry.name >= entry.name)
        {
            return None;
        }
        extents.push(Extent { entry, begin });
    }
    rest.is_empty().then_some(extents)
}

/// The CRC-32 of all that `from` gives, and how many bytes that is.
fn crc_of(from: &mut impl Read) -> io::Result<(u32, u64)> {
    let (mut crc, mut bytes, mut buffer) = (Crc::default(), 0, vec![0; 64 * 1024]);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok((crc.value(), bytes));
        }
        crc.add(&buffer[..count]);
        bytes += count as u64;
    }
}

fn read_at(zip: &mut (impl Read + Seek), at: u64, count: usize) -> io::Result<Vec<u8>> {
    zip.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; count];
    zip.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// CRC-32 as zips have it (ISO 3309).
#[derive(Clone, Debug, Default)]
pub(super) struct Crc(crc32fast::Hasher);

impl Crc {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn value(self) -> u32 {
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut zip, mut entries) = (Vec::new(), Vec::new());
        for (name, bytes) in files {
            let (crc, _) = crc_of(&mut &bytes[..]).unwrap();
            let entry = Entry { name: name.to_string(), crc, bytes: bytes.len() as u32 };
            zip.extend(entry.local());
            zip.extend_from_slice(bytes);
            entries.push(entry);
        }
        write_end(&entries, &mut zip).unwrap();
        assert_eq!(zip.len() as u64, size_of(&entries));
        zip
    }

    /// A library that others wrote opens it, and finds the same.
    #[test]
    fn others_open_it() {
        let zip = zip_of(&[("a/empty", b""), ("a/x/y.txt", "words 文".as_bytes())]);
        let mut archive = zip::ZipArchive::new(Cursor::new(&zip)).unwrap();
        assert_eq!(archive.len(), 2);
        let mut file = archive.by_name("a/x/y.txt").unwrap();
        assert_eq!(
            (file.compression(), file.unix_mode()),
            (zip::CompressionMethod::Stored, Some(0o100_644))
        );
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "words 文");
        let extents = extents(&mut Cursor::new(&zip)).unwrap().unwrap();
        assert_eq!(extents[1].entry.name, "a/x/y.txt");
        assert_eq!(&zip[extents[1].begin as usize..][..5], b"words");
    }

    #[test]
    fn no_byte_of_it_can_be_another() {
        let zip = zip_of(&[("a/b", b"12"), ("a/c", b"3456")]);
        let other = |zip: &[u8]| extents(&mut Cursor::new(zip)).unwrap().is_none();
        assert!(!other(&zip));
        for at in 0..zip.len() {
            for bit in 0..8 {
                let mut flipped = zip.clone();
                flipped[at] ^= 1 << bit;
                // A name may be another: the manifests say which there are.
                let is_name = zip.windows(3).enumerate().any(|(place, name)| {
                    (name == b"a/b" || name == b"a/c") && (place..place + 3).contains(&at)
                });
                assert!(other(&flipped) || is_name, "bit {bit} of byte {at}");
            }
            assert!(other(&zip[..at]) && other(&[&zip[..at], b"x", &zip[at..]].concat()));
        }
        assert!(
            other(&zip_of(&[("a/c", b""), ("a/b", b"")]))
                && other(&zip_of(&[("a/b", b"1"), ("a/b", b"1")]))
        );
    }
}
