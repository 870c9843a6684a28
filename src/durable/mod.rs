//! Files that survive a power cut: staged, written, synced, named, their directory synced.
//!
//! Invariant: whatever is reported as written is on stable storage under its name, whole (test
//! `a_failed_call_leaves_the_old_file_or_the_new_one`).
//! It does not know what is in a file, and never repairs one. `database.rs` opens what fjall keeps.

mod database;
mod disk;
mod growing;
mod room;
mod seam;
mod stage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use database::{
    OpenFolder, anew, copy_database, copy_keyspace, exchange, is_damage, open_database,
    open_keyspace, open_movable_database, put_in_place,
};
pub(crate) use disk::Disk;
pub(crate) use growing::GrowingFile;
pub use room::NoRoom;
pub(crate) use room::{bytes_under, require_room};
#[cfg(test)]
pub(crate) use seam::{Call, Seam};
pub(crate) use stage::{Mode, Naming, Staged, is_staging_name};
pub(crate) use write::{make_directory, remove_directory, rename_directory, sync_parent, write};
