//! A data directory: where each store lies, and who owns it. One process owns it at a time; the
//! owner writes down where it can be asked, so that other processes ask it instead of opening the
//! directory too.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Mode};
use crate::model::Pseudonyms;

pub(super) const OWNER_FILE: &str = "owner.json";
/// In `keys/`.
const PSEUDONYM_KEY_FILE: &str = "pseudonym.key";
pub(super) const FORMAT_FILE: &str = "format";
pub(super) const SQL_HISTORY_FILE: &str = "sql_history";
/// How long is waited for another that works in place.
const WAIT_MAX: Duration = Duration::from_secs(30);
const WAIT_STEP: Duration = Duration::from_millis(50);
/// How often, and how long, is looked for an owner that is alive: a tenth of a second.
const OWNER_TRIES: u32 = 20;
const OWNER_RETRY: Duration = Duration::from_millis(5);
/// What lies in a data directory, as `docs/FORMATS.md` draws it. A build reads its own format and no
/// other.
const FORMAT: u32 = 2;

/// The paths of one data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    root: PathBuf,
}

/// Who owns a data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    /// Where it listens; `None` for a command that works in place.
    pub url: Option<String>,
    /// SHA-256, in hex, of the certificate it shows where it listens by `https`: what a command on
    /// this directory trusts, whatever name the certificate is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// Held for as long as the directory is owned. The kernel gives the lock back when the process
