//! Attachments: bytes kept by their hash, apart per shop. A file is there whole or not at all.

use std::path::{Path, PathBuf};

use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::RelayError;
use crate::model::{FieldError, is_sha256_hex};

/// Largest attachment: streamed to disk, so this bounds disk and time, not memory.
pub const ATTACHMENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The folder of attachments.
#[derive(Clone)]
pub struct AttachmentStore {
    dir: PathBuf,
}

impl AttachmentStore {
    pub fn new(dir: PathBuf) -> AttachmentStore {
        AttachmentStore { dir }
    }

    /// Where a shop's attachment lies, whether or not it is there. The shop's name is hashed because it may hold any
    /// character, `..` and `/` among them.
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
        Ok(self.dir.join(shop).join(&sha256[..2]).join(sha256))
    }

    /// Keeps the bytes of `body` under their hash, which must be `sha256`. On return they are on stable storage.
    /// Returns their count.
    pub async fn put<B, E>(
        &self,
        shop: &str,
        sha256: &str,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<u64, RelayError>
    where
        B: AsRef<[u8]>,
        E: std::fmt::Display,
    {
        let path = self.path_of(shop, sha256)?;
        let folder = path.parent().unwrap_or(&self.dir).to_path_buf();
        fs::create_dir_all(&folder).await?;
        let unfinished = folder.join(format!("{sha256}.{:016x}.part", rand::random::<u64>()));
        let written = self.write(&unfinished, sha256, body).await;
        match written {
            Ok(bytes) => {
                fs::rename(&unfinished, &path).await?;
                sync_up_to(&folder, &self.dir).await?;
                Ok(bytes)
            }
            Err(error) => {
                // Best effort: what stays behind is a `.part` that no reader looks at.
                let _ = fs::remove_file(&unfinished).await;
                Err(error)
            }
        }
    }

    async fn write<B, E>(
        &self,
        path: &Path,
        sha256: &str,
        body: impl Stream<Item = Result<B, E>>,
    ) -> Result<u64, RelayError>
    where
        B: AsRef<[u8]>,
        E: std::fmt::Display,
    {
        let mut file = File::create(path).await?;
        let mut hasher = Sha256::new();
        let mut bytes = 0_u64;
        let mut body = std::pin::pin!(body);
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| RelayError::UploadBrokeOff { reason: error.to_string() })?;
            let chunk = chunk.as_ref();
            bytes += chunk.len() as u64;
            if bytes > ATTACHMENT_BYTES_MAX as u64 {
                let rule = format!("be at most {ATTACHMENT_BYTES_MAX} bytes");
                return Err(
                    FieldError::new("attachment", format!("{bytes} bytes or more"), rule).into()
                );
            }
            hasher.update(chunk);
            file.write_all(chunk).await?;
        }
        let actual = hex::encode(hasher.finalize());
        if actual != sha256 {
            return Err(FieldError::new(
                "sha256",
                sha256,
                format!("be the hash of the bytes sent, `{actual}`"),
            )
            .into());
        }
        file.sync_all().await?;
        Ok(bytes)
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

/// Syncs `folder` and each folder above it up to `top`, so that the names leading to a new file are durable too.
async fn sync_up_to(folder: &Path, top: &Path) -> std::io::Result<()> {
    for ancestor in folder.ancestors() {
        File::open(ancestor).await?.sync_all().await?;
        if ancestor == top {
            break;
        }
    }
    Ok(())
}

/// The media type that a file's own first bytes show, for the few a browser may display; everything else is a
/// download. The name and media type the sender gave do not count.
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
