//! What gzip or zstd packed, unpacked as it is read; known by its first bytes, never by a name.
//!
//! Invariant: memory is bounded whatever comes, and what grows as no chat does is refused.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Largest window of zstd, as a power of two: 128 MiB, what its own tool takes.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Chat packs 3 to 30-fold, a bomb more than 1,000-fold.
pub(super) const GROWTH_MAX: u64 = 250;
/// Below this nothing is a bomb.
pub(super) const GROWTH_FREE_BYTES: u64 = 256 * 1024 * 1024;
/// Read at once.
const READ_BYTES: usize = 256 * 1024;

/// Counts what is read, for the bar and against bombs.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Refuses to go on where far more comes out than went in.
struct Bounded<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    bytes: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        check_growth(self.packed.load(Ordering::Relaxed), self.bytes).map_err(io::Error::other)?;
        Ok(count)
    }
}

/// Refuses what became too much of what it was packed in.
pub(super) fn check_growth(packed_bytes: u64, bytes: u64) -> Result<(), String> {
    if bytes <= GROWTH_FREE_BYTES || bytes / GROWTH_MAX <= packed_bytes {
        return Ok(());
    }
    Err(format!(
        "it must not grow more than {GROWTH_MAX}-fold as it is unpacked, as no chat does; unpack it first, if it is one"
    ))
}

/// What `packed` holds: itself, where it is not packed.
pub(super) fn unpacked(packed: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    let bytes = Arc::<AtomicU64>::default();
    let counted = Counted { inner: packed, bytes: bytes.clone() };
    let mut reader = BufReader::with_capacity(READ_BYTES, counted);
    // A pipe may give a byte at a time.
    let mut head = Vec::new();
    (&mut reader).take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let (is_gzip, is_zstd) = (head.starts_with(GZIP), head == ZSTD);
    let whole = io::Cursor::new(head).chain(reader);
    if is_gzip {
        let inner = MultiGzDecoder::new(whole);
        return Ok(buffered(Bounded { inner, packed: bytes, bytes: 0 }));
    }
    if is_zstd {
        let mut inner = zstd::Decoder::new(whole)?;
        inner.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
        return Ok(buffered(Bounded { inner, packed: bytes, bytes: 0 }));
    }
    Ok(Box::new(whole))
}

fn buffered(reader: impl Read + 'static) -> Box<dyn BufRead> {
    Box::new(BufReader::with_capacity(READ_BYTES, reader))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        unpacked(io::Cursor::new(bytes))?.read_to_end(&mut all)?;
        Ok(all)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_known_by_its_bytes() {
        let text = "杯子碎了\n".repeat(1_000).into_bytes();
        assert_eq!(read(text.clone()).unwrap(), text);
        assert_eq!(read(gzip(&text)).unwrap(), text);
        // What tools append is one file to them.
        assert_eq!(read([gzip(b"a"), gzip(b"b")].concat()).unwrap(), b"ab");
        assert_eq!(read(zstd::encode_all(&text[..], 3).unwrap()).unwrap(), text);
        for short in [&b""[..], b"\x1f", b"\x28\xb5"] {
            assert_eq!(read(short.to_vec()).unwrap(), short);
        }
    }

    #[test]
    fn what_is_damaged_or_grows_without_end_is_refused() {
        let whole = gzip(&[b'x'; 10_000]);
        assert!(read(whole[..whole.len() - 4].to_vec()).is_err());
        assert!(read([ZSTD, b"junk"].concat()).is_err());
        assert_eq!(check_growth(10, GROWTH_FREE_BYTES), Ok(()));
        assert_eq!(check_growth(2 << 20, 300 << 20), Ok(()));
        assert!(check_growth(1 << 20, 300 << 20).unwrap_err().contains("250-fold"));
        let mut bounded =
            Bounded { inner: io::repeat(0), packed: Arc::default(), bytes: GROWTH_FREE_BYTES };
        assert!(bounded.read(&mut [0; 8]).is_err());
    }
}
