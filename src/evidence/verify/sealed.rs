//! Step 1: the files are those that were sealed, and no others.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use super::succession::succession;
use super::{Failure, Shown, refuse};
use crate::evidence::names::{MANIFEST, PAYLOAD, PEM, SEAL, TAG_MANIFEST, VKEY};
use crate::evidence::note::Key;
use crate::evidence::seal;

/// SHA-256 of each file, in hex.
pub(super) type Sums = BTreeMap<String, String>;

pub(super) fn check(files: &Files, vkey: Option<&str>) -> Result<Shown, Failure> {
    check_names(files)?;
    let mut sums = Sums::new();
    for name in files.names() {
        sums.insert(name.to_string(), hex::encode(files.sha256(name)?));
    }
    check_manifest(files, MANIFEST, &sums, seal::is_payload)?;
    check_manifest(files, TAG_MANIFEST, &sums, seal::is_tag_file)?;
    let line = files.text(VKEY)?;
    let not_one = || Failure::Refused(format!("{VKEY} is not an Ed25519 key with its id"));
    let key = Key::parse(&line).ok_or_else(not_one)?;
    let keys = succession(&key, files);
    if vkey.is_some_and(|vkey| keys.iter().all(|key| key.line != vkey)) {
        return refuse(format!(
            "it is sealed by `{}`, not by the key that you gave",
            line.trim_end()
        ));
    }
    if files.text(PEM)? != key.pem() {
        return refuse(format!("{PEM} is another key than {VKEY}"));
    }
    let sum = sums.get(TAG_MANIFEST).cloned().unwrap_or_default();
    if key.opened(&files.text(SEAL)?) != Some(&seal::text(&sum)) {
        return refuse(format!("{SEAL} is no signature of {} over these files", key.name));
    }
    Ok(Shown { key, keys, sums })
}

/// The evidence is made of these files and attachments 1, 2, 3, …; no two names may be one where
/// capitals do not count.
fn check_names(files: &Files) -> Result<(), Failure> {
    let payload: BTreeSet<&str> = files.names().filter(|name| seal::is_payload(name)).collect();
    let attachments = payload.len().saturating_sub(PAYLOAD.len());
    let attachments: Vec<String> = (0..attachments).map(seal::attachment_name).collect();
    let wanted: BTreeSet<&str> =
        PAYLOAD.into_iter().chain(attachments.iter().map(String::as_str)).collect();
    if let Some(name) = wanted.symmetric_difference(&payload).next() {
        return refuse(format!("`{name:.80}` is missing, or nothing that a bundle has"));
    }
    let mut seen = BTreeSet::new();
    match files.names().find(|name| !seen.insert(name.to_lowercase())) {
        Some(name) => refuse(format!("`{name:.80}` is there twice, where capitals do not count")),
        None => Ok(()),
    }
}

fn check_manifest(
    files: &Files,
    manifest: &str,
    sums: &Sums,
    is_listed: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let listed = sums.iter().filter(|(name, _)| is_listed(name));
    let wanted: Vec<String> = listed.map(|(name, sum)| seal::manifest_line(sum, name)).collect();
    let found = files.text(manifest)?;
    if found == wanted.concat() {
        return Ok(());
    }
    let other = wanted.iter().find(|line| !found.contains(line.as_str()));
    let other =
        other.and_then(|line| line.trim_end().split_once("  ")).map_or(manifest, |(_, name)| name);
    refuse(format!("`{other}` is not what {manifest} says"))
}
