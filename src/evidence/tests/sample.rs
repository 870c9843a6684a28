//! A log of a few records, and bundles of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono_tz::Tz;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::evidence::bundle::{Growth, RecordSource, Sealer};
use crate::evidence::spec::{BundleSpec, Custody};
use crate::evidence::{Bundle, EvidenceError, EvidenceRequest};
use crate::ledger::multiproof::{self, node};
use crate::ledger::{Checkpoint, LedgerKey};
use crate::model::{
    Authority, By, CanonicalEvent, Chain, Event, Micros, Offset, Origin, Record, Seq,
};
use crate::records::Page;
use crate::relay::DiskSpace;

pub(super) const SHOP: &str = "shop";
/// 2026-01-03 02:13:05.25 in Shanghai.
const AT: i64 = 1_767_377_585_250_000;

/// A log of conversations that take turns, and of one that is not asked for.
pub(super) struct Log {
    pub(super) records: Vec<Record>,
    pub(super) key: LedgerKey,
    /// Attachments, by their hash.
    pub(super) kept: BTreeMap<String, PathBuf>,
    pub(super) folder: tempfile::TempDir,
    /// What its bundles say of the keys before.
    pub(super) succession: Option<String>,
    /// Records in a page.
    page: usize,
}

pub(super) fn event(conversation: &str, id: &str, kind: &str, role: &str, more: Value) -> Value {
    let mut event = json!({"id": id, "conversation": conversation, "kind": kind,
        "sender": {"id": format!("{role}-1"), "role": role, "name": "林 \"Ann\""}});
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// A chat in which everything happens that a bundle shows.
fn chat(name: &str, files: [&str; 3]) -> Vec<(Value, Option<By>, Origin)> {
    let file = |sha256: &str, name: &str| json!({"sha256": sha256, "name": name, "media_type": "image/png", "bytes": 5});
    let of_customer =
        |id: &str, text: &str| event(name, id, "message", "customer", json!({"text": text}));
    let by = Some(By { sub: "desk".to_string(), role: Authority::Importer });
    let live = |event: Value| (event, None, Origin::Live);
    vec![
        live(event(name, "o", "open", "customer", json!({"order": "A-1", "channel": "app"}))),
        live(of_customer("m1", "你好，订单 A-1 的杯子碎了 😀")),
        live(event(
            name,
            "m2",
            "message",
            "customer",
            json!({"text": "see", "attachments": [
            file(files[0], "=cmd|' /C calc'!A0.png"), file(files[1], "b.png"), file(files[2], "c.png")]}),
        )),
        live(of_customer(
            "m3",
            "=SUM(A1)\r\n<script>alert(\"x\")</script> & pay \u{202e}001$ \u{200b}",
        )),
        live(event(
            name,
            "n",
            "message",
            "human",
            json!({"text": "careful with this one", "visibility": "private"}),
        )),
        live(event(
            name,
            "m4",
            "message",
            "human",
            json!({"text": "we refund 236", "reply_to": "m3"}),
        )),
        live(event(name, "e", "edit", "human", json!({"target": "m4", "text": "we refund 263"}))),
        live(event(name, "r", "retract", "human", json!({"target": "m4"}))),
        (
            event(
                name,
                "i",
                "message",
                "human",
                json!({"text": "old", "sent_at": "2025-01-03T02:13:05+08:00",
            "data": {"b": 1.10, "a": null}}),
            ),
            by,
            Origin::Imported,
        ),
        live(event(name, "b", "message", "bot", json!({"text": "Away.", "automatic": true}))),
        live(event(name, "g", "rate", "customer", json!({"rating": 2}))),
    ]
}

impl Log {
    /// Two chats of this shop between records of others.
    pub(super) fn new() -> Log {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = BTreeMap::new();
        let sums: Vec<String> = ["photo", "other", "lost"]
            .iter()
            .map(|bytes| hex::encode(Sha256::digest(bytes)))
            .collect();
        for (bytes, sum) in [("photo", &sums[0]), ("damag", &sums[1])] {
            let path = folder.path().join(sum);
            std::fs::write(&path, bytes).unwrap();
            kept.insert(sum.clone(), path);
        }
        let [a, b] = ["c-林/1", "c2"].map(|name| chat(name, [&sums[0], &sums[1], &sums[2]]));
        let other = (0..).map(|index| {
            (
                event("elsewhere", &format!("x{index}"), "message", "bot", json!({"text": "x"})),
                None,
                Origin::Live,
            )
        });
        let turns = a.into_iter().zip(b).zip(other).flat_map(|((a, b), other)| [a, other, b]);
        let key = LedgerKey::from_bytes("shop.example/log", &[7; 32]).unwrap();
        let mut log = Log { records: Vec::new(), key, kept, folder, succession: None, page: 3 };
        log.fill(turns.collect());
        log
    }

    /// One conversation of so many messages.
    pub(super) fn long(count: usize) -> Log {
        let mut log = Log::new();
        let message = |index: usize| {
            let role = if index.is_multiple_of(2) { "customer" } else { "human" };
            let text = format!(
                "{index}: 我的订单还没有到，能不能帮我查一下？ It should have come on Monday, and nobody answers."
            );
            (
                event("long", &format!("m{index}"), "message", role, json!({"text": text})),
                None,
                Origin::Live,
            )
        };
        log.fill((0..count).map(message).collect());
        log.page = 512;
        log
    }

    /// Only these events, of the shop's chats.
    pub(super) fn of(events: Vec<Value>) -> Log {
        let mut log = Log::new();
        log.fill(events.into_iter().map(|event| (event, None, Origin::Live)).collect());
        log
    }

    fn fill(&mut self, events: Vec<(Value, Option<By>, Origin)>) {
        self.records.clear();
        let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
        for (index, (event, by, origin)) in events.into_iter().enumerate() {
            let event = Event::parse(event.to_string().as_bytes()).unwrap();
            let chain = chains.entry(event.conversation.clone()).or_default();
            let event = CanonicalEvent::new(SHOP, origin, by, event);
            let at = Micros(AT + index as i64 * 7_000_003);
            let record = Record::new(Offset(index as u64), at, chain, event);
            chain.add(record.leaf);
            self.records.push(record);
        }
    }

    pub(super) fn leaves(&self) -> Vec<[u8; 32]> {
        self.records.iter().map(|record| record.leaf.0).collect()
    }

    /// What is signed of the first `size` records.
    pub(super) fn checkpoint(&self, size: usize) -> Checkpoint {
        let root = subtree(&self.leaves(), 0..size as u64);
        Checkpoint::sign(&self.key, size as u64, root).unwrap()
    }

    pub(super) fn newest(&self) -> Checkpoint {
        self.checkpoint(self.records.len())
    }

    pub(super) fn source(&self) -> InMemory<'_> {
        InMemory(self)
    }

    pub(super) fn bundle(
        &self,
        request: &EvidenceRequest,
        checkpoint: &Checkpoint,
    ) -> Result<Bundle, EvidenceError> {
        let custody = Custody { who: "ann".to_string(), ..Custody::default() };
        self.bundle_by(request, checkpoint, &custody, Micros(AT + 1_000_000_000))
    }

    pub(super) fn bundle_by(
        &self,
        request: &EvidenceRequest,
        checkpoint: &Checkpoint,
        custody: &Custody,
        now: Micros,
    ) -> Result<Bundle, EvidenceError> {
        let conversations: BTreeSet<String> = request.conversations.iter().cloned().collect();
        let spec = BundleSpec {
            shop: SHOP,
            request,
            conversations: &conversations,
            checkpoint,
            custody,
            zone: Tz::Asia__Shanghai,
            now,
            spool: &DiskSpace::of(self.folder.path().to_path_buf(), 0),
        };
        Bundle::make(&spec, self.source(), self, |_| {})
    }

    /// A bundle as a file of this name.
    pub(super) fn zip(&self, name: &str, request: &EvidenceRequest) -> PathBuf {
        let path = self.folder.path().join(name);
        let bundle = self.bundle(request, &self.newest()).unwrap();
        let mut bytes = Vec::new();
        bundle.zip.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, bundle.zip.bytes());
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The key as its verifiers write it.
    pub(super) fn vkey(&self) -> String {
        self.key.public().to_string()
    }
}

