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
}

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
        Forgotten { conversations: Arc::new(conversations), pseudonyms, reserve_bytes }
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

/// What a store did to forget.
#[derive(Clone, Debug, Default)]
pub struct Forgot {
    pub rewritten: Vec<Rewritten>,
    /// Why a file is still there that has what is to go: the store is then asked again.
    pub waits: Option<String>,
}

impl Forgot {
    /// What is `gone` once nobody reads the old files any more.
    pub fn once_read(rewritten: Vec<Rewritten>, is_gone: bool) -> Forgot {
        let waits = (!is_gone).then(|| "a question still reads its old files".to_string());
        Forgot { rewritten, waits }
    }
}

/// Asks a store to forget, and waits for what it did. What is asked of a store that stands still is
/// not answered before it is open again.
pub struct Request {
    pub forgotten: Arc<Forgotten>,
    pub answer: oneshot::Sender<Forgot>,
}

pub type Requests = mpsc::Receiver<Request>;
