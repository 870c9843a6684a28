//! What the ledger signs with, and what it signed last: kept beside the other keys and apart from the
//! tree, so that a tree made anew must come out as it was signed. Its files are `key_files`'.
//!
//! A ledger's life ends with its key: a copy of the data directory that `verbatim backup` made has
//! none, because two directories that sign under one key would sooner or later sign two different
//! trees. The copy begins a new ledger over the same records when it is first served, with a name of
//! its own, and says which one it follows.
//!
//! Invariant: where there is a key, what it signed last is there too, or nothing is signed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::key_files::{
    CHECKPOINT_FILE, PreviousKey, PublicKeys, key_of, public_of, read_key_file, read_public,
    read_signed, write, write_keys, write_public,
};
use super::multiproof::empty_root;
use super::note::{LedgerKey, VerifierKey, check_name};
use super::{LedgerError, NoteError};
use crate::durable::{self, Disk, Mode, Naming, Staged};

/// What a ledger is called to begin with, where nothing is set.
const USUAL_NAME: &str = "verbatim";

/// How a ledger goes on after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// Another key signs the same ledger.
    Rotated,
    /// Another ledger begins.
    Ended,
}

/// The folder's keys, and what was signed last.
pub(super) struct LedgerKeys {
    /// The folder of keys.
    pub(super) disk: Arc<Disk>,
    pub(super) key: LedgerKey,
    pub(super) public: PublicKeys,
    /// By this key, or by one before it that named this one.
    pub(super) signed: Checkpoint,
}

impl LedgerKeys {
    /// Reads the keys in `dir`, or begins a ledger there, called `configured` where that is set.
    pub(super) fn open_or_create(
        dir: &Path,
        configured: Option<&str>,
    ) -> Result<LedgerKeys, LedgerError> {
        let Some(file) = read_key_file(dir)? else { return begin(dir, configured, false) };
        let key = key_of(dir, &file)?;
        if let Some(configured) = configured
            && !is_name_of(&file.origin, configured)
        {
            let configured = configured.to_string();
            return Err(LedgerError::OtherOrigin { origin: file.origin, configured });
        }
        let known = known_keys(&key, &file.previous);
        let signed = match read_signed(dir, &known)? {
            Some(signed) if is_of_this_ledger(&signed, &key, &file.previous) => signed,
            // The new ledger has begun, and has signed nothing yet.
            Some(_) => sign_empty(dir, &key)?,
            None => {
                let path = dir.join(CHECKPOINT_FILE);
                let detail = "it is missing".to_string();
                return Err(LedgerError::SignedUnknown { path, detail });
            }
        };
        let public = public_of(&key, file.previous);
        write_public(dir, &public)?;
        Ok(LedgerKeys { disk: disk_at(dir)?, key, public, signed })
    }

    /// Signs a tree and remembers that, durably. Nobody may be shown the checkpoint before.
    ///
    /// Whether it follows from what was signed before is the caller's to know.
    pub(super) fn sign(&mut self, size: u64, root: [u8; 32]) -> Result<&Checkpoint, LedgerError> {
        let checkpoint = Checkpoint::sign(&self.key, size, root)?;
        let path = self.disk.root().join(CHECKPOINT_FILE);
        let write = || -> io::Result<()> {
            let mut staged = Staged::create(&self.disk, &path, Mode::Private)?;
            staged.write_all(checkpoint.note.as_bytes())?;
            staged.publish(Naming::Overwrite)
        };
        write().map_err(LedgerError::of_io(&path))?;
        self.signed = checkpoint;
        Ok(&self.signed)
    }
}

/// What was signed last, and when, where there is a ledger that can still sign.
pub fn last_signed(dir: &Path) -> Result<Option<(Checkpoint, std::time::SystemTime)>, LedgerError> {
    let Some(file) = read_key_file(dir)? else { return Ok(None) };
    let key = key_of(dir, &file)?;
    let Some(signed) = read_signed(dir, &known_keys(&key, &file.previous))? else {
        return Ok(None);
    };
    if !is_of_this_ledger(&signed, &key, &file.previous) {
        return Ok(None);
    }
    let path = dir.join(CHECKPOINT_FILE);
    let at = fs::metadata(&path).and_then(|metadata| metadata.modified());
    Ok(Some((signed, at.map_err(LedgerError::of_io(&path))?)))
}

