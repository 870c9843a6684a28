//! The bytes of one file, on a thread of their own: while they are compressed, hashed and written, the next rows become
//! bytes.
//!
//! Invariant: whoever hears that it is finished hears of all bytes, and of the first error whoever writes on.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::cli::destination::Out;

/// As `zstd` on the command line: twice as small as the fastest, at a few hundred MB/s.
const ZSTD_LEVEL: i32 = 3;
/// Parts that wait to be written: × some MB each.
const PARTS_WAITING: usize = 2;

pub(super) struct Behind {
    parts: SyncSender<Bytes>,
    /// None once it was asked why it ended.
    thread: Option<JoinHandle<io::Result<Sum>>>,
}

/// What was written in all.
pub(super) struct Sum {
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

impl Behind {
    /// Begins to write to `out`, compressed or not.
    pub(super) fn begin(out: Out, is_compressed: bool) -> io::Result<Behind> {
        let (parts, coming) = sync_channel(PARTS_WAITING);
        let write = move || write_all(&coming, out, is_compressed);
        let thread = Builder::new().name("export-write".to_string()).spawn(write)?;
        Ok(Behind { parts, thread: Some(thread) })
    }

    /// Takes the next bytes. An error may be that of earlier ones.
    pub(super) fn write(&mut self, part: Bytes) -> io::Result<()> {
        if self.parts.send(part).is_err() {
            self.ended()?;
        }
        Ok(())
    }

    /// Waits until all is written.
    pub(super) fn finish(self) -> io::Result<Sum> {
        let Behind { parts, thread } = self;
        drop(parts);
        joined(thread)
    }

    fn ended(&mut self) -> io::Result<Sum> {
        joined(self.thread.take())
    }
}

fn joined(thread: Option<JoinHandle<io::Result<Sum>>>) -> io::Result<Sum> {
    match thread.map(JoinHandle::join) {
        Some(Ok(written)) => written,
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Err(io::Error::other("an earlier part could not be written")),
    }
}

fn write_all(parts: &Receiver<Bytes>, out: Out, is_compressed: bool) -> io::Result<Sum> {
    let mut counted = Counted { out, bytes: 0, hash: Sha256::new() };
    if is_compressed {
        let mut zstd = zstd::Encoder::new(counted, ZSTD_LEVEL)?;
        parts.iter().try_for_each(|part| zstd.write_all(&part))?;
        counted = zstd.finish()?;
    } else {
        parts.iter().try_for_each(|part| counted.write_all(&part))?;
    }
    counted.out.flush()?;
    Ok(Sum { bytes: counted.bytes, sha256: counted.hash.finalize().into() })
}

/// Counts and hashes what goes through it.
struct Counted {
    out: Out,
    bytes: u64,
    hash: Sha256,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    /// Takes so many bytes, and then no more.
    #[derive(Clone)]
    struct Small {
        taken: Arc<Mutex<Vec<u8>>>,
        room: usize,
    }

    impl Small {
        fn of(room: usize) -> Small {
            Small { taken: Arc::default(), room }
        }
    }

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.taken.lock();
            let count = bytes.len().min(self.room - taken.len());
            taken.extend_from_slice(&bytes[..count]);
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_finished_is_all_of_it_in_order_and_hashed() {
        for is_compressed in [false, true] {
            let out = Small::of(1 << 20);
            let mut behind = Behind::begin(Box::new(out.clone()), is_compressed).unwrap();
            let mut all = Vec::new();
            for part in 0..100_u8 {
                let part = vec![part; usize::from(part)];
                all.extend_from_slice(&part);
                behind.write(part.into()).unwrap();
            }
            let sum = behind.finish().unwrap();
            let taken = out.taken.lock().clone();
            assert_eq!(sum.bytes, taken.len() as u64);
            assert_eq!(sum.sha256, <[u8; 32]>::from(Sha256::digest(&taken)));
            let read = if is_compressed { zstd::decode_all(&*taken).unwrap() } else { taken };
            assert_eq!(read, all);
        }
    }

    #[test]
    fn what_cannot_be_written_is_told_to_whoever_goes_on_and_to_whoever_ends() {
        let full = |result: io::Result<()>| matches!(result, Err(error) if error.kind() == io::ErrorKind::StorageFull);
        let mut behind = Behind::begin(Box::new(Small::of(10)), false).unwrap();
        let mut parts = 0;
        let failed = loop {
            match behind.write(vec![0; 8].into()) {
                Ok(()) => parts += 1,
                failed => break failed,
            }
        };
        assert!(full(failed) && parts <= PARTS_WAITING + 2, "{parts}");
        assert!(behind.write(Bytes::new()).is_err());
        assert!(behind.finish().is_err());
        let mut behind = Behind::begin(Box::new(Small::of(10)), false).unwrap();
        behind.write(vec![0; 11].into()).unwrap();
        assert!(full(behind.finish().map(|_| ())));
    }
}
