//! A bundle, from records to bytes.
//!
//! The records are read once, page by page, and become the evidence copy and the copies for people as
//! they come; leaves, attachments and counts are what is kept in memory of them, about 100 bytes each.
//! Then all sums are known, and the files go out in the order of their names.
//!
//! Invariant: the same records, checkpoint, request and zone make the same bytes, but for the custody
//! files and the sums over them: those say who made the bundle, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use chrono_tz::Tz;

use super::EvidenceError;
use super::copies::{Cells, PAGE_END, PAGE_HEAD, table_head};
use super::custody::completeness;
use super::hex_bytes::HexBytes;
use super::json;
use super::names;
use super::redact::{Applied, Redacted};
use super::row::{Disclosure, ParsedRow, Part, Row, Why};
use super::seal::{self, BAGIT};
use super::spec::{BundleSpec, Counted, Counts};
use super::spool::{BundleFile, Spool};
use super::texts;
use super::verify::{Proof, consistency_text, holes};
use super::zipped::Zipped;
use crate::ledger::Checkpoint;
use crate::model::{Attachment, Chain, Micros, Offset, Reader, Record, Seq};
use crate::records::Page;

/// Where records and attachments come from.
pub(super) trait RecordSource {
    /// The next records of a conversation.
    fn page(&mut self, conversation: &str, after: Seq) -> Result<Page, EvidenceError>;

    /// Where an attachment that `record` names is kept; `None` where it is not.
    fn attachment(
        &mut self,
        record: &Record,
        sha256: &str,
    ) -> Result<Option<PathBuf>, EvidenceError>;
}

/// What proves and signs.
pub(super) trait Sealer {
    /// The proof of these leaves in the tree that `checkpoint` signed.
    fn prove(
        &self,
        checkpoint: &Checkpoint,
        leaves: &BTreeSet<u64>,
    ) -> Result<Vec<[u8; 32]>, EvidenceError>;

    /// An earlier checkpoint, where it is one of this log, and the proof that `checkpoint` goes on from it.
    fn consistency(&self, since: &str, checkpoint: &Checkpoint) -> Result<Growth, EvidenceError>;

    /// `text` as a note of the key that signed the checkpoint.
    fn sign(&self, text: &str) -> Result<String, EvidenceError>;

    /// The keys before that one and what each said of the next, as JSON; `None` where it is the first.
    fn succession(&self) -> Result<Option<String>, EvidenceError>;
}

/// That a log goes on from an earlier checkpoint, as RFC 6962 proves it.
pub(super) struct Growth {
    /// Leaves of the earlier one.
    pub(super) size: u64,
    pub(super) root: [u8; 32],
    pub(super) hashes: Vec<[u8; 32]>,
}

/// A bundle whose files are known.
pub struct Bundle {
    pub zip: Zipped,
    pub records: u64,
    /// What is not in it though the records name it, in words.
    pub holes: Vec<String>,
    /// How much its rules hide; `None` where it has none.
    pub redacted: Option<Redacted>,
}

/// What grows while records are read.
struct Making<'a, S> {
    spec: &'a BundleSpec<'a>,
    source: S,
    disclosure: Disclosure<'a>,
    applied: Applied<'a>,
    messages: Spool,
    table: Spool,
    page: Spool,
    listed: Spool,
    leaves: Vec<(u64, [u8; 32])>,
    attached: Attached,
    counts: Counts,
}

/// The attachments so far.
#[derive(Default)]
struct Attached {
    files: Vec<BundleFile>,
    /// Where each lies in the bundle, by its hash.
    names: BTreeMap<String, String>,
}

impl Bundle {
    /// Reads what the spec asks for, and seals it. `progress` hears of each record.
    pub(super) fn make(
        spec: &BundleSpec<'_>,
        source: impl RecordSource,
        sealer: &impl Sealer,
        mut progress: impl FnMut(u64),
    ) -> Result<Bundle, EvidenceError> {
        let range = spec.request.range(spec.zone, spec.now)?;
        let disclosure = Disclosure {
            from: range.from,
            to: range.to,
            with_private: spec.request.with_private,
            redactions: &spec.request.redact,
        };
        let spool = || Spool::on(spec.spool);
        let mut making = Making {
            spec,
            source,
            disclosure,
            applied: Applied::new(&spec.request.redact),
            messages: spool()?,
            table: spool()?,
            page: spool()?,
            listed: spool()?,
            leaves: Vec::new(),
            attached: Attached::default(),
            counts: Counts::default(),
        };
        making.table.write_all(&table_head())?;
        making.page.write_all(PAGE_HEAD.as_bytes())?;
        for conversation in spec.conversations {
            making.add_conversation(conversation, &mut progress)?;
        }
        making.page.write_all(PAGE_END.as_bytes())?;
        making.applied.check()?;
        making.sealed(sealer)
    }
}

