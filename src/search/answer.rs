//! What is answered, in the shape of `search --format json`.

use serde::{Deserialize, Serialize};

use crate::model::{Kind, Micros, Offset, Role, Visibility};

/// The hits of one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// Every record below this offset was looked at, and none at or above it.
    pub complete_to: Offset,
    /// How many messages contain the text, shown or not.
    pub total: u64,
    /// In the order of their first hit.
    pub conversations: Vec<ConversationHits>,
}

/// One conversation's first hits, in the order asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationHits {
    pub conversation: String,
    pub hits: Vec<Hit>,
}

/// One message, or one version of it, that contains the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    pub offset: Offset,
    pub id: String,
    pub occurred_at: Micros,
    pub sender_id: String,
    pub sender_role: Role,
    pub kind: Kind,
    pub visibility: Visibility,
    /// As received.
    pub text: String,
    /// Where the text asked for stands: byte ranges of `text`, in whole characters as people see
    /// them; none when only filters were asked for.
    pub spans: Vec<(usize, usize)>,
}
