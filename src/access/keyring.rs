//! The folder of keys: what tokens are signed with, and which of them no longer count.
//!
//! ```text
//! token.key, token-2.key, …   32 bytes in hex; the newest signs, all of them check
//! issued.jsonl                what `verbatim token` has made: ids and claims, never a token
//! revoked.jsonl               ids of tokens, and subjects with the second up to which theirs are
//! ```

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::durable::{self, Disk, Mode};

const KEY_BYTES: usize = 32;
const ISSUED_FILE: &str = "issued.jsonl";
const REVOKED_FILE: &str = "revoked.jsonl";
const LOCK_FILE: &str = "lock";

/// What the folder holds at one moment.
pub(super) struct Keyring {
    /// By the name that a token's `kid` says, from the oldest on.
    pub(super) keys: Vec<(String, [u8; KEY_BYTES])>,
    revoked: Revoked,
}

/// A token that was made, without what would let anybody use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    pub id: String,
    pub sub: String,
    pub shop: String,
    pub roles: Vec<super::TokenRole>,
    /// Seconds since the epoch, as `expires_at`.
    pub issued_at: u64,
    pub expires_at: u64,
    /// Name of the key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What a token that was made is worth, but for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    Good,
    Revoked,
    /// The key that signed it is gone.
    KeyRetired,
}

impl TokenState {
    /// Whether a token of this state counts at a second.
    pub fn counts(self, token: &IssuedToken, now: u64) -> bool {
        self == TokenState::Good && token.expires_at > now
    }
}

/// What no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Revocation {
    Token {
        id: String,
    },
    /// Every token of a subject that was made up to this second.
    Subject {
        shop: String,
        sub: String,
        up_to: u64,
    },
}

#[derive(Default)]
struct Revoked {
    ids: HashSet<String>,
    subjects: HashMap<(String, String), u64>,
}

