//! The seam between this folder and the disk: asked before each call that changes something, so
//! that a test can record the calls, let the n-th fail, or leave the syncs out.
//!
//! Reads do not pass it: what a test wants to read damaged, it damages.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One call that changes the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    MakeDirectory(PathBuf),
    /// A file under its staging name, empty or as a second link to one that is there.
    Stage(PathBuf),
    Write(PathBuf),
    SyncFile(PathBuf),
    Name {
        from: PathBuf,
        to: PathBuf,
    },
    Remove(PathBuf),
    SyncDirectory(PathBuf),
}

/// What stands before the disk.
pub(crate) trait Seam: fmt::Debug + Send + Sync {
    /// Asked before each call; an error stands in for the call, which is then not made.
    fn before(&self, call: Call) -> io::Result<()>;

    /// Whether syncs are made. Only the control of the sync tests says no.
    fn syncs(&self) -> bool {
        true
    }
}

/// The disk as it is: every call is made.
#[derive(Debug)]
pub(crate) struct Real;

impl Seam for Real {
    fn before(&self, _call: Call) -> io::Result<()> {
        Ok(())
    }
}
