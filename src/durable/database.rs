//! The key-value databases (fjall) of derived stores: opened alike, and made whole.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::write::{make_directory, remove_directory, rename_directory, sync_parent};

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

/// The folder of a database, open: to be dropped after the database that is reached through it.
pub(crate) struct OpenFolder {
    folder: File,
}

/// Opens or creates the database in `dir`. What was being created when the process was killed is
/// created anew: fjall itself would refuse it from then on.
pub(crate) fn open_database(dir: &Path, cache_bytes: u64) -> Result<Database, fjall::Error> {
    take_up(dir)?;
    open_in(dir, cache_bytes)
}

/// As [`open_database`], and what is opened goes on whatever name its folder is given meanwhile.
pub(crate) fn open_movable_database(
    dir: &Path,
    cache_bytes: u64,
) -> Result<(Database, OpenFolder), fjall::Error> {
    take_up(dir)?;
    if !dir.is_dir() {
        make_directory(dir)?;
    }
    let folder = OpenFolder { folder: File::open(dir)? };
    let path = folder.path();
    if !path.is_dir() {
        let missing = format!("there is no `{}`: `/proc` must be mounted", path.display());
        return Err(io::Error::other(missing).into());
    }
    Ok((open_in(&path, cache_bytes)?, folder))
}

/// Makes `dir` what a start can open after any death.
fn take_up(dir: &Path) -> io::Result<()> {
    let between = between(dir);
    if !dir.exists() && between.is_dir() {
        rename_directory(&between, dir)?;
    }
    if is_half_made(dir)? {
        remove_directory(dir)?;
    }
    Ok(())
}

fn open_in(dir: &Path, cache_bytes: u64) -> Result<Database, fjall::Error> {
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

/// Where a database is written anew.
pub(crate) fn anew(dir: &Path) -> PathBuf {
    dir.with_extension("anew")
}

/// Where [`exchange`] puts a folder for a moment.
fn between(dir: &Path) -> PathBuf {
    dir.with_extension("exchanging")
}

/// Copies what keyspaces hold, which nobody writes meanwhile, to a database at [`anew`], on stable
/// storage; [`put_in_place`] gives it the other's name. What was overwritten or removed lies in the
/// files of the old one, its journals among them, until those are gone.
pub(crate) fn copy_database(
    keyspaces: &[(&str, &Keyspace)],
    dir: &Path,
) -> Result<PathBuf, fjall::Error> {
    let fresh = anew(dir);
    remove_directory(&fresh)?;
    let database = open_database(&fresh, COPY_CACHE_BYTES)?;
    for (name, from) in keyspaces {
        copy_keyspace(from, &open_keyspace(&database, name)?)?;
    }
    database.persist(PersistMode::SyncAll)?;
    Ok(fresh)
}

/// Copies what a keyspace holds, which nobody writes meanwhile, to one of another database.
pub(crate) fn copy_keyspace(from: &Keyspace, to: &Keyspace) -> Result<(), fjall::Error> {
    for entry in from.iter() {
        let (key, value) = entry.into_inner()?;
        to.insert(key, value)?;
    }
    Ok(())
}

/// Puts a copy in the place of the database in `dir`, which nobody has open any more, and removes
/// what it stands for. A death leaves one of them there, whole.
pub(crate) fn put_in_place(fresh: &Path, dir: &Path) -> io::Result<()> {
    exchange(fresh, dir)?;
    sync_parent(dir)?;
    remove_directory(fresh)
}

/// Gives two folders beside each other each other's name, in one step; not durable until the folder
/// that they are in is synced. After an error they are called what they were, where the disk allows it:
/// [`OpenFolder::is_at`] tells, and one of them is at `dir` or is found by the next open.
pub(crate) fn exchange(fresh: &Path, dir: &Path) -> io::Result<()> {
    match renameat_with(CWD, fresh, CWD, dir, RenameFlags::EXCHANGE) {
        // What not every file system can.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => exchange_in_turn(fresh, dir),
        done => Ok(done?),
    }
}

/// [`exchange`] in three steps: [`take_up`] finds the folder that a death left in between.
fn exchange_in_turn(fresh: &Path, dir: &Path) -> io::Result<()> {
    let between = between(dir);
    remove_directory(&between)?;
    fs::rename(dir, &between)?;
    if let Err(error) = fs::rename(fresh, dir) {
        fs::rename(&between, dir)?;
        return Err(error);
    }
    if let Err(error) = fs::rename(&between, fresh) {
        fs::rename(dir, fresh)?;
        fs::rename(&between, dir)?;
        return Err(error);
    }
    Ok(())
}

impl OpenFolder {
    /// Whether this is its name.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let is_same = |here: Metadata| -> io::Result<bool> {
            let there = fs::metadata(path)?;
            Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
        };
        self.folder.metadata().and_then(is_same).unwrap_or(false)
    }

    /// Leads to it under any name.
    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd()))
    }
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

    /// Two databases under each other's names, both open, written and read: what neither may notice.
    #[test]
    fn a_database_goes_on_under_another_name() {
        const ENTRIES: u32 = 2_000;
        let folder = tempfile::tempdir().unwrap();
        let (dir, fresh) = (folder.path().join("database"), folder.path().join("database.anew"));
        let open = |dir: &Path| {
            let (database, folder) = open_movable_database(dir, 1 << 20).unwrap();
            let keyspace = open_keyspace(&database, "numbers").unwrap();
            (keyspace, database, folder)
        };
        let fill = |keyspace: &Keyspace, value: &str| {
            for number in 0..ENTRIES {
                keyspace.insert(number.to_be_bytes(), value).unwrap();
            }
            keyspace.rotate_memtable_and_wait().unwrap();
        };
        let holds = |keyspace: &Keyspace, value: &str| {
            (0..ENTRIES).all(|number| {
                keyspace.get(number.to_be_bytes()).unwrap().as_deref() == Some(value.as_bytes())
            })
        };
        for swap in [exchange, exchange_in_turn] {
            let (old, new) = (open(&dir), open(&fresh));
            fill(&old.0, "old");
            fill(&new.0, "new");
            assert!(old.2.is_at(&dir) && !old.2.is_at(&fresh));
            swap(&fresh, &dir).unwrap();
            assert!(old.2.is_at(&fresh) && new.2.is_at(&dir));
            assert!(holds(&old.0, "old") && holds(&new.0, "new"));
            fill(&new.0, "newer");
            assert!(holds(&old.0, "old") && holds(&new.0, "newer"));
            drop((old, new));
            let (again, other) = (open(&dir), open(&fresh));
            assert!(holds(&again.0, "newer") && holds(&other.0, "old"), "each has its own files");
        }
    }

    /// Where names cannot be exchanged in one step, a death may come in between.
    #[test]
    fn a_database_that_a_death_left_in_between_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("database");
        let database = open_database(&dir, 1 << 20).unwrap();
        open_keyspace(&database, "numbers").unwrap().insert("one", "1").unwrap();
        database.persist(PersistMode::SyncAll).unwrap();
        drop(database);
        fs::rename(&dir, between(&dir)).unwrap();
        let again = open_database(&dir, 1 << 20).unwrap();
        let one = open_keyspace(&again, "numbers").unwrap().get("one").unwrap();
        assert_eq!(one.as_deref(), Some(&b"1"[..]));
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