impl Keyring {
    /// Reads the folder.
    pub(super) fn read(dir: &Path) -> io::Result<Keyring> {
        let mut keys = Vec::new();
        for number in 1.. {
            let (name, path) = (number.to_string(), key_path(dir, number));
            match fs::read_to_string(&path) {
                Ok(text) => keys.push((name, key_of(&text, &path)?)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // An older one may have been retired.
                    if number >= newest(dir)? {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let mut revoked = Revoked::default();
        for revocation in read_lines::<Revocation>(&dir.join(REVOKED_FILE))? {
            revoked.add(revocation);
        }
        Ok(Keyring { keys, revoked })
    }

    pub(super) fn is_revoked(&self, id: &str, shop: &str, sub: &str, issued_at: u64) -> bool {
        let of_subject = (shop.to_string(), sub.to_string());
        self.revoked.ids.contains(id)
            || self.revoked.subjects.get(&of_subject).is_some_and(|up_to| issued_at <= *up_to)
    }
}

impl Revoked {
    fn add(&mut self, revocation: Revocation) {
        match revocation {
            Revocation::Token { id } => drop(self.ids.insert(id)),
            Revocation::Subject { shop, sub, up_to } => {
                let known = self.subjects.entry((shop, sub)).or_default();
                *known = up_to.max(*known);
            }
        }
    }
}

/// Makes the first key, where there is none.
pub(super) fn make_first_key(dir: &Path) -> io::Result<()> {
    if newest(dir)? == 0 { make_key(dir, 1) } else { Ok(()) }
}

/// Makes a key that signs from now on; returns its name. Those before it go on checking.
pub fn rotate(dir: &Path) -> io::Result<String> {
    let _turn = turn(dir)?;
    let number = newest(dir)? + 1;
    make_key(dir, number)?;
    Ok(number.to_string())
}

/// Takes a key away: what it signed no longer counts.
///
/// # Errors
/// Where there is no such key, or none but this.
pub fn retire(dir: &Path, name: &str) -> io::Result<()> {
    let _turn = turn(dir)?;
    let names: Vec<String> = Keyring::read(dir)?.keys.into_iter().map(|(name, _)| name).collect();
    let refused = |rule: &str| {
        let known = names.join(", ");
        let detail = format!("key `{name}` {rule}; there are {known}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, detail))
    };
    match names.iter().position(|known| known == name) {
        None => refused("does not exist"),
        Some(place) if place + 1 == names.len() => refused("signs tokens: `token rotate` first"),
        Some(_) => Disk::at(dir).remove(&key_path(dir, name.parse().unwrap_or_default())),
    }
}

/// Adds to what no longer counts.
pub fn revoke(dir: &Path, revocation: &Revocation) -> io::Result<()> {
    append_line(dir, REVOKED_FILE, revocation)
}

/// Remembers a token that was made.
pub fn note_issued(dir: &Path, issued: &IssuedToken) -> io::Result<()> {
    append_line(dir, ISSUED_FILE, issued)
}

/// The tokens that were made, each with what it is worth.
pub fn issued(dir: &Path) -> io::Result<Vec<(IssuedToken, TokenState)>> {
    let keyring = Keyring::read(dir)?;
    let tokens = read_lines::<IssuedToken>(&dir.join(ISSUED_FILE))?.into_iter();
    let is_there = |key: &String| keyring.keys.iter().any(|(name, _)| name == key);
    let with_state = |token: IssuedToken| {
        let IssuedToken { id, shop, sub, issued_at, key, .. } = &token;
        let state = if keyring.is_revoked(id, shop, sub, *issued_at) {
            TokenState::Revoked
        } else if !key.as_ref().is_none_or(is_there) {
            TokenState::KeyRetired
        } else {
            TokenState::Good
        };
        (token, state)
    };
    Ok(tokens.map(with_state).collect())
}

fn key_path(dir: &Path, number: u32) -> PathBuf {
    match number {
        1 => dir.join("token.key"),
        _ => dir.join(format!("token-{number}.key")),
    }
}

/// The highest number of a key, 0 where there is none.
fn newest(dir: &Path) -> io::Result<u32> {
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        listing => listing?,
    };
    let mut newest = 0;
    for entry in listing {
        let name = entry?.file_name();
        let number = match name.to_str().and_then(|name| name.strip_suffix(".key")) {
            Some("token") => Some(1),
            Some(name) => name.strip_prefix("token-").and_then(|number| number.parse().ok()),
            None => None,
        };
        newest = newest.max(number.unwrap_or(0));
    }
    Ok(newest)
}

fn key_of(text: &str, path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let invalid = |detail: String| {
        io::Error::new(io::ErrorKind::InvalidData, format!("`{}`: {detail}", path.display()))
    };
    let key = hex::decode(text.trim()).map_err(|error| invalid(error.to_string()))?;
    let bytes = key.len();
    key.try_into().map_err(|_| invalid(format!("{bytes} bytes, want {KEY_BYTES}")))
}

fn make_key(dir: &Path, number: u32) -> io::Result<()> {
    let key: [u8; KEY_BYTES] = rand::random();
    durable::make_directory(dir)?;
    // Whole or absent: a crash must not leave half a key, which then signs nothing.
    let text = format!("{}\n", hex::encode(key));
    durable::write(&key_path(dir, number), Mode::Private, text.as_bytes())
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let mut read = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        read.push(serde_json::from_str(line).map_err(|error| {
            let detail = format!("`{}` line {number}: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, detail)
        })?);
    }
    Ok(read)
}

/// Adds a line. A crash leaves the list as it was or with the whole line: half of one would be a list
/// that cannot be read, and a service that does not start.
fn append_line(dir: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    let _turn = turn(dir)?;
    let path = dir.join(name);
    let mut text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    text.push_str(&serde_json::to_string(value)?);
    text.push('\n');
    // It names who may do what.
    durable::write(&path, Mode::Private, text.as_bytes())
}

/// Held while the folder is changed: of two commands at once, neither takes back what the other did.
fn turn(dir: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(0o600);
    let lock = options.open(dir.join(LOCK_FILE))?;
    lock.lock()?;
    Ok(lock)
}
