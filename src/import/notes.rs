//! What of a source has no place in an archive of chat, counted by kind and said once at the end.

use std::collections::BTreeMap;

/// Kinds counted apart: a source may name as many as it likes.
const KINDS_MAX: usize = 200;
const OTHER: &str = "others";
/// Longest name of a kind that is shown.
const KIND_CHARS_MAX: usize = 120;

/// Counts by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(BTreeMap<String, u64>);

impl Notes {
    pub(super) fn add(&mut self, kind: impl AsRef<str>) {
        self.add_many(kind, 1);
    }

    pub(super) fn add_many(&mut self, kind: impl AsRef<str>, count: u64) {
        if count == 0 {
            return;
        }
        let kind: String = kind.as_ref().chars().filter(|char| !char.is_control()).collect();
        let kind: String = kind.chars().take(KIND_CHARS_MAX).collect();
        let is_known = self.0.contains_key(&kind) || self.0.len() < KINDS_MAX;
        *self.0.entry(if is_known { kind } else { OTHER.to_string() }).or_default() += count;
    }

    /// Takes over what another source left.
    pub fn merge(&mut self, other: &Notes) {
        other.0.iter().for_each(|(kind, count)| self.add_many(kind, *count));
    }

    /// Each kind and how many there were, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(kind, count)| (kind.as_str(), *count))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_and_bounded() {
        let mut notes = Notes::default();
        (0..10_000).for_each(|number| notes.add(format!("kind\n{number}")));
        notes.add("kind0");
        assert_eq!(notes.iter().count(), KINDS_MAX + 1);
        assert_eq!(notes.iter().find(|(kind, _)| *kind == "kind0"), Some(("kind0", 2)));
        let mut sum = Notes::default();
        sum.merge(&notes);
        assert_eq!(sum.iter().map(|(_, count)| count).sum::<u64>(), 10_001);
    }
}
