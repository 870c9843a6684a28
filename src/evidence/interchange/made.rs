//! A zip of files of one form, made of a bundle, a conversation at a time.

use std::fs::File;

use super::conversation::Conversation;
use super::from_bundle;
use super::naming::stem;
use super::out::{Bounds, Out};
use super::source::{Bytes, Source};
use super::{Form, InterchangeError, Signer, eml, rsmf, vcon};
use crate::evidence::spool::BundleFile;
use crate::evidence::{EvidenceError, Zipped};
use crate::relay::DiskSpace;

/// Makes the files of `form` of a bundle, in a folder that is called as the bundle's. They lie in `spool` until they are
/// written. vCons are signed where there is a `signer`.
///
/// # Errors
/// Where the file is no bundle, or has more than `bounds` take.
pub fn interchange(
    bundle: File,
    form: Form,
    signer: Option<&dyn Signer>,
    bounds: Bounds<'_>,
    spool: &DiskSpace,
) -> Result<Zipped, InterchangeError> {
    let (source, mut bytes) = from_bundle::open(bundle, bounds.records_bytes_max)?;
    let files = files_of(&source, &mut bytes, form, signer, bounds, spool)?;
    let folder = format!("{}-{}", bytes.folder(), form.as_str());
    Ok(Zipped::of(folder, files)?)
}

/// The files of a form.
pub(super) fn files_of(
    source: &Source,
    bytes: &mut impl Bytes,
    form: Form,
    signer: Option<&dyn Signer>,
    bounds: Bounds<'_>,
    spool: &DiskSpace,
) -> Result<Vec<BundleFile>, InterchangeError> {
    let mut out = Out::on(spool, bounds)?;
    for (number, rows) in (1..).zip(source.conversations()) {
        if !(bounds.is_wanted)() {
            return Err(EvidenceError::NobodyWaits.into());
        }
        let rows = rows?;
        let conversation = Conversation::of(&rows, &source.files);
        let stem = stem(number, &conversation.name);
        match form {
            Form::Rsmf => rsmf::write(&conversation, source.zone, &stem, bytes, &mut out)?,
            Form::Vcon => vcon::write(&conversation, source.zone, &stem, bytes, signer, &mut out)?,
            Form::Eml => eml::write(&conversation, source.zone, &stem, bytes, &mut out)?,
        }
    }
    Ok(out.into_files())
}
