//! Which part of the conversations a pack shows: the messages chosen, some before and after each, and how
//! many were left out between.
//!
//! Invariants: entries come in the order of their conversation; what the other side may not see is not there,
//! and is counted nowhere; whatever of the rest is not shown is counted in a gap.

use std::collections::BTreeSet;

use crate::model::{Audience, Record, Seen};
use crate::transcript::{Entry, Line, Message, transcript};

/// A conversation with all of its records, in order.
#[derive(Clone, Debug)]
pub struct Conversation {
    pub id: String,
    pub records: Vec<Record>,
}

/// A message by conversation and id.
pub type MessageId = (String, String);

/// A conversation as far as it is shown.
pub(super) struct Excerpt<'a> {
    pub(super) id: &'a str,
    pub(super) parts: Vec<Part<'a>>,
    /// Messages that are shown, and that there are.
    pub(super) shown: usize,
    pub(super) of: usize,
}

pub(super) enum Part<'a> {
    Message { message: Box<Message<'a>>, is_chosen: bool },
    Line(Box<Line<'a>>),
    Gap { messages: usize, others: usize },
}

/// What is left out since what was shown last.
#[derive(Default)]
struct Skipped {
    messages: usize,
    others: usize,
}

/// The records of a conversation that the other side may see, which are what its packs are about.
pub(super) fn seen_records(conversation: &Conversation) -> Vec<Record> {
    let seen = Seen::by(Audience::OtherSide, &conversation.records);
    seen.records.into_iter().cloned().collect()
}

/// What of `records` is shown: the messages `chosen`, all where none is, with `context` messages before
/// and after each.
pub(super) fn excerpt<'a>(
    id: &'a str,
    records: &'a [Record],
    chosen: &BTreeSet<MessageId>,
    context: usize,
) -> Excerpt<'a> {
    let entries = transcript(records);
    let is_chosen = |entry: &Entry<'_>| match entry {
        Entry::Message(message) => {
            Some(chosen.contains(&(id.to_string(), message.sent.event.id.clone())))
        }
        Entry::Line(_) => None,
    };
    let is_chosen: Vec<bool> = entries.iter().filter_map(is_chosen).collect();
    let of = is_chosen.len();
    let is_shown = if chosen.is_empty() { vec![true; of] } else { near(&is_chosen, context) };
    let mut excerpt = Excerpt { id, parts: Vec::new(), shown: 0, of };
    let (mut next, mut skipped) = (0, Skipped::default());
    for entry in entries {
        let is_last_shown = next == 0 || is_shown[next - 1];
        let is_next_shown = next == of || is_shown[next];
        match entry {
            Entry::Message(message) => {
                if is_next_shown {
                    excerpt.close_gap(&mut skipped);
                    excerpt.shown += 1;
                    let (message, is_chosen) = (Box::new(message), is_chosen[next]);
                    excerpt.parts.push(Part::Message { message, is_chosen });
                } else {
                    skipped.messages += 1;
                }
                next += 1;
            }
            // What happened between two messages is shown with them, where both are.
            Entry::Line(line) if is_last_shown && is_next_shown => {
                excerpt.parts.push(Part::Line(Box::new(line)));
            }
            Entry::Line(_) => skipped.others += 1,
        }
    }
    excerpt.close_gap(&mut skipped);
    excerpt
}

impl Excerpt<'_> {
    /// Hashes of the files that its messages name.
    pub(super) fn attachments(&self) -> impl Iterator<Item = &str> {
        let messages = self.parts.iter().filter_map(|part| match part {
            Part::Message { message, .. } => Some(message),
            _ => None,
        });
        let files = messages.flat_map(|message| &message.sent.event.attachments);
        files.map(|file| file.sha256.as_str())
    }

    fn close_gap(&mut self, skipped: &mut Skipped) {
        let Skipped { messages, others } = std::mem::take(skipped);
        if messages + others > 0 {
            self.parts.push(Part::Gap { messages, others });
        }
    }
}

/// Which places have a chosen one within `reach`.
fn near(chosen: &[bool], reach: usize) -> Vec<bool> {
    let mut is_near = vec![false; chosen.len()];
    for (place, _) in chosen.iter().enumerate().filter(|(_, is_chosen)| **is_chosen) {
        let to = place.saturating_add(reach).min(chosen.len() - 1);
        is_near[place.saturating_sub(reach)..=to].fill(true);
    }
    is_near
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    fn conversation(kinds: &str) -> Vec<Record> {
        let event = |(offset, kind): (usize, char)| {
            let kind = match kind {
                'm' => r#""kind":"message","text":"x""#,
                'p' => r#""kind":"message","text":"x","visibility":"private""#,
                't' => r#""kind":"tag","category":"x""#,
                _ => r#""kind":"join""#,
            };
            record(
                offset as u64,
                format!(
                    r#"{{"id":"{offset}","conversation":"c",{kind},"sender":{{"id":"a","role":"human"}}}}"#
                ),
            )
        };
        let records = kinds.chars().enumerate().map(event).collect();
        seen_records(&Conversation { id: "c".to_string(), records })
    }

    /// `m3` a message, `!m3` a chosen one, `-4/1` a gap.
    fn shown(kinds: &str, chosen: &[&str], context: usize) -> String {
        let records = conversation(kinds);
        let chosen = chosen.iter().map(|id| ("c".to_string(), id.to_string())).collect();
        let excerpt = excerpt("c", &records, &chosen, context);
        let part = |part: &Part<'_>| match part {
            Part::Gap { messages, others } => format!("-{messages}/{others}"),
            Part::Message { message, is_chosen } => {
                format!("{}m{}", if *is_chosen { "!" } else { "" }, message.sent.event.id)
            }
            Part::Line(line) => format!("q{}", line.record.event.id),
        };
        excerpt.parts.iter().map(part).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn gaps_count_all_that_is_not_shown_and_nothing_private() {
        let cases = [
            ("mqmm", &[][..], 0, "m0 q1 m2 m3"),
            ("mmmmm", &["2"], 1, "-1/0 m1 !m2 m3 -1/0"),
            ("mmmmm", &["0", "4"], 0, "!m0 -3/0 !m4"),
            ("mmmmm", &["2"], 100, "m0 m1 !m2 m3 m4"),
            ("qmqmqmq", &["3"], 0, "-1/2 !m3 -1/2"),
            ("qmqmqmq", &["3"], 1, "q0 m1 q2 !m3 q4 m5 q6"),
            ("mpmpmm", &["0"], 1, "!m0 m2 -2/0"),
            ("mtpmt", &[], 0, "m0 m3"),
            ("mtmtm", &["0"], 0, "!m0 -2/0"),
            ("mmm", &["x"], 5, "-3/0"),
            ("qq", &[], 0, "q0 q1"),
        ];
        for (kinds, chosen, context, expected) in cases {
            assert_eq!(shown(kinds, chosen, context), expected, "{kinds} {chosen:?} {context}");
        }
    }
}
