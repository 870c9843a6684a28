//! Step 4: each record, and each file that it names, is what was committed to when it was received.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use super::sealed::Sums;
use super::{Failure, Leaves, refuse};
use crate::evidence::copies::files_of;
use crate::evidence::json::{self, Json};
use crate::evidence::names;
use crate::evidence::row::ParsedRow;

/// Words that stand where a file is not in the bundle.
pub(super) const ABSENT: [&str; 2] = ["damaged", "missing"];

/// What the lines of the evidence say in sum. (The lines are read once more for what needs all of them.)
pub(super) struct Committed {
    pub(super) leaves: Leaves,
    /// Where each file that the records name lies, or why it does not, in their order.
    pub(super) files: Vec<String>,
    /// How many parts are withheld, by reason.
    pub(super) withheld: BTreeMap<String, u64>,
    /// How many records have such parts, by reason.
    pub(super) records_withheld: BTreeMap<String, u64>,
    /// Leaves of the records of which a part was erased, in their order.
    pub(super) erased: Leaves,
}

pub(super) fn check(files: &Files, sums: &Sums) -> Result<Committed, Failure> {
    let mut lines = files.lines(names::MESSAGES)?;
    let mut listed = files.lines(names::ATTACHMENTS)?;
    let mut committed = Committed {
        leaves: Leaves::new(),
        files: Vec::new(),
        withheld: BTreeMap::new(),
        records_withheld: BTreeMap::new(),
        erased: Leaves::new(),
    };
    while let Some(line) = lines.next()? {
        let row = ParsedRow::parse(&line)
            .or_else(|why| refuse(format!("line {} {why}", lines.number)))?;
        for file in files_of(&row) {
            let place = attached(file, &row, listed.next()?, sums);
            let other = || {
                let number = listed.number;
                Failure::Refused(format!(
                    "line {number} of data/attachments.jsonl is not what the message names"
                ))
            };
            committed.files.push(place.ok_or_else(other)?);
        }
        for (_, why) in row.withheld() {
            *committed.withheld.entry(why.to_string()).or_default() += 1;
        }
        for why in row.withheld().map(|(_, why)| why).collect::<BTreeSet<&str>>() {
            *committed.records_withheld.entry(why.to_string()).or_default() += 1;
        }
        if row.is_erased() {
            committed.erased.push(row.row.leaf.0);
        }
        committed.leaves.push(row.row.leaf.0);
    }
    let there: BTreeSet<&str> =
        files.names().filter(|name| name.starts_with(names::ATTACHMENTS_FOLDER)).collect();
    let named: BTreeSet<&str> = committed.files.iter().map(String::as_str).collect();
    let named: BTreeSet<&str> = named.into_iter().filter(|name| !ABSENT.contains(name)).collect();
    if listed.next()?.is_some() || there != named {
        return refuse("data/attachments.jsonl lists other files than the messages name");
    }
    if committed.leaves.is_empty() {
        return refuse("there is no record");
    }
    Ok(committed)
}

/// Where a file lies, if the line says of it what the record says and its bytes are the named ones.
fn attached(file: &Json, row: &ParsedRow, line: Option<String>, sums: &Sums) -> Option<String> {
    let line = line?;
    let place = json::read_object(&line)?.get("file")?.text()?.to_string();
    let mut wanted = file.object()?.clone();
    let sum = wanted.get("sha256").and_then(Json::text).map(str::to_string);
    wanted.insert("file".to_string(), place.as_str().into());
    wanted.insert("leaf".to_string(), hex::encode(row.row.leaf.0).into());
    let is_there = ABSENT.contains(&place.as_str()) || sums.get(&place) == sum.as_ref();
    (json::written(&wanted) == line && is_there && sum.is_some()).then_some(place)
}
