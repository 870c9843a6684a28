//! Attachments: bytes kept by their hash, apart per shop. A file is there whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::fs::File;

use super::RelayError;
use super::held::DiskSpace;
use crate::durable::{Disk, Mode, Naming, Staged};
use crate::model::{FieldError, is_sha256_hex};

/// Largest attachment: streamed to disk, so this bounds disk and time, not memory.
pub const ATTACHMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Longest that an upload may pause.
const CHUNK_TIME_MAX: Duration = Duration::from_secs(30);

/// The folder of attachments.
#[derive(Clone)]
pub struct AttachmentStore {
    disk: Arc<Disk>,
    space: DiskSpace,
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
        Ok(AttachmentStore { disk: Arc::new(Disk::open(dir)?), space })
    }

    /// Where a shop's attachment lies, whether or not it is there. The shop's name is hashed
    /// because it may hold any character, `..` and `/` among them.
    pub fn path_of(&self, shop: &str, sha256: &str) -> Result<PathBuf, RelayError> {
        if !is_sha256_hex(sha256) {
            return Err(FieldError::new(
                "sha256",
                sha256,
                "be a SHA-256 in 64 lower-case hex digits",
            )
            .into());
        }
        let shop = hex::encode(&Sha256::digest(shop.as_bytes())[..8]);
        Ok(self.disk.root().join(shop).join(&sha256[..2]).join(sha256))
    }

    /// Keeps the bytes of `body` under their hash, which must be `sha256`. On return they are on
    /// stable storage. Returns their count.
    pub async fn put<B, E>(
        &self,
        shop: &str,
        sha256: &str,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<u64, RelayError>
    where
        B: AsRef<[u8]> + Send + 'static,
        E: std::fmt::Display,
    {
        self.space.clone().check()?;
        let (disk, path) = (self.disk.clone(), self.path_of(shop, sha256)?);
        let mut upload = on_blocking(move || Upload::start(&disk, &path)).await?;
        let mut body = std::pin::pin!(body);
        loop {
            let chunk = tokio::time::timeout(CHUNK_TIME_MAX, body.next()).await;
            let chunk = chunk.map_err(|_| RelayError::UploadBrokeOff {
                reason: format!("nothing came for {} s", CHUNK_TIME_MAX.as_secs()),
            })?;
            let Some(chunk) = chunk else { break };
            self.space.clone().check()?;
            let chunk =
                chunk.map_err(|error| RelayError::UploadBrokeOff { reason: error.to_string() })?;
            upload = on_blocking(move || upload.with(chunk.as_ref())).await?;
        }
        let sha256 = sha256.to_string();
        on_blocking(move || upload.finish(&sha256)).await
    }

    /// Opens a kept attachment; `None` when it is not there.
    pub async fn open(&self, shop: &str, sha256: &str) -> Result<Option<File>, RelayError> {
        match File::open(self.path_of(shop, sha256)?).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
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

    fn finish(self, sha256: &str) -> Result<u64, RelayError> {
        let actual = hex::encode(self.sha256.finalize());
        if actual != sha256 {
            let rule = format!("be the hash of the bytes sent, `{actual}`");
            return Err(FieldError::new("sha256", sha256, rule).into());
        }
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
    use crate::durable::is_staging_name;

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
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("attachments");
        let store = AttachmentStore::open_or_create(&root, 0).unwrap();
        let sha256 = hex::encode(Sha256::digest(b"photo"));
        let path = store.path_of("shop", &sha256).unwrap();
        for taken in path.ancestors().skip(1).take(3) {
            let photo = stream::iter([Ok::<_, Infallible>(b"photo")]);
            assert_eq!(store.put("shop", &sha256, photo).await.unwrap(), 5);
            std::fs::remove_dir_all(taken).unwrap();
            assert!(store.open("shop", &sha256).await.unwrap().is_none());
            let photo = stream::iter([Ok::<_, Infallible>(b"photo")]);
            assert_eq!(store.put("shop", &sha256, photo).await.unwrap(), 5, "{taken:?}");
            assert!(store.open("shop", &sha256).await.unwrap().is_some());
        }
    }

    /// A client that goes away takes the request with it: nobody is left to tidy up but what is
    /// dropped.
    #[tokio::test]
    async fn an_upload_that_nobody_waits_for_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = AttachmentStore::open_or_create(folder.path(), 0).unwrap();
        let sha256 = hex::encode(Sha256::digest(b"half"));
        let (reached, half_way) = oneshot::channel();
        let never = stream::once(async move {
            reached.send(()).unwrap();
            future::pending::<Result<&[u8], Infallible>>().await
        });
        let body = stream::iter([Ok(&b"half"[..])]).chain(never);
        let mut upload = Box::pin(store.put("s", &sha256, body));
        tokio::select! {
            _ = &mut upload => panic!("the body has no end"),
            reached = half_way => reached.unwrap(),
        }
        let names = names_under(folder.path());
        assert!(names.len() == 1 && is_staging_name(&names[0]), "{names:?}");
        assert!(store.open("s", &sha256).await.unwrap().is_none());
        drop(upload);
        assert_eq!(names_under(folder.path()), Vec::<String>::new());
        let whole = stream::iter([Ok::<_, Infallible>(&b"half"[..])]);
        assert_eq!(store.put("s", &sha256, whole).await.unwrap(), 4);
        assert_eq!(names_under(folder.path()), [sha256]);
    }
}
