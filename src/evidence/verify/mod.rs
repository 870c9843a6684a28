//! Whether a bundle proves what it says: seven steps, in one order, each with a plain sentence.
//!
//! `texts/verify.py`, which every bundle carries, takes the same steps in the same order, from other
//! libraries and without this code. Both must give the same verdict on whatever they are given, and a
//! test has them judge hundreds of bundles that were tampered with.
//!
//! Nothing is asked of a server, and nothing is changed.

mod committed;
mod complete;
mod consistent;
mod displayed;
mod files;
mod included;
mod sealed;
mod succession;

use std::io;
use std::path::Path;

use serde::Serialize;

use super::names::CHECKPOINT;
use super::note::{Head, Key};
use files::Files;

pub(super) use complete::holes;
pub(super) use consistent::text as consistency_text;
pub(super) use included::Proof;

/// The steps, as they are called in `--format json`.
pub const STEPS: [&str; 7] =
    ["sealed", "signed", "consistent", "committed", "included", "complete", "displayed"];

/// The key of a log in what somebody has of it, as the one line that it is; `None` where that is no key, or one
/// that proves nothing.
pub fn read_vkey(given: &str) -> Option<String> {
    // The same four as in Python, which takes other characters for white space.
    let key = Key::parse(&format!("{}\n", given.trim_matches([' ', '\t', '\r', '\n'])))?;
    (!key.is_weak()).then_some(key.line)
}

/// What the reader of a bundle has from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The verifier key of the log, as [`read_vkey`] gives it.
    pub vkey: Option<String>,
    /// A checkpoint that the reader kept.
    pub checkpoint: Option<String>,
}

/// What became of the steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// A sentence for each step that holds.
    pub holds: Vec<String>,
    /// Why the next one does not.
    pub refused: Option<String>,
    /// Whether the key was the reader's. Otherwise the bundle proves only that whoever has its own key
    /// made it.
    pub with_key_of_reader: bool,
}

impl Verdict {
    /// The step that does not hold, from 1.
    pub fn failed_step(&self) -> Option<u8> {
        self.refused.as_ref().map(|_| self.holds.len() as u8 + 1)
    }
}

/// Why a step gives no sentence.
#[derive(Debug)]
enum Failure {
    Refused(String),
    Unreadable(io::Error),
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Refused(why.into()))
}

/// What the steps so far have shown.
struct Shown {
    key: Key,
    /// That key and those before it, which named it.
    keys: Vec<Key>,
    sums: sealed::Sums,
}

/// Checks the bundle at `path`.
///
/// # Errors
/// Where a file cannot be read at all.
pub fn verify(path: &Path, held: &Held) -> io::Result<Verdict> {
    let with_key_of_reader = held.vkey.is_some();
    let mut verdict = Verdict { holds: Vec::new(), refused: None, with_key_of_reader };
    match steps(path, held, &mut verdict.holds) {
        Ok(()) => {}
        Err(Failure::Refused(why)) => verdict.refused = Some(why),
        Err(Failure::Unreadable(error)) => return Err(error),
    }
    Ok(verdict)
}

fn steps(path: &Path, held: &Held, holds: &mut Vec<String>) -> Result<(), Failure> {
    let files = Files::open(path)?;
    let Shown { key, keys, sums } = sealed::check(&files, held.vkey.as_deref())?;
    let whose = match &held.vkey {
        None => ", which only the bundle says",
        Some(held) if *held == key.line => "",
        Some(_) => ", which yours named its successor",
    };
    holds.push(format!(
        "the {} files are what {} sealed (SHA-256 of its key: {}{})",
        files.names().count(),
        key.name,
        key.fingerprint(),
        whose,
    ));
    let head = signed(&files, &key)?;
    holds.push(format!("{} signed a log of {} records", key.name, head.size));
    holds.push(consistent::check(&files, &keys, head, held.checkpoint.as_deref())?);
    let committed = committed::check(&files, &sums)?;
    holds.push(format!(
        "the {} records are what was committed to at receipt",
        committed.leaves.len()
    ));
    included::check(&files, head, &committed.leaves)?;
    holds.push("they are all in that log".to_string());
    holds.push(complete::check(&files, &key, head, &committed)?);
    displayed::check(&files, &committed)?;
    holds.push("the table and the page say the same as data/messages.jsonl".to_string());
    Ok(())
}

/// Step 2: the log signed what it was.
fn signed(files: &Files, key: &Key) -> Result<Head, Failure> {
    let not_one = || Failure::Refused(format!("{CHECKPOINT} is not a checkpoint of {}", key.name));
    key.checkpoint(&files.text(CHECKPOINT)?).ok_or_else(not_one)
}

/// Leaves of the records, in the order of their lines.
type Leaves = Vec<[u8; 32]>;
