//! A small file of JSON in the data directory.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::durable::{self, Mode};

/// What the file says; nothing where it is not there.
pub(super) fn read<T: DeserializeOwned + Default>(path: &Path) -> anyhow::Result<T> {
    let read = match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    };
    read.with_context(|| format!("cannot read `{}`", path.display()))
}

/// Writes it, durably and whole.
pub(super) fn write(path: &Path, said: &impl Serialize) -> anyhow::Result<()> {
    let bytes = serde_json::to_vec(said)?;
    durable::write(path, Mode::Private, &bytes)
        .with_context(|| format!("cannot write `{}`", path.display()))
}