/// The public keys of the ledger whose keys are in `dir`.
pub fn public_keys(dir: &Path) -> Result<PublicKeys, LedgerError> {
    if let Some(file) = read_key_file(dir)? {
        let key = key_of(dir, &file)?;
        return Ok(public_of(&key, file.previous));
    }
    read_public(dir)?.ok_or_else(|| LedgerError::NoLedger { path: dir.to_path_buf() })
}

/// Lets a new key sign from now on. The old one signs a statement that names it, by which whoever
/// trusts the old one can go on. Nobody may serve the ledger meanwhile.
pub fn rotate(dir: &Path) -> Result<PublicKeys, LedgerError> {
    let no_ledger = || LedgerError::NoLedger { path: dir.to_path_buf() };
    let file = read_key_file(dir)?.ok_or_else(no_ledger)?;
    let old = key_of(dir, &file)?;
    let signed = read_signed(dir, &known_keys(&old, &file.previous))?.ok_or_else(no_ledger)?;
    let new = LedgerKey::random(&file.origin)?;
    let statement = old.sign(&statement(&old, new.public(), signed.size, Succession::Rotated))?;
    let mut previous = file.previous;
    previous.push(PreviousKey {
        vkey: old.public().to_string(),
        until: Some(signed.size),
        checkpoint: Some(signed.note),
        statement: Some(statement),
    });
    write_keys(dir, &new, previous)
}

/// Begins a new ledger: another key, another name, nothing signed. For when records are gone for
/// good, and the ledger of before can never come out again as it was signed.
pub fn begin_anew(dir: &Path, configured: Option<&str>) -> Result<PublicKeys, LedgerError> {
    Ok(begin(dir, configured, true)?.public)
}

/// What an old key says of the key after it: the text of a note that the old one signs. Its second line
/// is no number, so that nobody takes it for a checkpoint.
fn statement(old: &LedgerKey, new: &VerifierKey, size: u64, succession: Succession) -> String {
    let says = match succession {
        Succession::Rotated => ROTATED,
        Succession::Ended => ENDED,
    };
    format!("{}\n{says}\n{size}\n{}\n{new}\n", old.public().name(), old.public())
}

const ROTATED: &str = "verbatim/ledger-key-rotated/v1";
const ENDED: &str = "verbatim/ledger-ended/v1";

/// Which key follows `old`, how, and from which size on, as `old` itself says in `statement`.
pub fn successor(
    old: &VerifierKey,
    statement: &str,
) -> Result<(VerifierKey, Succession, u64), NoteError> {
    let malformed = || NoteError::Malformed { detail: "it says nothing of a key".to_string() };
    let text = old.open(statement.as_bytes())?;
    let lines: Vec<&str> = text.lines().collect();
    let [origin, says, size, by, new] = lines.as_slice() else { return Err(malformed()) };
    let succession = match *says {
        ROTATED => Succession::Rotated,
        ENDED => Succession::Ended,
        _ => return Err(malformed()),
    };
    if *origin != old.name() || *by != old.to_string() {
        return Err(malformed());
    }
    let new = VerifierKey::parse(new)?;
    if succession == Succession::Rotated && new.name() != old.name() {
        return Err(malformed());
    }
    Ok((new, succession, size.parse().map_err(|_| malformed())?))
}

/// Begins a ledger after whatever was here before, of which the public keys and what was signed last
/// may be left. `by_hand`: the old key may be there still, and says that it ended.
fn begin(dir: &Path, configured: Option<&str>, by_hand: bool) -> Result<LedgerKeys, LedgerError> {
    durable::make_directory(dir).map_err(LedgerError::of_io(dir))?;
    let before = if by_hand { read_key_file(dir)? } else { None };
    let public = match &before {
        Some(file) => Some(public_of(&key_of(dir, file)?, file.previous.clone())),
        None => read_public(dir)?,
    };
    let mut previous = Vec::new();
    let mut last = None;
    if let Some(public) = public {
        previous = public.previous;
        last = Some(VerifierKey::parse(&public.vkey)?);
    }
    let origin = name_of_new(configured, &previous, last.as_ref());
    let key = LedgerKey::random(&origin)?;
    if let Some(last) = last {
        // It may be gone, or not be this one's. Where the key was exchanged a moment ago it is still by
        // the one before.
        let known: Vec<VerifierKey> = previous
            .iter()
            .filter_map(|previous| VerifierKey::parse(&previous.vkey).ok())
            .collect();
        let signed = read_signed(dir, &[vec![last.clone()], known].concat()).ok().flatten();
        let signed = signed.filter(|signed| signed.origin == last.name());
        let until = signed.as_ref().map(|signed| signed.size);
        let statement = match &before {
            Some(file) => {
                let old = key_of(dir, file)?;
                let text = statement(&old, key.public(), until.unwrap_or(0), Succession::Ended);
                Some(old.sign(&text)?)
            }
            None => None,
        };
        let checkpoint = signed.map(|signed| signed.note);
        previous.push(PreviousKey { vkey: last.to_string(), until, checkpoint, statement });
    }
    // The first of all: a key without anything signed would look like one whose memory was lost. Later
    // ones are known to have signed nothing while what is there is of the one before.
    let signed = if previous.is_empty() { Some(sign_empty(dir, &key)?) } else { None };
    let public = write_keys(dir, &key, previous)?;
    let signed = match signed {
        Some(signed) => signed,
        None => sign_empty(dir, &key)?,
    };
    Ok(LedgerKeys { disk: disk_at(dir)?, key, public, signed })
}

