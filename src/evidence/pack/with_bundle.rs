//! A pack with the bundle that it is of, as one zip: whoever reads a page has beside it what the hash on
//! the page names.

use super::{Fonts, PackError, PackRequest, pack, read_bundle};
use crate::evidence::spool::{BundleFile, Spool};
use crate::evidence::{Bundle, EvidenceError, Zipped};
use crate::relay::DiskSpace;

/// Bytes of what a pack reads of a bundle, in memory two times: larger ones are made on a command line.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// What was left out, and whose limits were kept.
const REPORT: &str = "report.json";

/// Makes the pack of `bundle`. Files lie in `spool` until they are sent. Blocks for as long as a document
/// is set.
///
/// # Errors
/// Where what is asked for is not in the bundle, or does not fit the profile.
pub fn pack_with_bundle(
    bundle: &Bundle,
    request: &PackRequest,
    spool: &DiskSpace,
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
    let packed = pack(&source, request.profile, &mut Fonts::find(&[])?)?;
    // From types whose serialization cannot fail.
    let report = serde_json::to_vec_pretty(&packed.report).unwrap_or_default();
    let mut files = vec![kept, BundleFile::of(REPORT, report)];
    files.extend(packed.files.into_iter().map(|file| BundleFile::of(file.name, file.bytes)));
    let folder = format!("{}-{}", name.trim_end_matches(".zip"), request.profile.as_str());
    Ok(Zipped::of(folder, files)?)
}
