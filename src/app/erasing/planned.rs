//! What is to be erased of one conversation.

use crate::erasure::Asked;
use crate::model::{ConversationKey, Offset, Record};

/// What is to be erased of one conversation.
pub(super) struct Planned {
    pub(super) key: ConversationKey,
    pub(super) records: Vec<Record>,
    pub(super) erasures: Vec<Asked>,
    /// Empty once it is erased.
    pub(super) tombstones: Vec<Record>,
}

impl Planned {
    pub(super) fn last_erased(&self) -> Option<Offset> {
        self.tombstones.iter().map(|record| record.offset).max()
    }
}
