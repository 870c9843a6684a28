//! The tree on the disk beside the tree of leaves that are read once more: every hash of it.

use super::reader::LedgerReader;
use super::tree::{Frontier, Hash, hashes_at};
use super::{Checkpoint, LedgerError};

/// Hashes read of a level at once: × 32 bytes = 256 KiB.
const WINDOW_HASHES: u64 = 8_192;

/// A comparison on its way.
pub struct TreeComparison {
    reader: LedgerReader,
    size: u64,
    root: Hash,
    signed: Checkpoint,
    frontier: Frontier,
    /// What was read of each level, and from where.
    windows: Vec<(u64, Vec<Hash>)>,
    /// The root at the size that was signed, once that was reached.
    at_signed: Option<Hash>,
}

impl TreeComparison {
    pub fn new(reader: &LedgerReader) -> Result<TreeComparison, LedgerError> {
        let mut comparison = TreeComparison {
            size: reader.size()?,
            root: reader.root()?,
            signed: reader.checkpoint()?,
            reader: reader.clone(),
            frontier: Frontier::default(),
            windows: Vec::new(),
            at_signed: None,
        };
        comparison.pass_signed();
        Ok(comparison)
    }

    /// Leaves that are compared.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What was signed last.
    pub fn signed(&self) -> &Checkpoint {
        &self.signed
    }

    /// Compares the next leaf, and all hashes above it that it completes: whether the tree has them.
    pub fn see(&mut self, leaf: [u8; 32]) -> Result<bool, LedgerError> {
        let mut completed = Vec::new();
        self.frontier.push(leaf, |level, hash| completed.push((level, hash)));
        let mut agrees = true;
        for (level, hash) in completed {
            let index = hashes_at(level, self.frontier.size()) - 1;
            agrees &= self.kept(level, index)? == hash;
        }
        self.pass_signed();
        Ok(agrees)
    }

    /// Whether the roots are those that were committed and signed, after all leaves.
    pub fn agrees(&self) -> bool {
        let is_whole = self.frontier.size() == self.size && self.frontier.root() == self.root;
        is_whole && self.at_signed.is_none_or(|root| root == self.signed.root)
    }

    fn pass_signed(&mut self) {
        if self.frontier.size() == self.signed.size {
            self.at_signed = Some(self.frontier.root());
        }
    }

    /// What the disk has.
    fn kept(&mut self, level: usize, index: u64) -> Result<Hash, LedgerError> {
        if self.windows.len() <= level {
            self.windows.resize(level + 1, (0, Vec::new()));
        }
        let (from, hashes) = &mut self.windows[level];
        let is_there = |from: u64, count: usize| (from..from + count as u64).contains(&index);
        if !is_there(*from, hashes.len()) {
            let end = (index + WINDOW_HASHES).min(hashes_at(level, self.size));
            *hashes = self.reader.hashes(level, index..end)?;
            *from = index;
        }
        let place = usize::try_from(index - *from).unwrap_or(usize::MAX);
        Ok(hashes.get(place).copied().unwrap_or_default())
    }
}