/// ends, however it ends.
#[derive(Debug)]
pub struct OwnerLock {
    file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("the data directory `{dir}` is in use by process {pid}; stop it first, or ask it", dir = .dir.display(), pid = .owner.as_ref().map_or("unknown".to_string(), |owner| owner.pid.to_string()))]
    Owned { dir: PathBuf, owner: Option<Owner> },
    #[error("`{path}` is not a directory")]
    NotADirectory { path: PathBuf },
    #[error("there is no data directory `{path}`")]
    Missing { path: PathBuf },
    #[error(
        "`{dir}` was written in format {found}, this build reads format {FORMAT}: use the build that wrote it, or a later one", dir = .dir.display()
    )]
    NewerFormat { dir: PathBuf, found: u32 },
    #[error(
        "`{dir}` holds data of an earlier build, which this one does not read (`{FORMAT_FILE}` is missing or names no format)", dir = .dir.display()
    )]
    OtherFormat { dir: PathBuf },
    #[error("there is no verbatim data in `{path}`")]
    Empty { path: PathBuf },
    #[error("cannot use `{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl DataDir {
    pub fn new(root: impl Into<PathBuf>) -> DataDir {
        DataDir { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is a log in it, whoever wrote that.
    pub fn has_log(&self) -> bool {
        self.log().exists()
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    pub fn lookup(&self) -> PathBuf {
        self.root.join("lookup")
    }

    pub fn attachments(&self) -> PathBuf {
        self.root.join("attachments")
    }

    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }

    /// Models that tell what conversations are about.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// What makes pseudonyms of erased customers, by the key in `keys/`, which is made where there is
    /// none.
    pub(super) fn pseudonyms(&self) -> anyhow::Result<Pseudonyms> {
        let path = self.keys().join(PSEUDONYM_KEY_FILE);
        let cannot = || format!("cannot read or make `{}`", path.display());
        let key: [u8; 32] = match fs::read_to_string(&path) {
            Ok(text) => {
                let mut key = [0; 32];
                hex::decode_to_slice(text.trim(), &mut key).with_context(cannot)?;
                key
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key: [u8; 32] = rand::random();
                durable::make_directory(&self.keys()).with_context(cannot)?;
                let text = format!("{}\n", hex::encode(key));
                durable::write(&path, Mode::Private, text.as_bytes()).with_context(cannot)?;
                key
            }
            Err(error) => return Err(error).with_context(cannot),
        };
        Ok(Pseudonyms::new(key))
    }

    /// A shop's own named queries.
    pub fn queries(&self) -> PathBuf {
        self.root.join("queries")
    }

    /// What was typed at the prompt of `verbatim sql`, for its owner only.
    pub fn sql_history(&self) -> PathBuf {
        self.root.join(SQL_HISTORY_FILE)
    }

    pub fn config_file(&self) -> PathBuf {
        self.root.join("verbatim.toml")
    }

    /// Fails where there is nothing to read: a mistyped path must not become an empty archive.
    pub fn must_exist(&self) -> Result<(), DataDirError> {
        match fs::metadata(&self.root) {
            Ok(metadata) if metadata.is_dir() => match self.format()? {
                Some(()) => Ok(()),
                None => Err(DataDirError::Empty { path: self.root.clone() }),
            },
            Ok(_) => Err(DataDirError::NotADirectory { path: self.root.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(DataDirError::Missing { path: self.root.clone() })
            }
            Err(source) => Err(DataDirError::Io { path: self.root.clone(), source }),
        }
    }

    /// Whether it holds data of this build's format; `None` where it holds none yet.
    fn format(&self) -> Result<Option<()>, DataDirError> {
        let (dir, path) = (self.root.clone(), self.root.join(FORMAT_FILE));
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse::<u32>() {
                Ok(FORMAT) => Ok(Some(())),
                Ok(found) if found > FORMAT => Err(DataDirError::NewerFormat { dir, found }),
                _ => Err(DataDirError::OtherFormat { dir }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The log is the first thing a service makes.
                if self.log().exists() { Err(DataDirError::OtherFormat { dir }) } else { Ok(None) }
            }
            Err(source) => Err(DataDirError::Io { path, source }),
        }
    }

    /// The last owner. It may be gone.
    pub fn owner(&self) -> Option<Owner> {
        read_owner(&File::open(self.root.join(OWNER_FILE)).ok()?)
    }

    /// The owner, who may have become it a moment ago and not have written itself down: what stands
    /// there until then is of one that is gone.
    fn living_owner(&self) -> Option<Owner> {
        let is_alive = |owner: &Owner| Path::new("/proc").join(owner.pid.to_string()).exists();
        for _ in 0..OWNER_TRIES {
            if let Some(owner) = self.owner().filter(is_alive) {
                return Some(owner);
            }
            std::thread::sleep(OWNER_RETRY);
        }
        self.owner()
    }

    /// [`DataDir::own`], after whoever works in it in place for a moment. A server is not waited for:
    /// it can be asked.
    pub async fn own_in_turn(&self) -> Result<OwnerLock, DataDirError> {
        let since = Instant::now();
        loop {
            match self.own(None) {
                Err(DataDirError::Owned { owner, .. })
                    if owner.as_ref().is_none_or(|owner| owner.url.is_none())
                        && since.elapsed() < WAIT_MAX =>
                {
                    tokio::time::sleep(WAIT_STEP).await;
                }
                owned => return owned,
            }
        }
    }

    /// Makes the directory where there is none, and owns it.
    pub fn own(&self, url: Option<String>) -> Result<OwnerLock, DataDirError> {
        let io = |source| DataDirError::Io { path: self.root.clone(), source };
        if self.root.exists() && !self.root.is_dir() {
            return Err(DataDirError::NotADirectory { path: self.root.clone() });
        }
        let format = self.format()?;
        if format.is_none() {
            // Durably: what is kept in it is no safer than its own name.
            durable::make_directory(&self.root).map_err(io)?;
        }
        let path = self.root.join(OWNER_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::Owned {
                    dir: self.root.clone(),
                    owner: self.living_owner(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut lock = OwnerLock { file };
        if format.is_none() {
            // Before anything else is made here.
            let text = format!("{FORMAT}\n");
            durable::write(&self.root.join(FORMAT_FILE), Mode::Private, text.as_bytes())
                .map_err(io)?;
        }
        lock.announce(url, None).map_err(io)?;
        Ok(lock)
    }
}

impl OwnerLock {
    /// Writes down where the owner can be asked, and which certificate it shows there.
    pub fn announce(&mut self, url: Option<String>, certificate: Option<String>) -> io::Result<()> {
        let owner = serde_json::to_vec(&Owner { pid: std::process::id(), url, certificate })?;
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(&owner)
    }
}

/// What the owner wrote; `None` while it is writing.
fn read_owner(mut file: &File) -> Option<Owner> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_who_says_where_to_ask() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path().join("data"));
        assert!(matches!(data.must_exist(), Err(DataDirError::Missing { .. })));
        let lock = data.own(Some("http://127.0.0.1:1".to_string())).unwrap();
        let Err(DataDirError::Owned { owner: Some(owner), .. }) = data.own(None) else {
            panic!("owned twice")
        };
        assert_eq!(
            owner,
            Owner {
                pid: std::process::id(),
                url: Some("http://127.0.0.1:1".to_string()),
                certificate: None
            }
        );
        drop(lock);
        assert!(data.own(None).is_ok());
    }

    /// A later build may lay things out otherwise: read as if it had not, they would be taken for
    /// damage, or worse, for nothing.
    #[test]
    fn only_its_own_format_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path());
        assert!(matches!(data.must_exist(), Err(DataDirError::Empty { .. })));
        drop(data.own(None).unwrap());
        assert!(data.must_exist().is_ok());
        let format = dir.path().join(FORMAT_FILE);
        fs::write(&format, "3\n").unwrap();
        for refused in [data.must_exist(), data.own(None).map(drop)] {
            let error = refused.unwrap_err();
            assert!(matches!(error, DataDirError::NewerFormat { found: 3, .. }), "{error}");
        }
        for text in ["1\n", "", "two"] {
            fs::write(&format, text).unwrap();
            let error = data.must_exist().unwrap_err();
            assert!(matches!(error, DataDirError::OtherFormat { .. }), "{text}: {error}");
        }
        fs::remove_file(&format).unwrap();
        fs::create_dir(data.log()).unwrap();
        assert!(matches!(data.own(None), Err(DataDirError::OtherFormat { .. })));
    }

    #[test]
    fn a_file_is_not_a_data_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let data = DataDir::new(file.path());
        assert!(matches!(data.own(None), Err(DataDirError::NotADirectory { .. })));
    }
}
