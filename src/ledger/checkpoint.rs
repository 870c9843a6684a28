//! Checkpoints of C2SP: a ledger's name, its size and its root, signed. And what one of them has to do
//! with a later one.
//!
//! ```text
//! ORIGIN\n  SIZE in decimal\n  base64(root)\n   as the text of a signed note
//! ```
//! Invariant: a [`Checkpoint`] was signed by a key of its origin's name.

use std::fmt;

use tlog_tiles::{Checkpoint as Body, Hash, check_tree};

use super::multiproof::empty_root;
use super::note::{self, LedgerKey, NoteError, VerifierKey};

/// Hashes of a consistency proof at most: one for each level of the highest tree, and one more.
const CONSISTENCY_HASHES_MAX: usize = 65;

/// The ledger as it was signed once.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    /// How many leaves it has: all offsets below it.
    pub size: u64,
    pub root: [u8; 32],
    /// The signed note, as it is handed on.
    pub note: String,
    /// Who signed it.
    pub key: VerifierKey,
}

/// Two checkpoints of one ledger that cannot both be true of a tree that only grows, or whose proof
/// does not show it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistent {
    #[error("they are checkpoints of `{older}` and of `{newer}`")]
    OtherOrigin { older: String, newer: String },
    #[error("the ledger has {newer} leaves, after it had {older}")]
    Shrunk { older: u64, newer: u64 },
    #[error("the ledger of {size} leaves has two roots: {older} and {newer}")]
    TwoRoots { size: u64, older: String, newer: String },
    #[error(
        "the proof does not show that the ledger of {newer} leaves begins with the one of {older}"
    )]
    NotProved { older: u64, newer: u64 },
}

impl Checkpoint {
    /// Signs the tree of `size` leaves under the key's name.
    pub fn sign(key: &LedgerKey, size: u64, root: [u8; 32]) -> Result<Checkpoint, NoteError> {
        let origin = key.public().name();
        let body = Body::new(origin, size, Hash(root), "")
            .map_err(|error| NoteError::Unsignable { detail: error.to_string() })?;
        let text = String::from_utf8(body.to_bytes())
            .map_err(|error| NoteError::Unsignable { detail: error.to_string() })?;
        let note = key.sign(&text)?;
        Ok(Checkpoint { origin: origin.to_string(), size, root, note, key: key.public().clone() })
    }

    /// Reads a checkpoint that one of `keys` signed, under whose name it stands.
    pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<Checkpoint, NoteError> {
        let malformed = |detail: String| NoteError::Malformed { detail };
        let opened = note::open(note, keys)?;
        let body = Body::from_bytes(opened.text.as_bytes())
            .map_err(|_| malformed("its text is not a checkpoint".to_string()))?;
        if body.origin() != opened.by.name() {
            let detail = format!("it is of `{}` and not of the key's ledger", body.origin());
            return Err(NoteError::NotSigned { wanted: format!("`{}`", opened.by), detail });
        }
        let note =
            String::from_utf8(note.to_vec()).map_err(|error| malformed(error.to_string()))?;
        Ok(Checkpoint {
            origin: body.origin().to_string(),
            size: body.size(),
            root: body.hash().0,
            note,
            key: opened.by,
        })
    }

    /// Whether `newer` follows from this one: it has at least as many leaves, and `proof`, RFC 6962's
    /// consistency proof, shows that this one's come first in it.
    pub fn check_followed_by(
        &self,
        newer: &Checkpoint,
        proof: &[[u8; 32]],
    ) -> Result<(), Inconsistent> {
        if self.origin != newer.origin {
            let (older, newer) = (self.origin.clone(), newer.origin.clone());
            return Err(Inconsistent::OtherOrigin { older, newer });
        }
        check_consistency((self.size, self.root), (newer.size, newer.root), proof)
    }
}

