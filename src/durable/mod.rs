//! Files that survive a power cut: staged, written, synced, named, their directory synced.
//!
//! Invariant: whatever is reported as written is on stable storage under its name, whole.
//! It does not know what is in a file, and never repairs one.

mod disk;
mod stage;

pub(crate) use disk::Disk;
#[cfg(test)]
pub(crate) use disk::Step;
pub(crate) use stage::{Naming, Staged, is_staging_name};
