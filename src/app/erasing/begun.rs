//! What was begun, in `erasing.json`: written before the archive's commit, since the records do not
//! say afterwards which files they named. It holds no customer's id and no word of a message.
//!
//! Invariant: a file that is listed may go once no record names it. So one that is listed in vain,
//! because the commit never came, stays.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::json_file;
use crate::log::Rewritten;
use crate::model::{ConversationKey, Micros, Offset};

const FILE: &str = "erasing.json";

/// What was begun and has no receipt yet.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    path: PathBuf,
    conversations: BTreeMap<(String, String), BegunConversation>,
    /// Places that had any of it. Each is listed before it is written anew, or goes, so that a receipt
    /// names it wherever the process dies; one that went otherwise meanwhile is listed all the same.
    rewritten: Vec<Rewritten>,
    /// Whether it is otherwise on disk.
    has_changed: bool,
}

/// What was begun of one conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct BegunConversation {
    pub(super) at: Micros,
    pub(super) files: Vec<NamedFile>,
    /// Whether every store has forgotten it: files may keep it waiting longer.
    pub(super) is_forgotten: bool,
}

/// Where a file may lie that a record names, or named before it was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedFile {
    /// Of the record.
    pub(super) offset: Offset,
    pub(super) said_at: Micros,
    pub(super) sha256: String,
    /// In the folder of attachments.
    pub(super) path: PathBuf,
    pub(super) was_there: bool,
    pub(super) is_removed: bool,
}

/// As it is on disk.
#[derive(Default, Serialize, Deserialize)]
struct OnDisk {
    conversations: Vec<(ConversationName, BegunConversation)>,
    rewritten: Vec<Rewritten>,
}

#[derive(Serialize, Deserialize)]
struct ConversationName {
    shop: String,
    conversation: String,
}

impl Begun {
    /// What a data directory says; nothing where it says nothing.
    pub(super) fn read(root: &Path) -> anyhow::Result<Begun> {
        let path = root.join(FILE);
        let OnDisk { conversations, rewritten } = json_file::read(&path)?;
        let conversations = conversations
            .into_iter()
            .map(|(name, begun)| ((name.shop, name.conversation), begun))
            .collect();
        Ok(Begun { path, conversations, rewritten, has_changed: false })
    }

    pub(super) fn has(&self, key: &ConversationKey) -> bool {
        self.conversations.contains_key(&name(key))
    }

    pub(super) fn of(&self, key: &ConversationKey) -> Option<&BegunConversation> {
        self.conversations.get(&name(key))
    }

    pub(super) fn of_mut(&mut self, key: &ConversationKey) -> Option<&mut BegunConversation> {
        self.has_changed = true;
        self.conversations.get_mut(&name(key))
    }

    /// Lists the files of a conversation beside those that are listed.
    pub(super) fn begin(&mut self, key: &ConversationKey, files: Vec<NamedFile>) {
        self.has_changed = true;
        let at = Micros::now();
        let begun = BegunConversation { at, files: Vec::new(), is_forgotten: false };
        let of = self.conversations.entry(name(key)).or_insert(begun);
        of.is_forgotten = false;
        for file in files {
            let is_same =
                |known: &NamedFile| known.offset == file.offset && known.path == file.path;
            if !of.files.iter().any(is_same) {
                of.files.push(file);
            }
        }
    }

    /// Takes a conversation out, which is done.
    pub(super) fn end(&mut self, key: &ConversationKey) {
        self.has_changed |= self.conversations.remove(&name(key)).is_some();
        if self.conversations.is_empty() {
            self.rewritten.clear();
        }
    }

    /// Takes out what does not wait any more: a death came between its receipt and that.
    pub(super) fn keep_only(&mut self, pending: &HashSet<ConversationKey>) {
        let is_done =
            |(shop, id): &&(String, String)| !pending.contains(&ConversationKey::new(shop, id));
        let done: Vec<(String, String)> =
            self.conversations.keys().filter(is_done).cloned().collect();
        for (shop, id) in done {
            self.end(&ConversationKey::new(&shop, &id));
        }
    }

    pub(super) fn rewritten(&self) -> &[Rewritten] {
        &self.rewritten
    }

    pub(super) fn add_rewritten(&mut self, rewritten: impl IntoIterator<Item = Rewritten>) {
        for one in rewritten {
            if !self.rewritten.contains(&one) {
                self.has_changed = true;
                self.rewritten.push(one);
            }
        }
    }

    /// Takes out what was listed and is not written anew after all.
    pub(super) fn remove_rewritten(&mut self, rewritten: &[Rewritten]) {
        self.has_changed = true;
        self.rewritten.retain(|one| !rewritten.contains(one));
    }

    /// Makes it durable.
    pub(super) fn write(&mut self) -> anyhow::Result<()> {
        if !self.has_changed {
            return Ok(());
        }
        let conversations = self.conversations.iter().map(|((shop, conversation), begun)| {
            let name = ConversationName { shop: shop.clone(), conversation: conversation.clone() };
            (name, begun.clone())
        });
        let on_disk =
            OnDisk { conversations: conversations.collect(), rewritten: self.rewritten.clone() };
        json_file::write(&self.path, &on_disk)?;
        self.has_changed = false;
        Ok(())
    }
}

fn name(key: &ConversationKey) -> (String, String) {
    (key.shop.clone(), key.id.clone())
}
