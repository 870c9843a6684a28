//! A pack with the bundle that it is of, as one zip: whoever reads a page has beside it what the hash on
//! the page names.

use super::{Bounds, Fonts, PackError, PackRequest, pack_within, read_bundle};
use crate::evidence::spool::{BundleFile, Spool};
use crate::evidence::{Bundle, EvidenceError, Zipped};
use crate::relay::DiskSpace;

/// Bytes of what a pack reads of a bundle: × about six, as bytes and as records, = 100 MiB. Larger ones are made
/// on a command line.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Pages of a document, where its profile takes more: × 200 KiB = 100 MiB, and a few seconds.
const PAGES_MAX: usize = 500;
/// What was left out, and whose limits were kept.
const REPORT: &str = "report.json";

/// Makes the pack of `bundle`. Files lie in `spool` until they are sent. Blocks for as long as a document
/// is set, and `is_wanted`.
///
/// # Errors
/// Where what is asked for is not in the bundle, or does not fit the profile.
pub fn pack_with_bundle(
    bundle: &Bundle,
    request: &PackRequest,
    spool: &DiskSpace,
    is_wanted: &dyn Fn() -> bool,
) -> Result<Zipped, PackError> {
    let name = bundle.zip.name();
    let kept = (|| {
        let mut kept = Spool::on(spool)?;
        bundle.zip.write(&mut kept)?;
        kept.finish(&name)
    })();
    let kept = kept.map_err(EvidenceError::Io)?;
    let read = read_bundle(kept.opened().map_err(EvidenceError::Io)?, BYTES_MAX)?;
    let source = read.source(request, None)?;
    let bounds = Bounds { pages_max: PAGES_MAX, is_wanted };
    let packed = pack_within(&source, request.profile, &mut Fonts::find(&[])?, bounds)?;
    let report = serde_json::to_vec_pretty(&packed.report);
    let report = report.map_err(|error| EvidenceError::Io(error.into()))?;
    let mut files = vec![kept, BundleFile::of(REPORT, report)];
    files.extend(packed.files.into_iter().map(|file| BundleFile::of(file.name, file.bytes)));
    let folder = format!("{}-{}", name.trim_end_matches(".zip"), request.profile.as_str());
    Ok(Zipped::of(folder, files)?)
}
