//! Step 5: the records are in the log that was signed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::files::Files;
use super::{Failure, Leaves, refuse};
use crate::evidence::hex_bytes::HexBytes;
use crate::evidence::json;
use crate::evidence::names::PROOF;
use crate::evidence::note::Head;
use crate::ledger::multiproof;

/// One proof for all records of a bundle: where in the log each stands, in the order of their lines, and
/// the hash of each subtree that has none of them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::evidence) struct Proof {
    pub(in crate::evidence) hashes: Vec<HexBytes<32>>,
    pub(in crate::evidence) leaves: Vec<u64>,
    pub(in crate::evidence) size: u64,
}

pub(super) fn check(files: &Files, head: Head, hashes: &Leaves) -> Result<(), Failure> {
    let proof: Option<Proof> = json::read(&files.only_line(PROOF)?);
    let Some(proof) = proof else {
        return refuse(format!("{PROOF} is not canonical JSON of a proof"));
    };
    let leaves: BTreeMap<u64, [u8; 32]> =
        proof.leaves.iter().copied().zip(hashes.iter().copied()).collect();
    let counts = [proof.leaves.len(), hashes.len(), leaves.len()];
    if proof.size != head.size || counts != [hashes.len(); 3] {
        return refuse(format!("{PROOF} is of other records, or of another log"));
    }
    let rest: Vec<[u8; 32]> = proof.hashes.iter().map(|hash| hash.0).collect();
    if multiproof::root(head.size, &leaves, &rest) != Ok(head.root) {
        return refuse("the records are not in the log that was signed");
    }
    Ok(())
}