impl<S: RecordSource> Making<'_, S> {
    /// All records of a conversation that the checkpoint covers.
    fn add_conversation(
        &mut self,
        conversation: &str,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), EvidenceError> {
        let mut counted: Option<Counted> = None;
        let mut reader = self.disclosure.reader();
        let mut after = Seq(0);
        loop {
            let page = self.source.page(conversation, after)?;
            let read = page.records.len();
            let covered = |record: &&Record| record.offset < Offset(self.spec.checkpoint.size);
            let records: Vec<&Record> = page.records.iter().take_while(covered).collect();
            for record in &records {
                after = record.seq;
                self.add_record(record, &mut reader, &mut counted)?;
            }
            progress(records.len() as u64);
            if !page.has_more || records.len() < read || records.is_empty() {
                break;
            }
        }
        self.counts.conversations.extend(counted);
        Ok(())
    }

    fn add_record(
        &mut self,
        record: &Record,
        reader: &mut Reader,
        counted: &mut Option<Counted>,
    ) -> Result<(), EvidenceError> {
        let counted = counted.get_or_insert_with(|| Counted {
            name: None,
            chain: Chain::default(),
            first_received_at: record.received_at,
            last_received_at: record.received_at,
        });
        let altered = || EvidenceError::Altered {
            conversation: record.event.conversation.clone(),
            seq: record.seq,
        };
        self.applied.add(record)?;
        let commitments = record.commitments().ok_or_else(altered)?;
        let zone = offset_of(record.received_at, self.spec.zone);
        let why_not = self.disclosure.why_not(record, reader);
        let row = Row::of(record, &counted.chain, &commitments, why_not, zone);
        let line = row.ok_or_else(altered)?.line();
        // What is written must be what a verifier reads.
        let row = ParsedRow::parse(&line).map_err(|_| altered())?;
        let cells = Cells::of(&row).ok_or_else(altered)?;
        writeln!(self.messages, "{line}")?;
        self.table.write_all(&cells.table_line())?;
        let places = self.attach(record, &row)?;
        self.page.write_all(cells.page_line(&row, &places).as_bytes())?;
        for (_, why) in row.withheld() {
            *self.counts.withheld.entry(why.to_string()).or_default() += 1;
        }
        let is_redacted = |(_, why): &(&str, &str)| *why == Why::Redacted.as_str();
        self.counts.redacted.add(row.withheld().filter(is_redacted).count());
        if row.is_erased() {
            self.counts.erased.push((record.leaf, record.erased.clone()));
        }
        if matches!(row.row.parts.meta, Part::Disclosed { .. }) {
            counted.name = Some(record.event.conversation.clone());
        }
        counted.chain.add(record.leaf);
        counted.last_received_at = record.received_at;
        self.leaves.push((record.offset.0, record.leaf.0));
        Ok(())
    }

    /// Takes the files in that a record discloses that it names; where each lies, or why it does not.
    fn attach(&mut self, record: &Record, row: &ParsedRow) -> Result<Vec<String>, EvidenceError> {
        let mut places = Vec::new();
        if row.body.contains_key("attachments") {
            for file in &record.event.attachments {
                let place = self.attached.place_of(record, &file.sha256, &mut self.source)?;
                let word = if seal::is_payload(&place) { "present" } else { &place };
                *self.counts.files.entry(word.to_string()).or_default() += 1;
                writeln!(self.listed, "{}", listed(file, &place, row))?;
                places.push(place);
            }
        }
        Ok(places)
    }

    fn sealed(self, sealer: &impl Sealer) -> Result<Bundle, EvidenceError> {
        let Making { spec, leaves, counts, mut attached, .. } = self;
        if leaves.is_empty() {
            return Err(EvidenceError::nothing_of(&[("case", spec.request.case.as_str())]));
        }
        let (checkpoint, key) = (spec.checkpoint, &spec.checkpoint.key);
        let indices: Vec<u64> = leaves.iter().map(|(index, _)| *index).collect();
        let hashes = sealer.prove(checkpoint, &indices.iter().copied().collect())?;
        let hashes = hashes.into_iter().map(HexBytes).collect();
        let proof = Proof { hashes, leaves: indices, size: checkpoint.size };
        let holes = holes(&counts.files);
        let mut files = vec![
            self.messages.finish(names::MESSAGES)?,
            self.table.finish(names::TABLE)?,
            self.page.finish(names::PAGE)?,
            self.listed.finish(names::ATTACHMENTS)?,
            BundleFile::of(names::BAGIT, BAGIT),
            BundleFile::of(names::CHECKPOINT, checkpoint.note.as_str()),
            BundleFile::of(names::VKEY, format!("{key}\n")),
            BundleFile::of(names::PEM, key.to_pem()),
            BundleFile::of(names::PROOF, json::written(&proof) + "\n"),
            BundleFile::of(names::COMPLETENESS, completeness(spec, &counts, &holes)),
            BundleFile::of(names::CUSTODY, spec.custody.lines(spec, &counts)),
            BundleFile::of(names::ENVIRONMENT, spec.custody.environment(spec)),
        ];
        files.append(&mut attached.files);
        files.extend(texts::files(&holes));
        if let Some(keys) = sealer.succession()? {
            files.push(BundleFile::of(names::KEYS, keys));
        }
        if let Some(since) = &spec.request.since {
            let Growth { size, root, hashes } = sealer.consistency(since, checkpoint)?;
            files.push(BundleFile::of(names::CONSISTENCY, consistency_text(size, root, &hashes)));
        }
        files.push(BundleFile::of(names::BAG_INFO, bag_info(spec, &files)));
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let manifest = manifest_of(&files, seal::is_payload);
        files.push(BundleFile::of(names::MANIFEST, manifest));
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let tag_manifest =
            BundleFile::of(names::TAG_MANIFEST, manifest_of(&files, seal::is_tag_file));
        let seal = sealer.sign(&seal::text(&tag_manifest.passed.sha256))?;
        files.extend([tag_manifest, BundleFile::of(names::SEAL, seal)]);
        let records = proof.leaves.len() as u64;
        let redacted = (!spec.request.redact.is_empty()).then_some(counts.redacted);
        Ok(Bundle { zip: Zipped::of(spec.request.folder(), files)?, records, holes, redacted })
    }
}

