//! An object store over the local disk whose every change is on stable storage before it is
//! reported.
//!
//! object_store's own `LocalFileSystem` syncs nothing: after a power cut the newest Delta commit
//! can be an empty file, which replays as "no rows" without any error. Reads and listings go to it;
//! every change goes through [`Disk`], whose module says which sync guarantees what. A copy is a
//! second link to the same bytes, synced before it is named; deletions sync their directories once
//! for each bundle that is ready.
//!
//! It does not cache, retry or know what a table is.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    RenameTargetMode, Result, UploadPart,
};

use crate::durable::{Disk, Mode, Naming, Staged};

/// Deletions that share one sync of their directory.
const DELETES_PER_SYNC: usize = 64;
const STORE: &str = "SyncedStore";

/// The store of one table: its `/` is the table's folder. So delta-rs and its kernel never see the
/// folder's own path, in which they would decode `%20` twice.
#[derive(Clone, Debug)]
pub(super) struct SyncedStore {
    inner: Arc<LocalFileSystem>,
    disk: Arc<Disk>,
}

impl SyncedStore {
    /// The store over the root of `disk`, which must exist.
    pub(super) fn new(disk: Disk) -> Result<SyncedStore> {
        let inner = LocalFileSystem::new_with_prefix(disk.root())?;
        Ok(SyncedStore { inner: Arc::new(inner), disk: Arc::new(disk) })
    }

    pub(super) fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    fn file_path(&self, location: &Path) -> Result<PathBuf> {
        self.inner.path_to_filesystem(location)
    }
}

impl fmt::Display for SyncedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(STORE)
    }
}

#[async_trait]
impl ObjectStore for SyncedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let naming = match options.mode {
            PutMode::Create => Naming::Create,
            PutMode::Overwrite => Naming::Overwrite,
            PutMode::Update(_) => return Err(not_implemented("put with PutMode::Update")),
        };
        let path = self.file_path(location)?;
        let disk = self.disk.clone();
        on_disk(path.clone(), move || {
            let mut staged = Staged::create(&disk, &path, Mode::Usual)?;
            payload.iter().try_for_each(|bytes| staged.write_all(bytes))?;
            staged.publish(naming)
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.file_path(location)?;
        let disk = self.disk.clone();
        let name = path.clone();
        let create = move || Staged::create(&disk, &name, Mode::Usual);
        let staged = on_disk(path.clone(), create).await?;
        Ok(Box::new(Upload { path, staged: Some(staged), written_bytes: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .ready_chunks(DELETES_PER_SYNC)
            .then(move |bundle| {
                let store = store.clone();
                async move { store.delete(bundle).await }
            })
            .flat_map(stream::iter)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let naming = match options.mode {
            CopyMode::Overwrite => Naming::Overwrite,
            CopyMode::Create => Naming::Create,
        };
        self.link(from, to, naming).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let naming = match options.target_mode {
            RenameTargetMode::Overwrite => Naming::Overwrite,
            RenameTargetMode::Create => Naming::Create,
        };
        self.link(from, to, naming).await?;
        let source = self.file_path(from)?;
        let disk = self.disk.clone();
        on_disk(source.clone(), move || disk.remove(&source)).await
    }
}

impl SyncedStore {
    async fn link(&self, from: &Path, to: &Path, naming: Naming) -> Result<()> {
        let (source, target) = (self.file_path(from)?, self.file_path(to)?);
        let (disk, existing, name) = (self.disk.clone(), source.clone(), target.clone());
        let staged = on_disk(source, move || Staged::link(&disk, &existing, &name)).await?;
        on_disk(target, move || staged.publish(naming)).await
    }

    /// Deletes what it can and answers for each; an error alone when the deletions may not last.
    async fn delete(&self, bundle: Vec<Result<Path>>) -> Vec<Result<Path>> {
        let store = self.clone();
        let deleted = on_disk(self.disk.root().to_path_buf(), move || {
            let mut directories = BTreeSet::new();
            let mut delete = |location: Path| {
                let path = store.file_path(&location)?;
                store.disk.unlink(&path).map_err(|error| store_error(&path, error))?;
                directories.extend(path.parent().map(FsPath::to_path_buf));
                Ok(location)
            };
            let each = bundle.into_iter().map(|location| location.and_then(&mut delete));
            let deleted: Vec<Result<Path>> = each.collect();
            directories.iter().try_for_each(|directory| store.disk.sync_directory(directory))?;
            Ok(deleted)
        });
        deleted.await.unwrap_or_else(|error| vec![Err(error)])
    }
}

/// Parts go to their place in the staged file as they come; the name is given at the end.
#[derive(Debug)]
struct Upload {
    path: PathBuf,
    staged: Option<Staged>,
    written_bytes: u64,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let mut position = self.written_bytes;
        self.written_bytes += data.content_length() as u64;
        let path = self.path.clone();
        let writer = match &self.staged {
            Some(staged) => staged.writer(),
            None => Err(finished()),
        };
        Box::pin(on_disk(path, move || {
            let writer = writer?;
            for bytes in &data {
                writer.write_all_at(bytes, position)?;
                position += bytes.len() as u64;
            }
            Ok(())
        }))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.staged.take();
        on_disk(self.path.clone(), move || staged.ok_or_else(finished)?.publish(Naming::Overwrite))
            .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.staged = None;
        Ok(())
    }
}

fn finished() -> io::Error {
    io::Error::other("the upload was finished before")
}

/// Runs file work where it may block; `path` names it in errors.
async fn on_disk<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(store_error(&path, error)),
        Err(source) => Err(Error::JoinError { source }),
    }
}

fn store_error(path: &FsPath, error: io::Error) -> Error {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: error.into() },
        io::ErrorKind::NotFound => Error::NotFound { path, source: error.into() },
        _ => Error::Generic {
            store: STORE,
            source: io::Error::new(error.kind(), format!("`{path}`: {error}")).into(),
        },
    }
}

fn not_implemented(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_string(), implementer: STORE.to_string() }
}
