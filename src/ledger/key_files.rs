//! The files of a ledger's keys:
//!
//! ```text
//! keys/ledger.key          origin, secret, and the keys before it; for its owner alone, in no backup
//! keys/ledger.checkpoint   what was signed last, written before anybody is shown it
//! keys/ledger.keys         the public keys, of now and before: the part of the first that is no secret
//! ```
//! Invariants: a key that others may read is not used; the secret is never printed.
//! What may be signed, and what follows a key, is not its business.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::checkpoint::Checkpoint;
use super::note::{LedgerKey, VerifierKey};
use super::{LedgerError, NoteError};
use crate::durable::{self, Mode};

/// Left out of backups.
pub const KEY_FILE: &str = "ledger.key";
pub(super) const CHECKPOINT_FILE: &str = "ledger.checkpoint";
pub(super) const PUBLIC_FILE: &str = "ledger.keys";

/// The keys of a ledger, without what is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicKeys {
    /// The name under which it signs.
    pub origin: String,
    /// The key that signs now, as C2SP writes it.
    pub vkey: String,
    /// The same for `openssl`.
    pub pem: String,
    /// Those before it, from the oldest on.
    pub previous: Vec<PreviousKey>,
}

/// A key that signs no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviousKey {
    pub vkey: String,
    /// Leaves in the last tree that it signed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// That checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// What it signed about what comes after it; `None` where it was lost before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// What the key file holds.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyFile {
    pub(super) origin: String,
    pub(super) secret: String,
    #[serde(default)]
    pub(super) previous: Vec<PreviousKey>,
}

pub(super) fn public_of(key: &LedgerKey, previous: Vec<PreviousKey>) -> PublicKeys {
    let public = key.public();
    let (origin, vkey) = (public.name().to_string(), public.to_string());
    PublicKeys { origin, vkey, pem: public.to_pem(), previous }
}

pub(super) fn key_of(dir: &Path, file: &KeyFile) -> Result<LedgerKey, LedgerError> {
    let path = dir.join(KEY_FILE);
    let mut secret = [0; 32];
    // What is wrong with it is told without showing it.
    hex::decode_to_slice(&file.secret, &mut secret).map_err(|_| LedgerError::Key {
        path: path.clone(),
        detail: "the secret is not 64 hex digits".to_string(),
    })?;
    Ok(LedgerKey::from_bytes(&file.origin, &secret)?)
}

pub(super) fn read_key_file(dir: &Path) -> Result<Option<KeyFile>, LedgerError> {
    let path = dir.join(KEY_FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(LedgerError::of_io(&path))?,
    };
    let metadata = fs::metadata(&path).map_err(LedgerError::of_io(&path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(LedgerError::KeyExposed { path, mode });
    }
    // serde's message may quote what it read.
    serde_json::from_str(&text).map(Some).map_err(|error| LedgerError::Key {
        path,
        detail: format!("no such JSON, at line {} column {}", error.line(), error.column()),
    })
}

pub(super) fn read_signed(
    dir: &Path,
    keys: &[VerifierKey],
) -> Result<Option<Checkpoint>, LedgerError> {
    let path = dir.join(CHECKPOINT_FILE);
    let note = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        note => note.map_err(LedgerError::of_io(&path))?,
    };
    let unknown = |error: NoteError| LedgerError::SignedUnknown { path, detail: error.to_string() };
    Checkpoint::open(&note, keys).map(Some).map_err(unknown)
}

pub(super) fn read_public(dir: &Path) -> Result<Option<PublicKeys>, LedgerError> {
    let path = dir.join(PUBLIC_FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(LedgerError::of_io(&path))?,
    };
    let unreadable = |error: serde_json::Error| LedgerError::Key {
        path: path.clone(),
        detail: error.to_string(),
    };
    serde_json::from_str(&text).map(Some).map_err(unreadable)
}

/// Writes the key with those before it, in one step, then what of it is public.
pub(super) fn write_keys(
    dir: &Path,
    key: &LedgerKey,
    previous: Vec<PreviousKey>,
) -> Result<PublicKeys, LedgerError> {
    let path = dir.join(KEY_FILE);
    let (origin, secret) = (key.public().name().to_string(), hex::encode(key.secret()));
    let file = KeyFile { origin, secret, previous };
    write(&path, Mode::Private, &json(&file, &path)?)?;
    let public = public_of(key, file.previous);
    write_public(dir, &public)?;
    Ok(public)
}

pub(super) fn write_public(dir: &Path, public: &PublicKeys) -> Result<(), LedgerError> {
    if read_public(dir).ok().flatten().as_ref() == Some(public) {
        return Ok(());
    }
    let path = dir.join(PUBLIC_FILE);
    write(&path, Mode::Private, &json(public, &path)?)
}

fn json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, LedgerError> {
    let key = |error: serde_json::Error| LedgerError::Key {
        path: path.to_path_buf(),
        detail: error.to_string(),
    };
    let mut text = serde_json::to_vec_pretty(value).map_err(key)?;
    text.push(b'\n');
    Ok(text)
}

pub(super) fn write(path: &Path, mode: Mode, bytes: &[u8]) -> Result<(), LedgerError> {
    durable::write(path, mode, bytes).map_err(LedgerError::of_io(path))
}
