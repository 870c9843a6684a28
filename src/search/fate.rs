//! What became of messages: later versions, retractions. From the edits and retractions themselves,
//! which index and tail hold like all records, so that it is as of the same offset as the hits.

use std::collections::{HashMap, HashSet};

use super::answer::LaterVersion;
use super::cursor::Place;
use crate::model::{Kind, Micros, Offset};

/// How much of a later version is shown with an earlier one.
const EXCERPT_CHARS: usize = 280;

/// An edit or a retraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// The id of a message, or of an edit of one.
    pub(super) target: String,
    /// Of an edit, what the message says now.
    pub(super) text: String,
}

/// What became of the messages of one conversation.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// Of each edit, the message it is a version of.
    roots: HashMap<String, String>,
    /// Of each message, its last version.
    versions: HashMap<String, LaterVersion>,
    /// Of each message, when it was first retracted.
    retracted: HashMap<String, Micros>,
}

/// Of each edit, the message it is a version of: an edit of an edit is an edit of the message.
/// `changes` come in the order of their offsets, in which an edit comes after what it edits.
pub(super) fn roots_of<'a>(changes: impl Iterator<Item = &'a Change>) -> HashMap<String, String> {
    let mut roots: HashMap<String, String> = HashMap::new();
    for edit in changes.filter(|change| change.kind == Kind::Edit) {
        let root = roots.get(&edit.target).unwrap_or(&edit.target).clone();
        roots.insert(edit.id.clone(), root);
    }
    roots
}

/// The messages that `changes`, which are in order, change in this way, by the ids of all their versions.
pub(super) fn versions_changed<'a>(
    changes: impl Iterator<Item = &'a Change> + Clone,
    way: Kind,
) -> HashSet<String> {
    let roots = roots_of(changes.clone());
    let root_of = |id: &str| roots.get(id).cloned().unwrap_or_else(|| id.to_string());
    let of_this_way = changes.clone().filter(|change| change.kind == way);
    let meant: HashSet<String> = of_this_way.map(|change| root_of(&change.target)).collect();
    let is_version =
        |change: &&Change| change.kind == Kind::Edit && meant.contains(&root_of(&change.id));
    let versions: Vec<String> =
        changes.filter(is_version).map(|change| change.id.clone()).collect();
    versions.into_iter().chain(meant).collect()
}

impl Fates {
    pub(super) fn of(mut changes: Vec<(Place, Change)>) -> Fates {
        changes.sort_unstable_by_key(|(place, _)| place.1);
        let roots = roots_of(changes.iter().map(|(_, change)| change));
        let mut fates = Fates { roots, ..Fates::default() };
        for ((at, offset), change) in changes {
            let root = fates.root_of(&change.target).to_string();
            if change.kind == Kind::Edit {
                let text = excerpt(change.text);
                fates.versions.insert(root, LaterVersion { id: change.id, offset, at, text });
            } else {
                fates.retracted.entry(root).or_insert(at);
            }
        }
        fates
    }

    fn root_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.roots.get(id).map_or(id, String::as_str)
    }

    /// When the message was retracted of which `id` is a version.
    pub(super) fn retracted_at(&self, id: &str) -> Option<Micros> {
        self.retracted.get(self.root_of(id)).copied()
    }

    /// The last version of the message of which `id`, at `offset`, is one, if it is a later one.
    pub(super) fn superseded_by(&self, id: &str, offset: Offset) -> Option<LaterVersion> {
        let last = self.versions.get(self.root_of(id))?;
        (last.offset > offset).then(|| last.clone())
    }
}

fn excerpt(text: String) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_shares_the_fate_of_its_message() {
        let change = |offset: u64, kind, id: &str, target: &str| {
            let (id, target, text) = (id.to_string(), target.to_string(), format!("text of {id}"));
            ((Micros(offset as i64 * 10), Offset(offset)), Change { kind, id, target, text })
        };
        let fates = Fates::of(vec![
            change(9, Kind::Retract, "r2", "m"),
            change(5, Kind::Edit, "e2", "e1"),
            change(3, Kind::Edit, "e1", "m"),
            change(8, Kind::Retract, "r1", "e2"),
            change(7, Kind::Edit, "f1", "n"),
        ]);
        for (id, offset, superseded, retracted) in [
            ("m", 1, Some("e2"), Some(80)),
            ("e1", 3, Some("e2"), Some(80)),
            ("e2", 5, None, Some(80)),
            ("n", 2, Some("f1"), None),
            ("f1", 7, None, None),
            ("x", 4, None, None),
        ] {
            let later = fates.superseded_by(id, Offset(offset));
            assert_eq!(later.as_ref().map(|later| later.id.as_str()), superseded, "{id}");
            assert_eq!(fates.retracted_at(id).map(|at| at.0), retracted, "{id}");
        }
        assert_eq!(excerpt("长".repeat(281)), format!("{}…", "长".repeat(280)));
    }
}
