//! Files of a bundle that was just made, where a server makes them.

use super::{Bounds, Form, InterchangeError, interchange};
use crate::evidence::spool::Spool;
use crate::evidence::{Bundle, Zipped};
use crate::relay::{ATTACHMENT_BYTES_MAX, DiskSpace};

/// Bytes of records that are read at once: × about eight as mails, twenty as a vCon, = 320 MiB. Larger ones are made on a
/// command line.
const RECORDS_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Of the attachments of one file: × about four = 256 MiB, and the largest that the relay takes.
const FILES_BYTES_MAX: u64 = ATTACHMENT_BYTES_MAX as u64;

/// Makes the files of `form` of a bundle, unsigned: a server has no key for it. They lie in `spool` until they are sent.
/// Blocks while it reads and writes, and `is_wanted`.
pub fn files_of_bundle(
    bundle: &Bundle,
    form: Form,
    spool: &DiskSpace,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Zipped, InterchangeError> {
    let mut kept = Spool::on(spool)?;
    bundle.zip.write(&mut kept)?;
    let file = kept.finish("bundle")?.opened()?;
    let bounds = Bounds {
        records_bytes_max: RECORDS_BYTES_MAX,
        files_bytes_max: FILES_BYTES_MAX,
        is_wanted,
    };
    interchange(file, form, None, bounds, spool)
}