pub(super) fn request(conversations: &[&str]) -> EvidenceRequest {
    EvidenceRequest {
        conversations: conversations.iter().map(|name| name.to_string()).collect(),
        case: "案件 2026-117".to_string(),
        reason: "chargeback".to_string(),
        ..EvidenceRequest::default()
    }
}

/// The hash of leaves `range`, by the definition of RFC 6962.
pub(super) fn subtree(leaves: &[[u8; 32]], range: Range<u64>) -> [u8; 32] {
    match range.end - range.start {
        1 => leaves[range.start as usize],
        count => {
            let middle = range.start + (1 << (count - 1).ilog2());
            node(&subtree(leaves, range.start..middle), &subtree(leaves, middle..range.end))
        }
    }
}

/// RFC 6962's consistency proof, by its definition: SUBPROOF(m, D[range], is_whole).
fn subproof(
    leaves: &[[u8; 32]],
    old: u64,
    range: Range<u64>,
    is_whole: bool,
    proof: &mut Vec<[u8; 32]>,
) {
    let count = range.end - range.start;
    if old == count {
        if !is_whole {
            proof.push(subtree(leaves, range));
        }
        return;
    }
    let half = 1 << (count - 1).ilog2();
    let middle = range.start + half;
    if old <= half {
        subproof(leaves, old, range.start..middle, is_whole, proof);
        proof.push(subtree(leaves, middle..range.end));
    } else {
        subproof(leaves, old - half, middle..range.end, false, proof);
        proof.push(subtree(leaves, range.start..middle));
    }
}

