//! Step 6: no record of a conversation is missing from its first to the last one here, and what is
//! withheld is counted.

use std::collections::BTreeMap;

use super::committed::{ABSENT, Committed};
use super::files::Files;
use super::{Failure, refuse};
use crate::evidence::json::{self, Json, object};
use crate::evidence::names::{self, COMPLETENESS};
use crate::evidence::note::{Head, Key};
use crate::evidence::row::ParsedRow;

/// Where a conversation stands after some of its records.
struct Reached {
    name: Json,
    last_leaf: [u8; 32],
    records: u32,
    thread: [u8; 16],
}

pub(super) fn check(
    files: &Files,
    key: &Key,
    head: Head,
    committed: &Committed,
) -> Result<String, Failure> {
    let line = files.only_line(COMPLETENESS)?;
    let Some(mut said) = json::read_object(&line) else {
        return refuse(format!("{COMPLETENESS} is not canonical JSON"));
    };
    let Some(shop) = said.get("shop").cloned() else {
        return refuse(format!("{COMPLETENESS} names no shop"));
    };
    let conversations = conversations(files, &shop)?;
    let count = conversations.len();
    let Some(erased) = erased(said.get("erased"), committed) else {
        return refuse(format!("{COMPLETENESS} names other records as erased than those that are"));
    };
    let mut files_by_word: BTreeMap<String, u64> = BTreeMap::new();
    for place in &committed.files {
        *files_by_word.entry(word_of(place).to_string()).or_default() += 1;
    }
    let holes = holes(&files_by_word);
    said.extend(object([
        (
            "checkpoint",
            Json::Object(object([
                ("origin", key.name.as_str().into()),
                ("size", head.size.into()),
            ])),
        ),
        ("conversations", Json::List(conversations)),
        ("erased", erased),
        ("holes", Json::List(holes.into_iter().map(Json::from).collect())),
        ("files", counted(&files_by_word)),
        ("withheld", counted(&committed.withheld)),
    ]));
    if json::written(&said) != line {
        return refuse(format!("{COMPLETENESS} counts something else than there is"));
    }
    Ok(format!(
        "no record of {count} conversations is missing up to the last one here (records with parts withheld: {})",
        told(&committed.records_withheld)
    ))
}

/// The conversations of `shop`, in which each record follows the one before it.
fn conversations(files: &Files, shop: &Json) -> Result<Vec<Json>, Failure> {
    let mut lines = files.lines(names::MESSAGES)?;
    let (mut conversations, mut reached) = (Vec::new(), None);
    while let Some(line) = lines.next()? {
        let row = ParsedRow::parse(&line).or_else(refuse)?;
        if row.row.seq == 1 {
            conversations.extend(reached.take().map(Reached::said));
        }
        let is_of_shop = row.meta.get("shop").is_none_or(|said| said == shop);
        reached = Reached::after(reached, &row).filter(|_| is_of_shop);
        if reached.is_none() {
            return refuse(format!("line {} does not follow the line before it", lines.number));
        }
    }
    conversations.extend(reached.map(Reached::said));
    Ok(conversations)
}

/// Counts by reason, as people say them.
fn told(counts: &BTreeMap<String, u64>) -> String {
    let told: Vec<String> = counts.iter().map(|(why, count)| format!("{count} as {why}")).collect();
    if told.is_empty() { "none".to_string() } else { told.join(", ") }
}

/// What is said of the records that were erased, where it is said of these and of no others.
fn erased(said: Option<&Json>, committed: &Committed) -> Option<Json> {
    let said = said?.list().filter(|said| said.len() == committed.erased.len())?;
    let of_leaf = |(said, leaf): (&Json, &[u8; 32])| {
        let mut said = said.object()?.clone();
        said.insert("leaf".to_string(), hex::encode(leaf).into());
        Some(Json::Object(said))
    };
    let erased: Option<Vec<Json>> = said.iter().zip(&committed.erased).map(of_leaf).collect();
    erased.map(Json::List)
}

/// What the records name and the bundle does not have, in words. `files`: how many are present, and how many are
/// not, by why.
pub(in crate::evidence) fn holes(files: &BTreeMap<String, u64>) -> Vec<String> {
    let absent = files.iter().filter(|(word, _)| ABSENT.contains(&word.as_str()));
    absent.map(|(word, count)| format!("{count} attachments are {word}")).collect()
}

/// `present`, or why a file is not.
fn word_of(place: &str) -> &str {
    if ABSENT.contains(&place) { place } else { "present" }
}

/// So many of each, as an object.
fn counted(counts: &BTreeMap<String, u64>) -> Json {
    Json::Object(counts.iter().map(|(word, count)| (word.clone(), (*count).into())).collect())
}

impl Reached {
    /// One record further; `None` where the record is not the next.
    fn after(before: Option<Reached>, row: &ParsedRow) -> Option<Reached> {
        let numbers = &row.row;
        let nothing = Reached { name: Json::Null, last_leaf: [0; 32], records: 0, thread: [0; 16] };
        let before = match before {
            None if numbers.seq != 1 => return None,
            None => nothing,
            Some(before) => before,
        };
        let said = row.meta.get("conversation").unwrap_or(&before.name);
        let follows = numbers.seq == before.records.checked_add(1)?
            && numbers.prev.0 == before.last_leaf
            && numbers.thread.0 == before.thread
            && (before.name == Json::Null || before.name == *said);
        let first_half = || numbers.leaf.0.first_chunk::<16>().copied();
        let thread = if numbers.seq == 1 { first_half()? } else { before.thread };
        let name = said.clone();
        follows.then_some(Reached { name, last_leaf: numbers.leaf.0, records: numbers.seq, thread })
    }

    fn said(self) -> Json {
        Json::Object(object([
            ("conversation", self.name),
            ("last_leaf", hex::encode(self.last_leaf).into()),
            ("records", u64::from(self.records).into()),
            ("thread", hex::encode(self.thread).into()),
        ]))
    }
}