/// `configured`, or the usual name with something that nobody else has; with such an ending too where
/// an earlier ledger had the name.
fn name_of_new(
    configured: Option<&str>,
    previous: &[PreviousKey],
    last: Option<&VerifierKey>,
) -> String {
    let is_taken = |name: &str| {
        let vkeys = previous.iter().filter_map(|previous| VerifierKey::parse(&previous.vkey).ok());
        vkeys.chain(last.cloned()).any(|key| key.name() == name)
    };
    match configured {
        Some(configured) if !is_taken(configured) => configured.to_string(),
        base => {
            let unique: [u8; 6] = rand::random();
            format!("{}/{}", base.unwrap_or(USUAL_NAME), hex::encode(unique))
        }
    }
}

fn is_name_of(origin: &str, configured: &str) -> bool {
    let rest = origin.strip_prefix(configured);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a ledger may be called so.
pub fn check_origin(origin: &str) -> Result<(), NoteError> {
    check_name(origin)
}

/// The key, and those before it.
fn known_keys(key: &LedgerKey, previous: &[PreviousKey]) -> Vec<VerifierKey> {
    let previous = previous.iter().filter_map(|previous| VerifierKey::parse(&previous.vkey).ok());
    std::iter::once(key.public().clone()).chain(previous).collect()
}

/// Whether `signed` binds what `key` may sign: it is by this key, or by one that named it its
/// successor in the same ledger.
fn is_of_this_ledger(signed: &Checkpoint, key: &LedgerKey, previous: &[PreviousKey]) -> bool {
    let mut of_this = vec![key.public().clone()];
    for previous in previous.iter().rev() {
        let Ok(old) = VerifierKey::parse(&previous.vkey) else { break };
        let named = previous.statement.as_deref().and_then(|text| successor(&old, text).ok());
        match named {
            Some((new, Succession::Rotated, _)) if of_this.last() == Some(&new) => {
                of_this.push(old)
            }
            _ => break,
        }
    }
    of_this.contains(&signed.key)
}

fn disk_at(dir: &Path) -> Result<Arc<Disk>, LedgerError> {
    Disk::open(dir).map(Arc::new).map_err(LedgerError::of_io(dir))
}

fn sign_empty(dir: &Path, key: &LedgerKey) -> Result<Checkpoint, LedgerError> {
    let checkpoint = Checkpoint::sign(key, 0, empty_root())?;
    write(&dir.join(CHECKPOINT_FILE), Mode::Private, checkpoint.note.as_bytes())?;
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::key_files::{KEY_FILE, KeyFile, PUBLIC_FILE};
    use super::*;

    fn open(dir: &Path) -> Result<LedgerKeys, LedgerError> {
        LedgerKeys::open_or_create(dir, None)
    }

    #[test]
    fn a_ledger_begins_with_nothing_and_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut keys = open(dir.path()).unwrap();
        assert_eq!((keys.signed.size, keys.signed.root), (0, empty_root()));
        let signed = keys.sign(7, [7; 32]).unwrap().clone();
        let again = open(dir.path()).unwrap();
        assert_eq!((&again.signed, &again.public), (&signed, &keys.public));
        let mode =
            |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(KEY_FILE), mode(CHECKPOINT_FILE)), (0o600, 0o600));
        let secret = fs::read_to_string(dir.path().join(KEY_FILE)).unwrap();
        let secret = serde_json::from_str::<KeyFile>(&secret).unwrap().secret;
        let public = fs::read_to_string(dir.path().join(PUBLIC_FILE)).unwrap();
        assert!(!public.contains(&secret));
    }

    #[test]
    fn a_key_that_others_may_read_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            let rights = fs::Permissions::from_mode(mode);
            fs::set_permissions(dir.path().join(KEY_FILE), rights).unwrap();
            let error = open(dir.path()).err().unwrap();
            assert!(error.to_string().contains(&format!("{mode:o}")), "{error}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    /// Of a key whose signatures are forgotten nobody knows what it would contradict.
    #[test]
    fn each_file_that_goes_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap().sign(7, [7; 32]).unwrap().clone();
        let origin = first.origin.clone();
        // The public part follows from the key.
        fs::remove_file(dir.path().join(PUBLIC_FILE)).unwrap();
        assert_eq!(open(dir.path()).unwrap().signed, first);
        assert!(dir.path().join(PUBLIC_FILE).exists());
        // The memory of what was signed does not.
        let note = fs::read(dir.path().join(CHECKPOINT_FILE)).unwrap();
        for damaged in [None, Some(&note[..note.len() - 9]), Some(&b"\n"[..])] {
            match damaged {
                Some(bytes) => fs::write(dir.path().join(CHECKPOINT_FILE), bytes).unwrap(),
                None => fs::remove_file(dir.path().join(CHECKPOINT_FILE)).unwrap(),
            }
            let error = open(dir.path()).err().unwrap();
            assert!(matches!(error, LedgerError::SignedUnknown { .. }), "{error}");
        }
        fs::write(dir.path().join(CHECKPOINT_FILE), &note).unwrap();
        // Without its key the ledger has ended, as in a copy: another one begins.
        fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
        assert!(last_signed(dir.path()).unwrap().is_none());
        let after = open(dir.path()).unwrap();
        assert_ne!(after.public.origin, origin);
        assert_eq!(after.signed.size, 0);
        let previous = after.public.previous.last().unwrap();
        assert_eq!((previous.until, previous.statement.as_ref()), (Some(7), None));
        assert_eq!(previous.checkpoint.as_ref(), Some(&first.note));
        // Killed before the new one signed that it is empty.
        fs::write(dir.path().join(CHECKPOINT_FILE), &note).unwrap();
        assert_eq!(open(dir.path()).unwrap().signed.size, 0);
    }

    #[test]
    fn whoever_trusts_the_old_key_can_go_on_to_the_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut keys = open(dir.path()).unwrap();
        keys.sign(7, [7; 32]).unwrap();
        let old = keys.key.public().clone();
        let public = rotate(dir.path()).unwrap();
        let statement = public.previous[0].statement.clone().unwrap();
        let new = VerifierKey::parse(&public.vkey).unwrap();
        assert_eq!(successor(&old, &statement).unwrap(), (new.clone(), Succession::Rotated, 7));
        assert!(Checkpoint::open(statement.as_bytes(), std::slice::from_ref(&old)).is_err());
        let keys = open(dir.path()).unwrap();
        assert_eq!((keys.signed.size, &keys.signed.key), (7, &old), "what it signed still binds");
        assert_eq!(keys.public.origin, old.name());
        // Others cannot name a successor.
        let other = LedgerKey::random(old.name()).unwrap();
        assert!(successor(other.public(), &statement).is_err());
        let public = begin_anew(dir.path(), None).unwrap();
        let statement = public.previous[1].statement.clone().unwrap();
        let (third, succession, until) = successor(&new, &statement).unwrap();
        assert_eq!((third.to_string(), succession, until), (public.vkey, Succession::Ended, 7));
        assert_eq!(open(dir.path()).unwrap().signed.size, 0, "what it signed binds no more");
    }

    #[test]
    fn a_ledger_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str| LedgerKeys::open_or_create(dir.path(), Some(name));
        assert_eq!(named("shop.example").unwrap().public.origin, "shop.example");
        let error = named("other.example").err().unwrap();
        assert!(matches!(&error, LedgerError::OtherOrigin { .. }), "{error}");
        let anew = begin_anew(dir.path(), Some("shop.example")).unwrap();
        assert!(anew.origin.starts_with("shop.example/"), "{}", anew.origin);
        assert!(named("shop.example").is_ok());
        assert!(named("a b").is_err());
    }
}
