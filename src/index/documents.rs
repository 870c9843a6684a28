//! A set of a segment's documents, one bit for each: to count a million documents, or to join two such
//! sets, takes microseconds.

use std::ops::Range;

/// A set of documents, of which a segment has `len`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    words: Vec<u64>,
    len: u32,
}

/// Documents in a word.
const WORD: u32 = u64::BITS;

impl Documents {
    /// None of `len` documents.
    pub fn none(len: u32) -> Documents {
        Documents { words: vec![0; len.div_ceil(WORD) as usize], len }
    }

    pub fn insert(&mut self, document: u32) {
        self.words[(document / WORD) as usize] |= 1 << (document % WORD);
    }

    /// Adds all of `range`.
    pub fn insert_range(&mut self, range: Range<u32>) {
        let (first, last) = (range.start / WORD, range.end / WORD);
        let (below_first, below_last) =
            ((1 << (range.start % WORD)) - 1, (1 << (range.end % WORD)) - 1);
        if first == last {
            // Nothing where the range is empty.
            if let Some(word) = self.words.get_mut(first as usize) {
                *word |= below_last & !below_first;
            }
            return;
        }
        self.words[first as usize] |= !below_first;
        self.words[first as usize + 1..last as usize].fill(u64::MAX);
        if below_last != 0 {
            self.words[last as usize] |= below_last;
        }
    }

    pub fn remove(&mut self, document: u32) {
        self.words[(document / WORD) as usize] &= !(1 << (document % WORD));
    }

    pub fn contains(&self, document: u32) -> bool {
        self.words[(document / WORD) as usize] & (1 << (document % WORD)) != 0
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Adds those of `other`, a set of the same segment.
    pub fn union_with(&mut self, other: &Documents) {
        self.zip(other, |word, other| word | other);
    }

    /// Leaves only those that are in `other`, too.
    pub fn intersect_with(&mut self, other: &Documents) {
        self.zip(other, |word, other| word & other);
    }

    /// Takes those of `other` away.
    pub fn difference_with(&mut self, other: &Documents) {
        self.zip(other, |word, other| word & !other);
    }

    /// The documents that are not in it.
    pub fn complement(&self) -> Documents {
        let words = self.words.iter().map(|word| !word).collect();
        let mut rest = Documents { words, len: self.len };
        rest.clear_beyond();
        rest
    }

    /// Those of `range`, which begins at a multiple of 64.
    pub fn only_in(&self, range: Range<u32>) -> Documents {
        let mut only = Documents::none(self.len);
        let words =
            (range.start / WORD) as usize..self.words.len().min(range.end.div_ceil(WORD) as usize);
        only.words[words.clone()].copy_from_slice(&self.words[words.clone()]);
        if let Some(last) = only.words[words].last_mut()
            && !range.end.is_multiple_of(WORD)
        {
            *last &= (1 << (range.end % WORD)) - 1;
        }
        only
    }

    /// Its documents, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.iter_in(0, self.len)
    }

    /// Its documents from `from`, a multiple of 64, to before `to`, ascending.
    pub fn iter_in(&self, from: u32, to: u32) -> impl Iterator<Item = u32> {
        let words = (from / WORD) as usize..(to.div_ceil(WORD) as usize).min(self.words.len());
        words.flat_map(move |place| {
            let mut word = self.words[place];
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(place as u32 * WORD + bit)
            })
        })
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Documents>() + self.words.len() * size_of::<u64>()
    }

    fn zip(&mut self, other: &Documents, join: impl Fn(u64, u64) -> u64) {
        debug_assert_eq!(self.len, other.len);
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word = join(*word, *other);
        }
    }

    /// No document is beyond the last.
    fn clear_beyond(&mut self) {
        if let Some(last) = self.words.last_mut()
            && !self.len.is_multiple_of(WORD)
        {
            *last &= (1 << (self.len % WORD)) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::testing::Dice;

    #[test]
    fn sets_are_sets() {
        let dice = &mut Dice::new(4);
        for len in [0_u32, 1, 63, 64, 65, 200] {
            let random = |dice: &mut Dice| -> BTreeSet<u32> {
                (0..len).filter(|_| dice.roll(3) == 0).collect()
            };
            let set = |of: &BTreeSet<u32>| {
                let mut set = Documents::none(len);
                of.iter().for_each(|document| set.insert(*document));
                set
            };
            let (left, right) = (random(dice), random(dice));
            let check = |join: fn(&mut Documents, &Documents), expected: BTreeSet<u32>| {
                let mut joined = set(&left);
                join(&mut joined, &set(&right));
                assert_eq!(joined.iter().collect::<BTreeSet<u32>>(), expected);
                assert_eq!(joined.count(), expected.len() as u64);
                assert_eq!(joined.is_empty(), expected.is_empty());
            };
            check(Documents::union_with, &left | &right);
            check(Documents::intersect_with, &left & &right);
            check(Documents::difference_with, &left - &right);
            let all: BTreeSet<u32> = (0..len).collect();
            assert_eq!(Documents::none(len).complement(), set(&all));
            assert_eq!(set(&left).complement(), set(&(&all - &left)));
            for to in 0..=len {
                for from in 0..=to {
                    let mut with = set(&left);
                    with.insert_range(from..to);
                    assert_eq!(
                        with,
                        set(&(&left | &(from..to).collect())),
                        "{from}..{to} of {len}"
                    );
                }
                for from in (0..=to).step_by(64) {
                    let inside = left.range(from..to).copied().collect();
                    assert_eq!(set(&left).only_in(from..to), set(&inside), "{from}..{to} of {len}");
                }
            }
            let mut without = set(&left);
            left.iter().for_each(|document| without.remove(*document));
            assert_eq!(without, Documents::none(len));
        }
    }
}
