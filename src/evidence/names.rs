//! What the files of a bundle are called, in its folder.

/// The evidence, its copies for people, and what is known of the attachments.
pub(super) const MESSAGES: &str = "data/messages.jsonl";
pub(super) const TABLE: &str = "data/messages.csv";
pub(super) const PAGE: &str = "data/transcript.html";
pub(super) const ATTACHMENTS: &str = "data/attachments.jsonl";
/// How the names of the attachments themselves begin.
pub(super) const ATTACHMENTS_FOLDER: &str = "data/attachments/";

pub(super) const CHECKPOINT: &str = "proofs/checkpoint";
pub(super) const VKEY: &str = "proofs/log.vkey";
pub(super) const PEM: &str = "proofs/log.pub.pem";
pub(super) const KEYS: &str = "proofs/keys.json";
pub(super) const CONSISTENCY: &str = "proofs/consistency.txt";
pub(super) const PROOF: &str = "proofs/proof.json";

pub(super) const COMPLETENESS: &str = "custody/completeness.json";
pub(super) const CUSTODY: &str = "custody/custody.jsonl";
pub(super) const ENVIRONMENT: &str = "custody/environment.json";

pub(super) const BAGIT: &str = "bagit.txt";
pub(super) const BAG_INFO: &str = "bag-info.txt";
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
pub(super) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
pub(super) const SEAL: &str = "bundle.sig";

/// The evidence, without the attachments.
pub(super) const PAYLOAD: [&str; 4] = [ATTACHMENTS, TABLE, MESSAGES, PAGE];