/// Records and attachments of a [`Log`].
pub(super) struct InMemory<'a>(&'a Log);

impl RecordSource for InMemory<'_> {
    fn page(&mut self, conversation: &str, after: Seq) -> Result<Page, EvidenceError> {
        let later = self
            .0
            .records
            .iter()
            .filter(|record| record.event.conversation == conversation && record.seq > after);
        let mut records: Vec<Record> = later.take(self.0.page + 1).cloned().collect();
        let has_more = records.len() > self.0.page;
        records.truncate(self.0.page);
        Ok(Page { records, has_more })
    }

    fn attachment(&mut self, _: &Record, sha256: &str) -> Result<Option<PathBuf>, EvidenceError> {
        Ok(self.0.kept.get(sha256).cloned())
    }
}

impl Sealer for Log {
    fn prove(
        &self,
        checkpoint: &Checkpoint,
        leaves: &BTreeSet<u64>,
    ) -> Result<Vec<[u8; 32]>, EvidenceError> {
        let all = self.leaves();
        multiproof::prove(checkpoint.size, leaves, |range| Ok(subtree(&all, range)))
    }

    fn consistency(&self, since: &str, checkpoint: &Checkpoint) -> Result<Growth, EvidenceError> {
        let old = Checkpoint::open(since.as_bytes(), &[self.key.public().clone()])
            .map_err(|_| EvidenceError::NotOurCheckpoint)?;
        let mut proof = Vec::new();
        subproof(&self.leaves(), old.size, 0..checkpoint.size, true, &mut proof);
        Ok(Growth { size: old.size, root: old.root, hashes: proof })
    }

    fn sign(&self, text: &str) -> Result<String, EvidenceError> {
        Ok(self.key.sign(text)?)
    }

    fn succession(&self) -> Result<Option<String>, EvidenceError> {
        Ok(self.succession.clone())
    }
}

/// Exit code and output of the verifier in Python.
pub(super) fn verify_py(arguments: &[&str]) -> (i32, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/evidence/texts/verify.py");
    let ran = Command::new("python3").arg(script).args(arguments).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    (ran.status.code().unwrap_or(-1), said)
}
