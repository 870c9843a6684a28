//! A bundle that is to be made, and what is counted while it is.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::redact::Redacted;
use super::request::EvidenceRequest;
use crate::ledger::Checkpoint;
use crate::model::{Ack, Chain, Erased, LeafHash, Micros};
use crate::relay::DiskSpace;

/// A bundle that is to be made.
pub(super) struct BundleSpec<'a> {
    pub(super) shop: &'a str,
    pub(super) request: &'a EvidenceRequest,
    /// Found for the request, each once.
    pub(super) conversations: &'a BTreeSet<String>,
    /// Records below its size go in.
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) custody: &'a Custody,
    /// In which display copies show times.
    pub(super) zone: Tz,
    pub(super) now: Micros,
    /// Where files lie while they grow.
    pub(super) spool: &'a DiskSpace,
}

/// Who makes the bundle, and where.
#[derive(Clone, Debug, Default)]
pub(super) struct Custody {
    /// Subject of the token, or the operator of the machine.
    pub(super) who: String,
    /// The record of this export in the shop's own trail.
    pub(super) entry: Option<Ack>,
}

/// What completeness counts.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) conversations: Vec<Counted>,
    pub(super) withheld: BTreeMap<String, u64>,
    /// Of what is withheld, what the rules hide.
    pub(super) redacted: Redacted,
    pub(super) files: BTreeMap<String, u64>,
    /// Leaf of each record whose content was erased, and when and why.
    pub(super) erased: Vec<(LeafHash, Option<Box<Erased>>)>,
}

/// A conversation in the bundle.
pub(super) struct Counted {
    /// None where no disclosed part names it.
    pub(super) name: Option<String>,
    pub(super) chain: Chain,
    pub(super) first_received_at: Micros,
    pub(super) last_received_at: Micros,
}
