//! What is answered, in the shape of `search --format json`.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::language::FieldName;
use super::{Cursor, Mode};
use crate::index::known_as::KnownKind;
use crate::model::{Kind, Micros, Offset, Origin, Role, Seq, Visibility};

/// The hits of one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchAnswer {
    pub shop: String,
    /// What was asked, as typed.
    pub query: String,
    /// The filters beside it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    pub mode: Mode,
    /// In which days begin.
    #[schema(value_type = String)]
    pub zone: Tz,
    /// Every record below this offset was looked at, and none at or above it.
    pub complete_to: Offset,
    /// How many messages are hits, shown or not.
    pub total: u64,
    /// Orders, customers and agents that are called what was typed, the nearest first.
    pub matches: Vec<Match>,
    /// How many more of them there are.
    pub more_matches: u64,
    /// In the order of their first hit, or of their last if oldest come first.
    pub conversations: Vec<ConversationHits>,
    /// Where the next page begins, if there may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
    /// What was looked at, where nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<LookedAt>,
    /// Where nothing was found: how many messages have each of the words, within the filters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordCount>,
    /// Where nothing was found: how many messages a looser mode finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looser: Option<Looser>,
    /// Where nothing was found: filters that choose nothing at all. Then it is not said what was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownFilter>,
    /// What looks like a field of the language and is none, so that it was looked for as text: `foo:`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_as_text: Vec<String>,
}

/// An order, a customer or an agent that is called what was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Match {
    pub kind: KnownKind,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many conversations it is in.
    pub conversations: u64,
    /// Whether they are more than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_more: bool,
    /// When a record named it last: what was said later need not.
    pub newest: Micros,
}

/// What was looked at in vain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookedAt {
    /// Messages with text within the filters, each version of one counted.
    pub messages: u64,
    /// Messages within the filters that have attachments and no text, so that nothing could be found
    /// in them.
    pub without_text: u64,
    /// Messages within the filters, each version counted, whose text or files were erased: nothing can be
    /// found in them.
    #[serde(default)]
    pub erased: u64,
    /// Conversations that the first two are in.
    pub conversations: u64,
    /// When the last of them was received; none where there is none.
    pub received_until: Option<Micros>,
}

/// How many messages a looser mode finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Looser {
    pub mode: Mode,
    pub messages: u64,
}

/// A filter that chooses nothing: no conversation has this number, name or id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnknownFilter {
    pub filter: FieldName,
    /// As asked.
    pub value: String,
}

/// How many messages have one word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordCount {
    pub text: String,
    pub messages: u64,
}

/// One conversation's hits, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationHits {
    pub conversation: String,
    pub hits: Vec<Hit>,
    /// How many more hits follow in it.
    pub more: u64,
    /// Where they begin: the same question within this conversation, from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<Cursor>,
}

/// One message, or one version of it, that is a hit, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    pub offset: Offset,
    pub seq: Seq,
    pub id: String,
    pub occurred_at: Micros,
    pub received_at: Micros,
    pub origin: Origin,
    pub sender_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    pub sender_role: Role,
    /// An edit is a later version of a message.
    pub kind: Kind,
    pub visibility: Visibility,
    pub automatic: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    pub attachments: usize,
    /// As received.
    pub text: String,
    /// Where the words asked for stand: byte ranges of `text`, in whole characters as people see
    /// them; none when only filters were asked for.
    pub spans: Vec<(usize, usize)>,
    /// When the message was first retracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracted_at: Option<Micros>,
    /// The last version of the message, where that is a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<LaterVersion>,
}

/// The last version of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaterVersion {
    pub id: String,
    pub offset: Offset,
    pub at: Micros,
    /// Its beginning.
    pub text: String,
}
