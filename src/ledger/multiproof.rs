//! One proof that any set of leaves stands in a tree: the hashes of what lies between them.
//!
//! The tree is RFC 6962's: a tree of more than one leaf is split at the largest power of two below
//! its size. The proof is a list of hashes, depth first and from the left:
//!
//! ```text
//! of [lo, hi):  no disclosed leaf in it  → the hash of that whole subtree, one entry
//!               one leaf                 → nothing: the verifier has it
//!               else                     → that of the left part, then that of the right
//! ```
//! The verifier walks the same way, takes a hash from the list where it has no leaf, and compares
//! the root. A run of a thousand neighbours costs about 2 × log₂ of the size, not a thousand paths.
//!
//! Invariant: a list is used up or refused, so that one set of leaves has one proof in one tree. The
//! size is the one that was signed with the root: a list alone does not bind it.
//! It does not know where hashes come from, and reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sha2::{Digest, Sha256};

/// Why a proof says nothing of its leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultiproofError {
    #[error("leaf {leaf} is not in a tree of {size} leaves")]
    BeyondTree { leaf: u64, size: u64 },
    #[error("the proof has {hashes} hashes, and needs more")]
    TooShort { hashes: usize },
    #[error("the proof has {hashes} hashes, of which {used} are needed")]
    TooLong { hashes: usize, used: usize },
}

/// The proof that the leaves at the indexes `disclosed` are in the tree of `size` leaves; `subtree`
/// gives the hash of the leaves of a range that is a subtree.
///
/// # Errors
/// What `subtree` fails with, and [`MultiproofError::BeyondTree`].
pub fn prove<E: From<MultiproofError>>(
    size: u64,
    disclosed: &BTreeSet<u64>,
    subtree: impl FnMut(Range<u64>) -> Result<[u8; 32], E>,
) -> Result<Vec<[u8; 32]>, E> {
    check_in_tree(disclosed.last(), size)?;
    let mut prover = Prover { disclosed, subtree, hashes: Vec::new() };
    if size > 0 {
        prover.walk(0..size)?;
    }
    Ok(prover.hashes)
}

/// The root of the tree of `size` leaves that has `disclosed` at their indexes, and `hashes` beside
/// them: the caller compares it with a root that was signed.
///
/// # Errors
/// A proof that is not one of these leaves in a tree of this size.
pub fn root(
    size: u64,
    disclosed: &BTreeMap<u64, [u8; 32]>,
    hashes: &[[u8; 32]],
) -> Result<[u8; 32], MultiproofError> {
    check_in_tree(disclosed.last_key_value().map(|(leaf, _)| leaf), size)?;
    let mut verifier = Verifier { disclosed, hashes, used: 0 };
    let root = if size > 0 { verifier.walk(0..size)? } else { empty_root() };
    if verifier.used < hashes.len() {
        return Err(MultiproofError::TooLong { hashes: hashes.len(), used: verifier.used });
    }
    Ok(root)
}

/// The hash of a tree that has these two below it.
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root of a tree without leaves.
pub fn empty_root() -> [u8; 32] {
    Sha256::digest([]).into()
}

/// Where the tree of a range of more than one leaf is split.
pub(super) fn split(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

fn check_in_tree(last: Option<&u64>, size: u64) -> Result<(), MultiproofError> {
    match last {
        Some(&leaf) if leaf >= size => Err(MultiproofError::BeyondTree { leaf, size }),
        _ => Ok(()),
    }
}

/// Both walks go as deep as the tree is high, 64 at most, and split only above a disclosed leaf.
struct Prover<'a, F> {
    disclosed: &'a BTreeSet<u64>,
    subtree: F,
    hashes: Vec<[u8; 32]>,
}

impl<E, F: FnMut(Range<u64>) -> Result<[u8; 32], E>> Prover<'_, F> {
    fn walk(&mut self, range: Range<u64>) -> Result<(), E> {
        if self.disclosed.range(range.clone()).next().is_none() {
            self.hashes.push((self.subtree)(range)?);
        } else if range.end - range.start > 1 {
            let middle = split(&range);
            self.walk(range.start..middle)?;
            self.walk(middle..range.end)?;
        }
        Ok(())
    }
}

struct Verifier<'a> {
    disclosed: &'a BTreeMap<u64, [u8; 32]>,
    hashes: &'a [[u8; 32]],
    used: usize,
}

