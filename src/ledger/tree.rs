//! The tree as it grows: what of it is not yet in a full tile, kept in memory.
//!
//! Hashes are kept of complete subtrees whose height is a multiple of [`TILE_HEIGHT`]: level 0 are
//! the leaves, level 1 the subtrees of 256 leaves, level 2 those of 65,536. What lies between is
//! computed from 256 neighbours, a tile. Level 0 costs 32 bytes a record and is kept all the same: to
//! compute it anew from an archive that is sorted by conversation would read all of the archive.
//!
//! Pure: it reads and writes nothing.

use super::multiproof::{empty_root, node};

/// Levels of the tree from one kept level to the next, as C2SP's tiles have them.
pub(super) const TILE_HEIGHT: u32 = 8;
/// Hashes of a full tile.
pub(super) const TILE_HASHES: usize = 1 << TILE_HEIGHT;
pub(super) const HASH_BYTES: usize = 32;

pub(super) type Hash = [u8; HASH_BYTES];

/// The right edge of a tree: of each level the hashes that fill no tile yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Frontier {
    size: u64,
    tails: Vec<Vec<Hash>>,
}

/// How many hashes of a level a tree of `size` leaves has.
pub(super) fn hashes_at(level: usize, size: u64) -> u64 {
    let level = u32::try_from(level).unwrap_or(u32::MAX);
    size.checked_shr(level.saturating_mul(TILE_HEIGHT)).unwrap_or(0)
}

/// How many levels a tree of `size` leaves has hashes of.
pub(super) fn levels_of(size: u64) -> usize {
    (0..).take_while(|level| hashes_at(*level, size) > 0).count()
}

/// The root of a complete subtree, from its 1, 2, 4 … 256 hashes.
pub(super) fn root_of_complete(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| node(&pair[0], &pair[pair.len() - 1])).collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

impl Frontier {
    /// The edge of a tree of `size` leaves; `tail` gives the last hashes of a level, so many.
    pub(super) fn read<E>(
        size: u64,
        mut tail: impl FnMut(usize, usize) -> Result<Vec<Hash>, E>,
    ) -> Result<Frontier, E> {
        let mut tails = Vec::new();
        for level in 0..levels_of(size) {
            // Less than a tile.
            let count = (hashes_at(level, size) % TILE_HASHES as u64) as usize;
            tails.push(tail(level, count)?);
        }
        Ok(Frontier { size, tails })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; `kept` hears each hash that belongs to a level, the leaf's own first.
    pub(super) fn push(&mut self, leaf: Hash, mut kept: impl FnMut(usize, Hash)) {
        self.size += 1;
        let (mut level, mut hash) = (0, leaf);
        loop {
            kept(level, hash);
            if self.tails.len() == level {
                self.tails.push(Vec::with_capacity(TILE_HASHES));
            }
            let tail = &mut self.tails[level];
            tail.push(hash);
            if tail.len() < TILE_HASHES {
                return;
            }
            hash = root_of_complete(tail);
            tail.clear();
            level += 1;
        }
    }

    /// The root of the tree as it is: its complete subtrees, the smallest first, each the left
    /// neighbour of what is to its right.
    pub(super) fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for tail in &self.tails {
            let mut end = tail.len();
            for height in 0..TILE_HEIGHT {
                let width = 1 << height;
                if tail.len() & width != 0 {
                    let left = root_of_complete(&tail[end - width..end]);
                    right = Some(right.map_or(left, |right| node(&left, &right)));
                    end -= width;
                }
            }
        }
        right.unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::multiproof;

    /// A leaf that no other index has.
    pub(crate) fn leaf(index: u64) -> Hash {
        let mut leaf = [0x5a; 32];
        leaf[..8].copy_from_slice(&index.to_be_bytes());
        leaf
    }

    /// The root from all leaves, by the proof that leaves nothing out.
    pub(crate) fn root(size: u64) -> Hash {
        let all: BTreeMap<u64, Hash> = (0..size).map(|index| (index, leaf(index))).collect();
        multiproof::root(size, &all, &[]).unwrap()
    }

    #[test]
    fn the_root_is_that_of_all_leaves_at_every_size() {
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root(), root(0));
        for index in 0..1_100 {
            frontier.push(leaf(index), |_, _| ());
            if index < 40 || index % 61 == 0 || (index + 1) % 256 < 2 {
                assert_eq!(frontier.root(), root(index + 1), "{index}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_enough_to_go_on_from() {
        let (mut frontier, mut kept) = (Frontier::default(), vec![Vec::new(); 3]);
        for index in 0..70_000 {
            frontier.push(leaf(index), |level, hash| kept[level].push(hash));
        }
        for (level, hashes) in kept.iter().enumerate() {
            assert_eq!(hashes.len() as u64, hashes_at(level, 70_000));
        }
        assert_eq!((levels_of(70_000), levels_of(0), levels_of(u64::MAX)), (3, 0, 8));
        let read = |level: usize, count: usize| {
            Ok::<_, ()>(kept[level][kept[level].len() - count..].to_vec())
        };
        let mut again = Frontier::read(70_000, read).unwrap();
        assert_eq!(again.root(), frontier.root());
        for index in 70_000..70_300 {
            frontier.push(leaf(index), |_, _| ());
            again.push(leaf(index), |_, _| ());
        }
        assert_eq!((again.size(), again.root()), (frontier.size(), frontier.root()));
    }
}
