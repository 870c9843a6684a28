//! What is asked of a shop's tables to tell what its conversations are about, and the rows of the answers.
//!
//! The questions are SQL as anybody could ask it, so that the same ones serve a directory, a server and a running
//! service; rows are read from their JSON.

use serde::Deserialize;

use crate::model::{Kind, Offset, Role, Visibility};

/// Conversations asked about at once: × 128 characters of 4 bytes = 25 KiB of names in the query, of 64 KiB that it
/// may have.
pub const CONVERSATIONS_AT_ONCE: usize = 50;
/// Episodes listed at once.
pub const EPISODES_AT_ONCE: usize = 1_000;

/// An episode that ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Ended {
    /// What ended it: of two, the one that comes first was ended first.
    pub closed_offset: Offset,
    pub conversation: String,
    pub episode: u32,
    pub started_offset: Offset,
}

/// One record of a conversation, as far as it tells what that is about.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    pub conversation: String,
    pub offset: Offset,
    pub id: String,
    pub kind: Kind,
    pub sender_id: String,
    pub sender_role: Role,
    pub visibility: Visibility,
    pub automatic: bool,
    pub target: Option<String>,
    pub text: Option<String>,
    pub category: Option<String>,
    pub data: Option<String>,
    pub is_erased: bool,
}

/// Which episodes that ended a command is about.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// They ended at or after it.
    pub from: Option<crate::model::Micros>,
    /// They ended before it.
    pub to: Option<crate::model::Micros>,
}

/// Where the next page of episodes begins: behind this one.
pub type After = Option<Ended>;

/// Untagged episodes that were ended by a record at or behind `from`, in order, after what was listed.
pub fn ended_since(from: Offset, after: &After) -> String {
    page(&format!("closed_offset >= {from} AND cardinality(categories) = 0"), after)
}

/// Untagged episodes that ended in a range, in order.
pub fn ended_in(range: &Range, after: &After) -> String {
    let instant = |micros: crate::model::Micros| micros.datetime().to_rfc3339();
    let mut wanted = "closed_offset IS NOT NULL AND cardinality(categories) = 0".to_string();
    if let Some(from) = range.from {
        wanted.push_str(&format!(" AND ended_at >= TIMESTAMP '{}'", instant(from)));
    }
    if let Some(to) = range.to {
        wanted.push_str(&format!(" AND ended_at < TIMESTAMP '{}'", instant(to)));
    }
    page(&wanted, after)
}

/// Episodes of conversations that people tagged, in order.
pub fn tagged_by_people(after: &After) -> String {
    let tagged = "SELECT conversation FROM tags WHERE tagged AND NOT automatic";
    page(&format!("closed_offset IS NOT NULL AND conversation IN ({tagged})"), after)
}

fn page(wanted: &str, after: &After) -> String {
    let after = after.as_ref().map_or(String::new(), |last| {
        let (offset, name, episode) = (last.closed_offset, quoted(&last.conversation), last.episode);
        format!(
            " AND (closed_offset > {offset} OR (closed_offset = {offset} AND (conversation > {name} \
             OR (conversation = {name} AND episode > {episode}))))"
        )
    });
    format!(
        "SELECT closed_offset, conversation, episode, started_offset FROM episodes \
         WHERE {wanted}{after} ORDER BY closed_offset, conversation, episode LIMIT {EPISODES_AT_ONCE}"
    )
}

/// What was said and tagged in these conversations, as far as customers said it from an offset on.
pub fn said_in<'a>(conversations: impl Iterator<Item = &'a str>, from: Offset) -> String {
    let names: Vec<String> = conversations.map(quoted).collect();
    format!(
        "SELECT conversation, \"offset\", id, kind, sender_id, sender_role, visibility, automatic, target, text, \
         category, data, erased_at IS NOT NULL AS is_erased FROM events \
         WHERE conversation IN ({}) AND (kind IN ('tag', 'untag', 'erase') OR \
         (\"offset\" >= {from} AND sender_role = 'customer' AND kind IN ('message', 'edit', 'retract'))) \
         ORDER BY conversation, \"offset\"",
        names.join(", ")
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        let sql = said_in(["a'); DROP", "b"].into_iter(), Offset(7));
        assert!(sql.contains("IN ('a''); DROP', 'b')"), "{sql}");
        let last = Ended {
            closed_offset: Offset(3),
            conversation: "o'c".to_string(),
            episode: 2,
            started_offset: Offset(1),
        };
        let sql = ended_since(Offset(1), &Some(last));
        assert!(sql.contains("conversation > 'o''c'"), "{sql}");
    }
}