impl Verifier<'_> {
    fn walk(&mut self, range: Range<u64>) -> Result<[u8; 32], MultiproofError> {
        let Some((_, leaf)) = self.disclosed.range(range.clone()).next() else {
            let too_short = MultiproofError::TooShort { hashes: self.hashes.len() };
            let hash = self.hashes.get(self.used).ok_or(too_short)?;
            self.used += 1;
            return Ok(*hash);
        };
        if range.end - range.start == 1 {
            return Ok(*leaf);
        }
        let middle = split(&range);
        let left = self.walk(range.start..middle)?;
        let right = self.walk(middle..range.end)?;
        Ok(node(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(index: u64) -> [u8; 32] {
        Sha256::digest([&[0x00][..], &index.to_be_bytes()].concat()).into()
    }

    /// The tree's hash as RFC 6962 defines it, from all leaves.
    fn hash_of(range: Range<u64>) -> [u8; 32] {
        match range.end - range.start {
            0 => empty_root(),
            1 => leaf(range.start),
            _ => {
                let middle = split(&range);
                node(&hash_of(range.start..middle), &hash_of(middle..range.end))
            }
        }
    }

    fn subtree(range: Range<u64>) -> Result<[u8; 32], MultiproofError> {
        Ok(hash_of(range))
    }

    fn leaves(disclosed: &BTreeSet<u64>) -> BTreeMap<u64, [u8; 32]> {
        disclosed.iter().map(|index| (*index, leaf(*index))).collect()
    }

    #[test]
    fn every_set_of_leaves_of_every_small_tree_is_proved() {
        for size in 0..=9_u64 {
            let want = hash_of(0..size);
            for set in 0..1_u64 << size {
                let disclosed: BTreeSet<u64> =
                    (0..size).filter(|bit| set >> bit & 1 == 1).collect();
                let hashes = prove(size, &disclosed, subtree).unwrap();
                assert_eq!(root(size, &leaves(&disclosed), &hashes), Ok(want), "{size} {set:b}");
            }
        }
    }

    /// A proof convinces of no other leaf, no other place and no other list.
    #[test]
    fn what_was_changed_does_not_give_the_root() {
        for size in 1..=9_u64 {
            let want = hash_of(0..size);
            for set in 1..1_u64 << size {
                let disclosed: BTreeSet<u64> =
                    (0..size).filter(|bit| set >> bit & 1 == 1).collect();
                let hashes = prove(size, &disclosed, subtree).unwrap();
                let leaves = leaves(&disclosed);
                for index in &disclosed {
                    let mut changed = leaves.clone();
                    changed.insert(*index, leaf(99));
                    assert_ne!(root(size, &changed, &hashes), Ok(want));
                    let mut left_out = leaves.clone();
                    left_out.remove(index);
                    assert_ne!(root(size, &left_out, &hashes), Ok(want));
                }
                for at in 0..hashes.len() {
                    let mut changed = hashes.clone();
                    changed[at][31] ^= 1;
                    assert_ne!(root(size, &leaves, &changed), Ok(want));
                    let mut left_out = hashes.clone();
                    left_out.remove(at);
                    assert_ne!(root(size, &leaves, &left_out), Ok(want));
                }
                let longer = [hashes.as_slice(), &[[0; 32]]].concat();
                let used = hashes.len();
                let too_long = MultiproofError::TooLong { hashes: used + 1, used };
                assert_eq!(root(size, &leaves, &longer), Err(too_long));
            }
        }
    }

    #[test]
    fn a_leaf_beyond_the_tree_is_refused() {
        let beyond = MultiproofError::BeyondTree { leaf: 3, size: 3 };
        assert_eq!(prove(3, &BTreeSet::from([0, 3]), subtree), Err(beyond));
        assert_eq!(root(3, &BTreeMap::from([(3, leaf(3))]), &[]), Err(beyond));
        assert_eq!(root(3, &BTreeMap::new(), &[]), Err(MultiproofError::TooShort { hashes: 0 }));
    }

    /// A size from outside may be anything; the walk is as short as the proof.
    #[test]
    fn the_largest_size_is_walked_at_once() {
        let disclosed = BTreeMap::from([(u64::MAX - 1, leaf(0))]);
        assert!(root(u64::MAX, &disclosed, &[[7; 32]; 63]).is_ok());
        assert!(root(u64::MAX, &disclosed, &[[7; 32]; 62]).is_err());
    }

    /// RFC 6962's own example: eight entries, and the roots of the trees of the first ones.
    #[test]
    fn the_vectors_of_certificate_transparency() {
        let entries = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves: Vec<[u8; 32]> = entries
            .iter()
            .map(|entry| Sha256::digest([vec![0], hex::decode(entry).unwrap()].concat()).into())
            .collect();
        for (size, want) in (1..).zip(roots) {
            let all: BTreeMap<u64, [u8; 32]> = (0..size).zip(leaves.iter().copied()).collect();
            assert_eq!(hex::encode(root(size, &all, &[]).unwrap()), want);
        }
        assert!(hex::encode(empty_root()).starts_with("e3b0c44298fc1c14"));
    }
}
