//! What a store is told to forget: some conversations whose records are no longer what it was given.
//!
//! The truth, archive or log, has changed before a store hears of it, so that a store that is made
//! anew never knew what this one forgets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::model::{ConversationKey, Offset, Pseudonyms, Record};

/// What was erased. A clone is the same.
#[derive(Clone)]
pub struct Forgotten {
    conversations: Arc<HashMap<ConversationKey, OfConversation>>,
    pseudonyms: Pseudonyms,
    reserve_bytes: u64,
    noted: Option<Noted>,
}

/// Hears what is about to be written anew.
type Noted = Arc<dyn Fn(Vec<Rewritten>) + Send + Sync>;

/// One conversation of which something was erased.
#[derive(Default)]
pub struct OfConversation {
    /// All of its records as they are now, in order.
    pub records: Vec<Arc<Record>>,
    /// Those of them whose content is gone.
    pub erased: BTreeSet<Offset>,
    /// What stands for the customers who were erased.
    pub customers: HashSet<String>,
}

/// A file, a segment or a table of a store that no longer has what was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewritten {
    pub store: String,
    /// What was written anew, or is gone.
    pub place: String,
}

impl Forgotten {
    pub fn new(
        conversations: HashMap<ConversationKey, OfConversation>,
        pseudonyms: Pseudonyms,
        reserve_bytes: u64,
    ) -> Forgotten {
        let conversations = Arc::new(conversations);
        Forgotten { conversations, pseudonyms, reserve_bytes, noted: None }
    }

    /// The same, of which `noted` hears what is about to be written anew.
    pub fn noting(&self, noted: impl Fn(Vec<Rewritten>) + Send + Sync + 'static) -> Forgotten {
        Forgotten { noted: Some(Arc::new(noted)), ..self.clone() }
    }

    /// Says which places of a store are about to be written anew, or to go: before they are, since
    /// afterwards nothing says which they were.
    pub fn note(&self, store: &str, places: impl IntoIterator<Item = String>) {
        let rewritten = |place| Rewritten { store: store.to_string(), place };
        let rewritten: Vec<Rewritten> = places.into_iter().map(rewritten).collect();
        if let Some(noted) = self.noted.as_ref().filter(|_| !rewritten.is_empty()) {
            noted(rewritten);
        }
    }

    /// What must stay free on the disk, whatever is written anew.
    pub fn reserve_bytes(&self) -> u64 {
        self.reserve_bytes
    }

    pub fn conversations(&self) -> impl Iterator<Item = (&ConversationKey, &OfConversation)> {
        self.conversations.iter()
    }

    /// Whether a record's content is gone.
    pub fn is_erased(&self, key: &ConversationKey, offset: Offset) -> bool {
        self.conversations.get(key).is_some_and(|of| of.erased.contains(&offset))
    }

    /// What stands for a customer of a conversation from now on, where that is not their id.
    pub fn instead_of(&self, key: &ConversationKey, customer: &str) -> Option<String> {
        let erased = &self.conversations.get(key)?.customers;
        if erased.is_empty() {
            return None;
        }
        let pseudonym = self.pseudonyms.of(&key.shop, customer);
        (erased.contains(&pseudonym) && pseudonym != customer).then_some(pseudonym)
    }

    /// Whether any customer was erased: then ids go, which stores keep where they keep no words.
    pub fn has_customers(&self) -> bool {
        self.conversations.values().any(|of| !of.customers.is_empty())
    }
}

/// How far a store has forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgot {
    All,
    /// Why a file is still there that has what is to go: the store is then asked again.
    Waits(String),
}

impl Forgot {
    /// All of it, once nobody reads the old files any more.
    pub fn once_read(is_gone: bool) -> Forgot {
        if is_gone {
            return Forgot::All;
        }
        Forgot::Waits("a question still reads its old files".to_string())
    }
}

/// Asks a store to forget, and waits for what it did. What is asked of a store that stands still is
/// not answered before it is open again.
pub struct Request {
    pub forgotten: Arc<Forgotten>,
    pub answer: oneshot::Sender<Forgot>,
}

pub type Requests = mpsc::Receiver<Request>;
