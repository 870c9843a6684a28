//! Where a file of rows goes. What breaks off leaves no file that looks complete: it has its name only
//! when it is whole and durable.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::durable::{Mode, Naming, Staged};

/// Bytes that are gathered for one write.
const BUFFER_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Stdout,
    Path(PathBuf),
}

/// What takes the bytes.
pub(super) type Out = Box<dyn Write + Send>;

impl Destination {
    /// A path; standard output where there is none, or `-`.
    pub(super) fn of(path: Option<&Path>) -> Destination {
        match path {
            Some(path) if path != Path::new("-") => Destination::Path(path.to_path_buf()),
            _ => Destination::Stdout,
        }
    }

    /// Has it written by `write`. What is no file, a pipe or a device, is written to as it is. A link
    /// stays one: the file that it leads to is replaced.
    pub(super) async fn fill<T>(
        &self,
        write: impl AsyncFnOnce(Out) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let path = match self {
            Destination::Stdout => return write(Box::new(BufWriter::new(io::stdout()))).await,
            Destination::Path(path) => path,
        };
        let cannot_open = || format!("cannot open `{}`", path.display());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {
                let path = path.canonicalize().with_context(cannot_open)?;
                fill_file(&path, write).await
            }
            Ok(metadata) if metadata.is_dir() => bail!("`{}` is a folder", path.display()),
            Ok(_) => {
                let file = File::options().write(true).open(path).with_context(cannot_open)?;
                write(Box::new(BufWriter::with_capacity(BUFFER_BYTES, file))).await
            }
            Err(_) => fill_file(path, write).await,
        }
    }
}

/// Does what may be interrupted: what it staged goes with it.
pub(super) async fn interruptible<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        // Heard of before anything is staged.
        biased;
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            bail!("interrupted");
        }
        done = work => done,
    }
}

async fn fill_file<T>(
    path: &Path,
    write: impl AsyncFnOnce(Out) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let cannot_create = || format!("cannot create `{}`", path.display());
    let staged = Staged::alone(path, Mode::Usual).with_context(cannot_create)?;
    let writer = staged.writer().with_context(cannot_create)?;
    let written = write(Box::new(BufWriter::with_capacity(BUFFER_BYTES, writer))).await?;
    let named = staged.publish(Naming::Overwrite);
    named.with_context(|| format!("cannot name `{}`", path.display()))?;
    Ok(written)
}