/// Whether the tree of `older`'s size and root is the beginning of `newer`'s, as `proof` shows.
pub fn check_consistency(
    older: (u64, [u8; 32]),
    newer: (u64, [u8; 32]),
    proof: &[[u8; 32]],
) -> Result<(), Inconsistent> {
    let not_proved = Inconsistent::NotProved { older: older.0, newer: newer.0 };
    if older.0 > newer.0 {
        return Err(Inconsistent::Shrunk { older: older.0, newer: newer.0 });
    }
    if older.0 == newer.0 && older.1 != newer.1 {
        let (size, older, newer) = (older.0, hex::encode(older.1), hex::encode(newer.1));
        return Err(Inconsistent::TwoRoots { size, older, newer });
    }
    if proof.len() > CONSISTENCY_HASHES_MAX {
        return Err(not_proved);
    }
    if older.0 == 0 {
        // Every tree begins with the empty one.
        return if older.1 == empty_root() && proof.is_empty() { Ok(()) } else { Err(not_proved) };
    }
    let hashes: Vec<Hash> = proof.iter().map(|hash| Hash(*hash)).collect();
    check_tree(&hashes, newer.0, Hash(newer.1), older.0, Hash(older.1)).map_err(|_| not_proved)
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checkpoint { origin, size, root, .. } = self;
        write!(formatter, "Checkpoint({origin}, {size}, {})", hex::encode(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, seed: u8) -> LedgerKey {
        LedgerKey::from_bytes(name, &[seed; 32]).unwrap()
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_signed() {
        let key = key("shop.example/verbatim", 1);
        let signed = Checkpoint::sign(&key, 42, [7; 32]).unwrap();
        let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        assert!(signed.note.starts_with(&format!("shop.example/verbatim\n42\n{root}\n\n— ")));
        let read = Checkpoint::open(signed.note.as_bytes(), &[key.public().clone()]).unwrap();
        assert_eq!(read, signed);
    }

    /// Each of these was handed on by somebody else than the ledger.
    #[test]
    fn what_the_ledger_did_not_sign_is_refused() {
        let ours = key("ledger", 1);
        let note = Checkpoint::sign(&ours, 42, [7; 32]).unwrap().note;
        let other_key = Checkpoint::sign(&key("ledger", 2), 42, [7; 32]).unwrap().note;
        let other_name = Checkpoint::sign(&key("other", 1), 42, [7; 32]).unwrap().note;
        let other_origin = ours.sign("other\n42\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n");
        let statement = ours.sign("ledger\nsays something else\n").unwrap();
        for refused in [
            note.replace("42", "43"),
            note.replace("\n\n", "\n"),
            note.lines().take(4).collect::<Vec<_>>().join("\n"),
            other_key,
            other_name,
            other_origin.unwrap(),
            statement,
            String::new(),
        ] {
            let opened = Checkpoint::open(refused.as_bytes(), &[ours.public().clone()]);
            assert!(opened.is_err(), "{refused}");
        }
    }

    #[test]
    fn of_two_keys_either_is_enough_and_the_one_that_signed_is_named() {
        let (old, new) = (key("ledger", 1), key("ledger", 2));
        let keys = [old.public().clone(), new.public().clone()];
        for signer in [&old, &new] {
            let note = Checkpoint::sign(signer, 1, [0; 32]).unwrap().note;
            let opened = Checkpoint::open(note.as_bytes(), &keys).unwrap();
            assert_eq!(&opened.key, signer.public());
        }
    }

    #[test]
    fn a_smaller_tree_and_a_second_root_contradict() {
        let at = |size, root: u8| (size, [root; 32]);
        let shrunk = Inconsistent::Shrunk { older: 3, newer: 2 };
        assert_eq!(check_consistency(at(3, 1), at(2, 1), &[]), Err(shrunk));
        assert!(matches!(
            check_consistency(at(3, 1), at(3, 2), &[]),
            Err(Inconsistent::TwoRoots { size: 3, .. })
        ));
        assert_eq!(check_consistency(at(3, 1), at(3, 1), &[]), Ok(()));
        assert!(check_consistency(at(3, 1), at(4, 1), &[[0; 32]; 66]).is_err());
        assert_eq!(check_consistency((0, empty_root()), at(4, 1), &[]), Ok(()));
        assert!(check_consistency(at(0, 1), at(4, 1), &[]).is_err());
    }
}
