//! The key-value databases (fjall) of derived stores: opened alike, and made whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};

use super::write::{remove_directory, rename_directory};

/// Newest entries of a keyspace, in memory until they are written to a table. All of them are read
/// again from the journal at a start: with 64 MiB it took 0.5 to 0.7 s after three million events,
/// with this 0.15 to 0.26 s.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
/// Journals kept for the slowest keyspace before it is written to a table too: what a start may have
/// to read. The least that fjall takes.
const JOURNAL_BYTES: u64 = 64 * 1024 * 1024;
/// Of a database that is only written.
const COPY_CACHE_BYTES: u64 = 1024 * 1024;
/// Written when the database is whole, and asked for when it is opened.
const VERSION_FILE: &str = "version";
/// The first thing that is made after that, and in it whatever is ever written.
const FIRST_KEYSPACE: &str = "keyspaces/0";

/// Opens or creates the database in `dir`. What was being created when the process was killed is
/// created anew: fjall itself would refuse it from then on.
pub(crate) fn open_database(dir: &Path, cache_bytes: u64) -> Result<Database, fjall::Error> {
    if is_half_made(dir)? {
        remove_directory(dir)?;
    }
    Database::builder(dir)
        .cache_size(cache_bytes)
        .max_journaling_size(JOURNAL_BYTES)
        .worker_threads(1)
        .open()
}

/// Whether the database's files are not as they were written, by what is said of a failure: a disk
/// that is full, or descriptors that ran out, say nothing of the files.
pub(crate) fn is_damage(error: &fjall::Error) -> bool {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
        ),
        fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted | fjall::Error::Locked => false,
        _ => true,
    }
}

/// Opens or creates a keyspace of it.
pub(crate) fn open_keyspace(database: &Database, name: &str) -> Result<Keyspace, fjall::Error> {
    database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES))
}

/// Copies what keyspaces hold, which nobody writes meanwhile, to a database beside `dir`, on stable
/// storage; [`put_in_place`] gives it the other's name. What was overwritten or removed lies in the
/// files of the old one, its journals among them, until those are gone.
pub(crate) fn copy_database(
    keyspaces: &[(&str, &Keyspace)],
    dir: &Path,
) -> Result<PathBuf, fjall::Error> {
    let fresh = dir.with_extension("anew");
    remove_directory(&fresh)?;
    let database = open_database(&fresh, COPY_CACHE_BYTES)?;
    for (name, from) in keyspaces {
        let to = open_keyspace(&database, name)?;
        for entry in from.iter() {
            let (key, value) = entry.into_inner()?;
            to.insert(key, value)?;
        }
    }
    database.persist(PersistMode::SyncAll)?;
    Ok(fresh)
}

/// Puts a copy in the place of the database in `dir`, which nobody has open any more. After a crash in
/// between there is none: it is derived, and made anew.
pub(crate) fn put_in_place(fresh: &Path, dir: &Path) -> io::Result<()> {
    remove_directory(dir)?;
    rename_directory(fresh, dir)
}

/// Whether a database was begun in `dir` and nothing can have been written to it.
fn is_half_made(dir: &Path) -> io::Result<bool> {
    if !dir.is_dir() || dir.join(FIRST_KEYSPACE).exists() {
        return Ok(false);
    }
    match fs::metadata(dir.join(VERSION_FILE)) {
        Ok(metadata) => Ok(metadata.len() == 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process can be killed after each file that fjall makes.
    #[test]
    fn a_database_that_was_being_made_is_made_anew() {
        const CACHE_BYTES: u64 = 1 << 20;
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("database");
        for made in [&[][..], &["lock"], &["lock", "0.jnl"], &["lock", "0.jnl", VERSION_FILE]] {
            fs::create_dir_all(dir.join("keyspaces")).unwrap();
            for name in made {
                fs::write(dir.join(name), "").unwrap();
            }
            let database = open_database(&dir, CACHE_BYTES).unwrap();
            let keyspace = open_keyspace(&database, "numbers").unwrap();
            keyspace.insert("one", "1").unwrap();
            database.persist(fjall::PersistMode::SyncAll).unwrap();
            drop((keyspace, database));
            let again = open_database(&dir, CACHE_BYTES).unwrap();
            let one = open_keyspace(&again, "numbers").unwrap().get("one").unwrap();
            assert_eq!(one.as_deref(), Some(&b"1"[..]), "what was written stays: {made:?}");
            drop(again);
            fs::remove_dir_all(&dir).unwrap();
        }
    }

    #[test]
    fn a_database_that_lost_its_version_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("database");
        drop(open_database(&dir, 1 << 20).unwrap());
        fs::remove_file(dir.join(VERSION_FILE)).unwrap();
        assert!(open_database(&dir, 1 << 20).is_err(), "it may hold something");
    }
}
