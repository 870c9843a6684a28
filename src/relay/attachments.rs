//! Attachments: bytes kept by their hash, apart for each shop and, in it, for each customer. A file is
//! there whole or not at all.
//!
//! Invariant: a customer's message shows the bytes that this customer sent, or that the shop sent for
//! them. Whoever merely knows the hash of another's file cannot have it by naming it.

use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::fs::File;

use super::RelayError;
use super::held::DiskSpace;
use crate::access::Identity;
use crate::durable::{Disk, Mode, Naming, Staged, is_staging_name};
use crate::model::{FieldError, Micros, Record, Role, is_sha256_hex};

/// Largest attachment: streamed to disk, so this bounds disk and time, not memory.
pub const ATTACHMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the customers' files lie among their shop's. No two hex digits, which begin a hash.
const CUSTOMERS: &str = "customers";

/// Within so long after its upload a file is named by a message, or never.
const NAMED_WITHIN: Duration = Duration::from_hours(1);
/// What is read of a file at once to be hashed.
const HASHED_BYTES: usize = 256 * 1024;
/// Longest that an upload may pause.
const CHUNK_TIME_MAX: Duration = Duration::from_secs(30);
/// Longest that it may take: 64 MiB at 110 KiB/s. One that never pauses for long would hold its place
/// without end.
const UPLOAD_TIME_MAX: Duration = Duration::from_mins(10);
/// How far times of files may be behind the clock: file systems with the coarsest ones count by two seconds.
const FILE_CLOCK_BEHIND_MAX: Duration = Duration::from_secs(2);

/// The folder of attachments.
#[derive(Clone)]
pub struct AttachmentStore {
    disk: Arc<Disk>,
    space: DiskSpace,
    /// Held while a file gets its name, or is removed.
    turn: Arc<Mutex<()>>,
}

/// An attachment on its way in. Dropped before it is finished, it leaves nothing.
struct Upload {
    staged: Staged,
    sha256: Sha256,
    bytes: u64,
}

impl AttachmentStore {
    /// The attachments in `dir`, made where it is missing. None are taken while less than twice
    /// `reserve_bytes` are free: messages come first.
    pub fn open_or_create(dir: &Path, reserve_bytes: u64) -> io::Result<AttachmentStore> {
        let space = DiskSpace::of(dir.to_path_buf(), 2 * reserve_bytes);
        let (disk, turn) = (Arc::new(Disk::open(dir)?), Arc::default());
        Ok(AttachmentStore { disk, space, turn })
    }

    /// Removes what uploads left that a death of the process broke off: files under a staging name that
    /// nobody has changed since before this process `started`. May take long, and is in nobody's way.
    pub fn sweep(&self, started: SystemTime) -> io::Result<()> {
        sweep(self.disk.root(), started - FILE_CLOCK_BEHIND_MAX)
    }

    /// Where an attachment lies, whether or not it is there. Names are hashed because they may hold any
    /// character, `..` and `/` among them.
    fn path_of(&self, holder: Holder<'_>, sha256: &str) -> Result<PathBuf, RelayError> {
        if !is_sha256_hex(sha256) {
            let rule = "be a SHA-256 in 64 lower-case hex digits";
            return Err(FieldError::new("sha256", sha256, rule).into());
        }
        let mut folder = self.disk.root().join(hashed(holder.shop, 8));
        if let Some(customer) = holder.customer {
            folder = folder.join(CUSTOMERS).join(hashed(customer, 16));
        }
        Ok(folder.join(&sha256[..2]).join(sha256))
    }

