//! Step 3: the log that was signed goes on from the one that the reader knows.

use super::files::Files;
use super::{Failure, refuse};
use crate::evidence::names::CONSISTENCY;
use crate::evidence::note::{Head, Key, count, hash_from_base64, hash_to_base64};
use crate::ledger::check_consistency;

const TITLE: &str = "verbatim consistency v1";

pub(super) fn check(
    files: &Files,
    keys: &[Key],
    head: Head,
    held: Option<&str>,
) -> Result<String, Failure> {
    let old = if files.has(CONSISTENCY) { Some(proven(files, head)?) } else { None };
    let Some(held) = held else {
        return Ok(match old {
            Some(old) => format!("the log goes on from its first {} records", old.size),
            None => "no earlier checkpoint was given to compare with".to_string(),
        });
    };
    let signer = keys.iter().find(|key| key.seems_to_sign(held)).or(keys.first());
    let Some(known) = signer.and_then(|key| key.checkpoint(held)) else {
        return refuse("what you gave is not a checkpoint of this log");
    };
    if known != head && Some(known) != old {
        return refuse(format!(
            "nothing shows that the log goes on from your {} records",
            known.size
        ));
    }
    Ok(format!("the log goes on from your {} records, which stand as they stood", known.size))
}

/// The file that shows that a log goes on from `size` records under `root`.
pub(in crate::evidence) fn text(size: u64, root: [u8; 32], hashes: &[[u8; 32]]) -> String {
    let mut text = format!("{TITLE}\n{size}\n{}\n", hash_to_base64(root));
    for hash in hashes {
        text.push_str(&(hash_to_base64(*hash) + "\n"));
    }
    text
}

/// The earlier head from which the proof in the bundle leads to this one.
fn proven(files: &Files, head: Head) -> Result<Head, Failure> {
    let text = files.text(CONSISTENCY)?;
    let proven = text.strip_suffix('\n').and_then(|text| {
        let mut lines = text.split('\n').map(str::to_string);
        lines.next().filter(|title| title == TITLE)?;
        let size = count(&lines.next()?).filter(|size| (1..=head.size).contains(size))?;
        let old = Head { size, root: hash_from_base64(&lines.next()?)? };
        let hashes: Option<Vec<_>> = lines.map(|line| hash_from_base64(&line)).collect();
        let grown = check_consistency((old.size, old.root), (head.size, head.root), &hashes?);
        grown.ok().map(|()| old)
    });
    proven.ok_or_else(|| {
        Failure::Refused(format!("{CONSISTENCY} does not show that the log goes on from it"))
    })
}