impl Attached {
    fn place_of(
        &mut self,
        record: &Record,
        sha256: &str,
        source: &mut impl RecordSource,
    ) -> Result<String, EvidenceError> {
        let Some(path) = source.attachment(record, sha256)? else {
            return Ok("missing".to_string());
        };
        if let Some(name) = self.names.get(sha256) {
            return Ok(name.clone());
        }
        let name = seal::attachment_name(self.files.len());
        let file = BundleFile::kept(name.clone(), path)?;
        if file.passed.sha256 != sha256 {
            return Ok("damaged".to_string());
        }
        self.files.push(file);
        self.names.insert(sha256.to_string(), name.clone());
        Ok(name)
    }
}

/// The line of an attachment.
fn listed(file: &Attachment, place: &str, row: &ParsedRow) -> String {
    let Attachment { sha256, name, media_type, bytes } = file;
    json::written(&json::object([
        ("bytes", (*bytes).into()),
        ("file", place.into()),
        ("leaf", hex::encode(row.row.leaf.0).into()),
        ("media_type", media_type.as_str().into()),
        ("name", name.as_str().into()),
        ("sha256", sha256.as_str().into()),
    ]))
}

fn manifest_of(files: &[BundleFile], is_listed: impl Fn(&str) -> bool) -> String {
    let listed = files.iter().filter(|file| is_listed(&file.name));
    listed.map(|file| seal::manifest_line(&file.passed.sha256, &file.name)).collect()
}

fn bag_info(spec: &BundleSpec<'_>, files: &[BundleFile]) -> String {
    let payload: Vec<&BundleFile> =
        files.iter().filter(|file| seal::is_payload(&file.name)).collect();
    let bytes: u64 = payload.iter().map(|file| file.passed.bytes).sum();
    format!(
        "Source-Organization: {}\nExternal-Identifier: {}\nPayload-Oxum: {bytes}.{}\nBag-Software-Agent: verbatim {}\n",
        spec.shop,
        spec.request.case,
        payload.len(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// How far the clocks of a zone were from UTC: `+08:00`.
fn offset_of(at: Micros, zone: Tz) -> String {
    at.datetime().with_timezone(&zone).format("%:z").to_string()
}