    /// Keeps the bytes of `body` under their hash, which must be `sha256`. On return they are on
    /// stable storage. Returns their count.
    pub async fn put<B, E>(
        &self,
        identity: &Identity,
        sha256: &str,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<u64, RelayError>
    where
        B: AsRef<[u8]> + Send + 'static,
        E: std::fmt::Display,
    {
        let received = tokio::time::timeout(UPLOAD_TIME_MAX, async {
            self.space.check().map_err(|_| RelayError::NoRoom)?;
            let holder = Holder::of_identity(identity);
            let (disk, path) = (self.disk.clone(), self.path_of(holder, sha256)?);
            let mut upload = on_blocking(move || Upload::start(&disk, &path)).await?;
            let mut body = std::pin::pin!(body);
            loop {
                let chunk = tokio::time::timeout(CHUNK_TIME_MAX, body.next()).await;
                let chunk = chunk.map_err(|_| RelayError::UploadBrokeOff {
                    reason: format!("nothing came for {} s", CHUNK_TIME_MAX.as_secs()),
                })?;
                let Some(chunk) = chunk else { break };
                self.space.check().map_err(|_| RelayError::NoRoom)?;
                let chunk = chunk
                    .map_err(|error| RelayError::UploadBrokeOff { reason: error.to_string() })?;
                upload = on_blocking(move || upload.with(chunk.as_ref())).await?;
            }
            let sha256 = sha256.to_string();
            let turn = self.turn.clone();
            on_blocking(move || upload.finish(&sha256, &turn)).await
        });
        received.await.map_err(|_| RelayError::UploadBrokeOff {
            reason: format!("it took longer than {} s", UPLOAD_TIME_MAX.as_secs()),
        })?
    }

    /// Where an attachment lies that `record` names; `None` when it is not there. Blocks.
    pub fn find(&self, record: &Record, sha256: &str) -> Result<Option<PathBuf>, RelayError> {
        for holder in Holder::all_of_record(record) {
            let path = self.path_of(holder, sha256)?;
            if path.is_file() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Where in this folder the files that `record` names may lie, whether or not they are there, and
    /// their hashes.
    pub fn paths_of(&self, record: &Record) -> Vec<(PathBuf, String)> {
        let holders: Vec<Holder<'_>> = Holder::all_of_record(record).collect();
        let names = record.event.attachments.iter().map(|file| file.sha256.as_str());
        let paths = names.flat_map(|name| holders.iter().map(move |holder| (*holder, name)));
        let within = |(holder, name)| {
            let path = self.path_of(holder, name).ok()?;
            Some((path.strip_prefix(self.disk.root()).ok()?.to_path_buf(), name.to_string()))
        };
        paths.filter_map(within).collect()
    }

    /// Whether there is a file at this place of the folder.
    pub fn has(&self, within: &Path) -> bool {
        self.disk.root().join(within).is_file()
    }

    /// Removes a file that nothing names since what was said at `said_at` is erased. None may be there.
    ///
    /// # Errors
    /// Where somebody sent the file again lately, and may be about to name it.
    pub fn remove(&self, within: &Path, said_at: Micros) -> io::Result<()> {
        let path = self.disk.root().join(within);
        // Nobody sends it again between the look and the removal.
        let _turn = self.turn.lock();
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let sent = metadata.modified()?;
        let said =
            SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(said_at.0).unwrap_or(0));
        if sent > said && sent.elapsed().is_ok_and(|since| since < NAMED_WITHIN) {
            return Err(io::Error::other("an attachment was sent again, and may be named yet"));
        }
        self.disk.remove(&path)
    }

    /// Opens an attachment that `record` names; `None` when it is not there. Blocks.
    pub fn open(&self, record: &Record, sha256: &str) -> Result<Option<std::fs::File>, RelayError> {
        for holder in Holder::all_of_record(record) {
            match std::fs::File::open(self.path_of(holder, sha256)?) {
                Ok(file) => return Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// [`AttachmentStore::open`], once the bytes were compared with their hash: what is handed out is what was
    /// sent. Blocks.
    ///
    /// # Errors
    /// [`RelayError::DamagedAttachment`] where it is not.
    pub fn open_compared(
        &self,
        record: &Record,
        sha256: &str,
    ) -> Result<Option<std::fs::File>, RelayError> {
        let Some(mut file) = self.open(record, sha256)? else { return Ok(None) };
        let found = hash_of(&mut file)?;
        if found != sha256 {
            tracing::error!(sha256, found, "an attachment is damaged");
            return Err(RelayError::DamagedAttachment { sha256: sha256.to_string(), found });
        }
        file.rewind()?;
        Ok(Some(file))
    }

    /// [`AttachmentStore::open_compared`] where it may block.
    pub async fn open_whole(
        &self,
        record: &Record,
        sha256: &str,
    ) -> Result<Option<File>, RelayError> {
        let (store, record, sha256) = (self.clone(), record.clone(), sha256.to_string());
        let file = on_blocking(move || store.open_compared(&record, &sha256)).await?;
        Ok(file.map(File::from_std))
    }
}

fn hash_of(file: &mut std::fs::File) -> io::Result<String> {
    let mut sha256 = Sha256::new();
    let mut piece = vec![0; HASHED_BYTES];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(hex::encode(sha256.finalize()));
        }
        sha256.update(&piece[..count]);
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug)]
struct Holder<'a> {
    shop: &'a str,
    /// `None`: the shop's side.
    customer: Option<&'a str>,
}

impl<'a> Holder<'a> {
    fn of_identity(identity: &'a Identity) -> Holder<'a> {
        let customer = identity.is_customer().then_some(identity.subject.as_str());
        Holder { shop: &identity.shop, customer }
    }

    /// Whose files a record may show: its customer's, and the shop's where the shop sent it.
    fn all_of_record(record: &'a Record) -> impl Iterator<Item = Holder<'a>> {
        let (shop, sender) = (record.shop.as_str(), &record.event.sender);
        let customer = (sender.role == Role::Customer).then_some(sender.id.as_str());
        let of_shop = customer.is_none() || record.by.is_some();
        let of_customer = customer.map(|_| Holder { shop, customer });
        of_customer.into_iter().chain(of_shop.then_some(Holder { shop, customer: None }))
    }
}

fn sweep(folder: &Path, before: SystemTime) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            there_still(sweep(&path, before))?;
        } else if entry.file_name().to_str().is_some_and(is_staging_name) {
            let changed = there_still(entry.metadata().and_then(|metadata| metadata.modified()))?;
            if changed.is_some_and(|changed| changed < before) {
                there_still(std::fs::remove_file(&path))?;
            }
        }
    }
    Ok(())
}

/// `None` of what has got its name, or has gone, meanwhile.
fn there_still<T>(looked: io::Result<T>) -> io::Result<Option<T>> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn hashed(name: &str, bytes: usize) -> String {
    hex::encode(&Sha256::digest(name.as_bytes())[..bytes])
}

impl Upload {
    fn start(disk: &Arc<Disk>, path: &Path) -> Result<Upload, RelayError> {
        let create = || Staged::create(disk, path, Mode::Usual);
        let staged = create().or_else(|error| match error.kind() {
            // A folder was taken away under the running relay; each file stands for itself, so a
            // new folder serves as well. (A table must not do that: its files belong together.)
            io::ErrorKind::NotFound => {
                disk.forget_directories();
                create()
            }
            _ => Err(error),
        })?;
        Ok(Upload { staged, sha256: Sha256::new(), bytes: 0 })
    }

