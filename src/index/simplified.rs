//! Chinese characters that are forms of one another: traditional, simplified, and their variants.
//!
//! The pairs are those of OpenCC's character tables, both directions and the variants of Taiwan and
//! Hong Kong. What any chain of pairs joins is one class, since a table read in one direction only
//! would leave 發 and 髮 apart, though both are written 发. So a word may also find another word: 乾
//! and 幹 are in one class with 干.
//!
//! Invariant: one character stands for one character, and for itself where it stands for its class:
//! to simplify twice is to simplify once.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use hanconv::RawDictionary;

/// What characters stand for, and what stands for the same.
struct Classes {
    representative: HashMap<char, char>,
    /// By representative, itself included.
    members: HashMap<char, Vec<char>>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(Classes::read);

/// The character that stands for `char` and all its forms; itself where it has none.
pub(super) fn simplified(char: char) -> char {
    // Below, there is no Chinese character.
    if char < '\u{2e80}' {
        return char;
    }
    CLASSES.representative.get(&char).copied().unwrap_or(char)
}

/// `char` and every other form of it.
pub fn forms_of(char: char) -> Vec<char> {
    let representative = simplified(char);
    CLASSES.members.get(&representative).cloned().unwrap_or_else(|| vec![char])
}

impl Classes {
    fn read() -> Classes {
        let tables = [
            RawDictionary::TSCharacters,
            RawDictionary::STCharacters,
            RawDictionary::TWVariants,
            RawDictionary::HKVariants,
        ];
        // Towards simplified forms first, which then stand for their classes.
        let mut parents: BTreeMap<char, char> = BTreeMap::new();
        for table in &tables {
            for (from, to) in pairs(table) {
                let (from, to) = (root(&parents, from), root(&parents, to));
                if from != to {
                    parents.insert(from, to);
                }
            }
        }
        let mut classes = Classes { representative: HashMap::new(), members: HashMap::new() };
        let mut all: Vec<char> = parents.iter().flat_map(|(from, to)| [*from, *to]).collect();
        all.sort_unstable();
        all.dedup();
        for char in all {
            let root = root(&parents, char);
            classes.representative.insert(char, root);
            classes.members.entry(root).or_default().push(char);
        }
        classes
    }
}

fn root(parents: &BTreeMap<char, char>, char: char) -> char {
    let mut root = char;
    while let Some(parent) = parents.get(&root) {
        root = *parent;
    }
    root
}

/// Pairs of single characters; the tables also have a few entries of several.
fn pairs(table: &RawDictionary) -> impl Iterator<Item = (char, char)> + use<> {
    let single = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none())
    };
    table.var_iter().flat_map(move |(from, to)| {
        let to: Vec<char> = to.into_iter().filter_map(single).collect();
        single(from)
            .into_iter()
            .flat_map(move |from| to.clone().into_iter().map(move |to| (from, to)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::fold;

    #[test]
    fn forms_of_one_character_stand_for_one() {
        for (left, right) in [
            ('記', '记'),
            ('錄', '录'),
            ('發', '髮'),
            ('臺', '台'),
            ('裏', '裡'),
            ('著', '着'),
            ('餘', '余'),
        ] {
            assert_eq!(simplified(left), simplified(right), "{left} {right}");
            assert!(forms_of(left).contains(&right) && forms_of(right).contains(&left));
        }
        for (left, right) in [('退', '款'), ('记', '录'), ('の', 'ノ'), ('a', 'á')] {
            assert_ne!(simplified(left), simplified(right), "{left} {right}");
        }
        assert_eq!(forms_of('退'), vec!['退']);
        assert_eq!(simplified('記'), '记');
    }

    #[test]
    fn classes_are_small_and_fold_to_themselves() {
        let classes = &*CLASSES;
        assert!(classes.members.len() > 3_500);
        for (representative, members) in &classes.members {
            assert!((2..=8).contains(&members.len()), "{members:?}");
            for member in members {
                assert_eq!(simplified(*member), *representative);
                assert_eq!(simplified(simplified(*member)), simplified(*member));
                assert_eq!(fold(&member.to_string()), member.to_string());
            }
        }
    }
}
