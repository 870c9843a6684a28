//! What binds the files of a bundle together: BagIt 1.0 (RFC 8493) manifests, and one signed note over
//! them.
//!
//! ```text
//! manifest-sha256.txt      sums of everything under data/
//! tagmanifest-sha256.txt   sums of everything else, but of itself and of
//! bundle.sig               a note of the log's key over "verbatim evidence bundle v1" and the sum of
//!                          tagmanifest-sha256.txt
//! ```
//! The first line of the note is no name of a log, so that no seal is a checkpoint.

use super::names;

pub(super) const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// How an attachment is called in the bundle; `index` from 0.
pub(super) fn attachment_name(index: usize) -> String {
    format!("{}{:06}.bin", names::ATTACHMENTS_FOLDER, index + 1)
}

pub(super) fn is_payload(name: &str) -> bool {
    name.starts_with("data/")
}

pub(super) fn is_tag_file(name: &str) -> bool {
    !is_payload(name) && name != names::TAG_MANIFEST && name != names::SEAL
}

pub(super) fn manifest_line(sum: &str, name: &str) -> String {
    format!("{sum}  {name}\n")
}

/// What is signed.
pub(super) fn text(sum_of_tag_manifest: &str) -> String {
    format!("verbatim evidence bundle v1\n{sum_of_tag_manifest}\n")
}