    fn with(mut self, chunk: &[u8]) -> Result<Upload, RelayError> {
        self.bytes += chunk.len() as u64;
        if self.bytes > ATTACHMENT_BYTES_MAX as u64 {
            let found = format!("{} bytes or more", self.bytes);
            let rule = format!("be at most {ATTACHMENT_BYTES_MAX} bytes");
            return Err(FieldError::new("attachment", found, rule).into());
        }
        self.sha256.update(chunk);
        self.staged.write_all(chunk)?;
        Ok(self)
    }

    fn finish(self, sha256: &str, turn: &Mutex<()>) -> Result<u64, RelayError> {
        let actual = hex::encode(self.sha256.finalize());
        if actual != sha256 {
            let rule = format!("be the hash of the bytes sent, `{actual}`");
            return Err(FieldError::new("sha256", sha256, rule).into());
        }
        let _turn = turn.lock();
        self.staged.publish(Naming::Overwrite)?;
        Ok(self.bytes)
    }
}

/// Runs file work where it may block.
async fn on_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RelayError> + Send + 'static,
) -> Result<T, RelayError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::from)?
}

/// The media type that a file's own first bytes show, for the few a browser may display; everything
/// else is a download. The name and media type the sender gave do not count.
pub fn media_type_of(first_bytes: &[u8]) -> &'static str {
    match first_bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "audio/wav",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [b'I', b'D', b'3', ..] => "audio/mpeg",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::future;
    use futures::stream;
    use tokio::sync::oneshot;

    use super::*;
    use crate::access::operator;

    fn names_under(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names.extend(names_under(&path));
            } else {
                names.push(path.file_name().unwrap().to_str().unwrap().to_string());
            }
        }
        names
    }

    #[tokio::test]
    async fn a_folder_taken_away_under_a_running_relay_is_made_again() {
        let (folder, shop) = (tempfile::tempdir().unwrap(), operator("shop"));
        let root = folder.path().join("attachments");
        let store = AttachmentStore::open_or_create(&root, 0).unwrap();
        let sha256 = hex::encode(Sha256::digest(b"photo"));
        let path = store.path_of(Holder::of_identity(&shop), &sha256).unwrap();
        for taken in path.ancestors().skip(1).take(3) {
            let photo = stream::iter([Ok::<_, Infallible>(b"photo")]);
            assert_eq!(store.put(&shop, &sha256, photo).await.unwrap(), 5);
            std::fs::remove_dir_all(taken).unwrap();
            assert!(!path.exists());
            let photo = stream::iter([Ok::<_, Infallible>(b"photo")]);
            assert_eq!(store.put(&shop, &sha256, photo).await.unwrap(), 5, "{taken:?}");
            assert!(path.exists());
        }
    }

    #[test]
    fn what_a_death_left_of_an_upload_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = AttachmentStore::open_or_create(folder.path(), 0).unwrap();
        let within = folder.path().join("shop/ab");
        std::fs::create_dir_all(&within).unwrap();
        for name in ["kept", "left#1", "left#2"] {
            std::fs::write(within.join(name), "half").unwrap();
        }
        let hour = Duration::from_hours(1);
        store.sweep(SystemTime::now() - hour).unwrap();
        assert_eq!(names_under(folder.path()).len(), 3, "one that is written now may go on");
        store.sweep(SystemTime::now() + hour).unwrap();
        assert_eq!(names_under(folder.path()), ["kept"]);
    }

    /// Times of files are those of the last tick, a few milliseconds ago, or of whole seconds: an upload that began right
    /// after the process did seemed older than it, and was swept away under its own hands.
    #[test]
    fn no_upload_of_this_process_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = AttachmentStore::open_or_create(folder.path(), 0).unwrap();
        for number in 0..100 {
            let started = SystemTime::now();
            let staged = folder.path().join(format!("upload#{number}"));
            std::fs::write(&staged, "half").unwrap();
            store.sweep(started).unwrap();
            assert!(staged.exists(), "{number}");
        }
    }

    /// A client that goes away takes the request with it: nobody is left to tidy up but what is
    /// dropped.
    #[tokio::test]
    async fn an_upload_that_nobody_waits_for_leaves_nothing() {
        let (folder, shop) = (tempfile::tempdir().unwrap(), operator("shop"));
        let store = AttachmentStore::open_or_create(folder.path(), 0).unwrap();
        let sha256 = hex::encode(Sha256::digest(b"half"));
        let (reached, half_way) = oneshot::channel();
        let never = stream::once(async move {
            reached.send(()).unwrap();
            future::pending::<Result<&[u8], Infallible>>().await
        });
        let body = stream::iter([Ok(&b"half"[..])]).chain(never);
        let mut upload = Box::pin(store.put(&shop, &sha256, body));
        tokio::select! {
            _ = &mut upload => panic!("the body has no end"),
            reached = half_way => reached.unwrap(),
        }
        let names = names_under(folder.path());
        assert!(names.len() == 1 && is_staging_name(&names[0]), "{names:?}");
        drop(upload);
        assert_eq!(names_under(folder.path()), Vec::<String>::new());
        let whole = stream::iter([Ok::<_, Infallible>(&b"half"[..])]);
        assert_eq!(store.put(&shop, &sha256, whole).await.unwrap(), 4);
        assert_eq!(names_under(folder.path()), [sha256]);
    }
}
