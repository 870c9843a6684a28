//! What became of a file that was asked for.

/// Whether what was written of it is what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    Whole,
    /// Never sent, or erased.
    Missing,
    /// What was written is to be thrown away.
    Damaged,
}
