//! Which part of the conversations a pack shows: the messages chosen, some before and after each, and how
//! many were left out between.
//!
//! Invariants: entries come in the order of their conversation; what the other side may not see is not there,
//! and is counted nowhere; whatever of the rest is not shown is counted in a gap, and what the bundle does not
//! disclose of it has its place there.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{Count, Place};
use crate::model::{Audience, Kind, PublicRecord, Record, Seen, Seq};
use crate::transcript::{Entry, Line, Message, transcript};

/// A conversation with all of its records, in order.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// None where no disclosed part names it.
    pub id: Option<String>,
    pub records: Vec<Record>,
    /// Those of its records that the bundle does not disclose, in order.
    pub places: Vec<Place>,
}

/// A message by conversation and id.
pub type MessageId = (String, String);

/// A conversation as far as it is shown.
pub(super) struct Excerpt<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) parts: Vec<Part<'a>>,
    /// Messages that are shown, and that there are, disclosed or not.
    pub(super) shown: usize,
    pub(super) of: usize,
    pub(super) withheld: BTreeMap<&'a str, Count>,
}

pub(super) enum Part<'a> {
    Message {
        message: Box<Message<'a>>,
        is_chosen: bool,
    },
    Line(Box<Line<'a>>),
    /// One record that is not disclosed, or several one after the other for the same reason.
    Places(Vec<&'a Place>),
    Gap {
        of: Count,
        not_disclosed: usize,
    },
}

/// What is left out since what was shown last.
#[derive(Default)]
struct Gap {
    of: Count,
    /// How many of them the bundle does not disclose.
    not_disclosed: usize,
}

/// A step of a conversation, or the place of one.
enum Step<'a> {
    Message(Box<Message<'a>>),
    Line(Box<Line<'a>>),
    Place(&'a Place),
}

/// A conversation as far as the other side may see it, which is what its packs are about.
pub(super) fn seen(conversation: &Conversation) -> Conversation {
    let seen = Seen::by(Audience::OtherSide, &conversation.records);
    let mut records: Vec<Record> = seen.records.iter().copied().cloned().collect();
    for record in &mut records {
        record.event.reply_to = record.event.reply_to.take().filter(|id| !seen.hides(id));
    }
    let is_heard = |place: &&Place| place.is_heard();
    let places = conversation.places.iter().filter(is_heard).cloned().collect();
    Conversation { id: conversation.id.clone(), records, places }
}

/// What of a conversation, all of which the other side may see, is shown: the messages `chosen`, all where none
/// is, with `context` messages before and after each.
pub(super) fn excerpt<'a>(
    conversation: &'a Conversation,
    chosen: &BTreeSet<MessageId>,
    context: usize,
) -> Excerpt<'a> {
    let id = conversation.id.as_deref();
    let steps = steps(conversation);
    let is_chosen = |step: &Step<'_>| match step {
        Step::Message(message) => {
            let named = id.map(|id| (id.to_string(), message.sent.event.id.clone()));
            Some(named.is_some_and(|named| chosen.contains(&named)))
        }
        _ => None,
    };
    let is_chosen: Vec<bool> = steps.iter().filter_map(is_chosen).collect();
    let count = is_chosen.len();
    let is_shown = if chosen.is_empty() { vec![true; count] } else { near(&is_chosen, context) };
    let (parts, withheld) = (Vec::new(), BTreeMap::new());
    let mut excerpt = Excerpt { id, parts, shown: 0, of: count, withheld };
    // Where others are chosen, a conversation without messages is no part of what is shown.
    let is_end_shown = chosen.is_empty() || count > 0;
    let (mut next, mut gap) = (0, Gap::default());
    for step in steps {
        let is_last_shown = if next == 0 { is_end_shown } else { is_shown[next - 1] };
        let is_next_shown = if next == count { is_end_shown } else { is_shown[next] };
        match step {
            Step::Message(message) => {
                if is_next_shown {
                    excerpt.close_gap(&mut gap);
                    excerpt.shown += 1;
                    excerpt.parts.push(Part::Message { message, is_chosen: is_chosen[next] });
                } else {
                    gap.of.messages += 1;
                }
                next += 1;
            }
            // What happened between two messages is shown with them, where both are.
            Step::Line(line) if is_last_shown && is_next_shown => {
                excerpt.parts.push(Part::Line(line));
            }
            Step::Line(_) => gap.of.others += 1,
            Step::Place(place) => {
                excerpt.withheld.entry(&place.why).or_default().add(place.kind);
                excerpt.of += usize::from(place.kind == Kind::Message);
                if is_last_shown && is_next_shown {
                    excerpt.add_place(place);
                } else {
                    gap.of.add(place.kind);
                    gap.not_disclosed += 1;
                }
            }
        }
    }
    excerpt.close_gap(&mut gap);
    excerpt
}

/// Entries and places, in the order of the conversation.
fn steps(conversation: &Conversation) -> Vec<Step<'_>> {
    let step = |entry| match entry {
        Entry::Message(message) => (message.sent.seq, Step::Message(Box::new(message))),
        Entry::Line(line) => (line.record.seq, Step::Line(Box::new(line))),
    };
    let mut steps: Vec<(Seq, Step<'_>)> =
        transcript(&conversation.records).into_iter().map(step).collect();
    steps.extend(conversation.places.iter().map(|place| (place.seq, Step::Place(place))));
    steps.sort_by_key(|(seq, _)| *seq);
    steps.into_iter().map(|(_, step)| step).collect()
}

impl<'a> Excerpt<'a> {
    /// The messages that are shown.
    pub(super) fn messages(&self) -> impl Iterator<Item = &Message<'a>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Message { message, .. } => Some(message.as_ref()),
            _ => None,
        })
    }

    /// The records that are shown with their times.
    pub(super) fn records(&self) -> impl Iterator<Item = &PublicRecord<'a>> {
        let lines = self.parts.iter().filter_map(|part| match part {
            Part::Line(line) => Some(&line.record),
            _ => None,
        });
        let of_messages = |message| Message::versions(message).chain(&message.retractions);
        self.messages().flat_map(of_messages).chain(lines)
    }

    /// Hashes of the files that its messages name.
    pub(super) fn attachments(&self) -> impl Iterator<Item = &str> {
        let files = self.messages().flat_map(|message| &message.sent.event.attachments);
        files.map(|file| file.sha256.as_str())
    }

    fn close_gap(&mut self, gap: &mut Gap) {
        let Gap { of, not_disclosed } = std::mem::take(gap);
        if of != Count::default() {
            self.parts.push(Part::Gap { of, not_disclosed });
        }
    }

    fn add_place(&mut self, place: &'a Place) {
        match self.parts.last_mut() {
            Some(Part::Places(places)) if places.iter().all(|last| last.goes_with(place)) => {
                places.push(place);
            }
            _ => self.parts.push(Part::Places(vec![place])),
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
    use crate::model::{LeafHash, Micros};

    /// `x` was erased, `d` lies outside the days.
    fn conversation(kinds: &str) -> Conversation {
        let place = |(offset, kind): (usize, char)| {
            let why = match kind {
                'x' => "erased",
                'd' => "range",
                _ => return None,
            };
            Some(Place {
                seq: Seq(offset as u32 + 1),
                kind: Kind::Message,
                role: None,
                received_at: Micros(0),
                leaf: LeafHash([0; 32]),
                why: why.to_string(),
                erased_at: None,
            })
        };
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
        let at = || kinds.chars().enumerate();
        let places = at().filter_map(place).collect();
        let records = at().filter(|(_, kind)| !"xd".contains(*kind)).map(event).collect();
        seen(&Conversation { id: Some("c".to_string()), records, places })
    }

    /// `m3` a message, `!m3` a chosen one, `x3` a place, `d3-4` two of them, `-4/1` a gap, `-4/1:2` one of which two
    /// are not disclosed.
    fn shown(kinds: &str, chosen: &[&str], context: usize) -> String {
        let conversation = conversation(kinds);
        let chosen = chosen.iter().map(|id| ("c".to_string(), id.to_string())).collect();
        let excerpt = excerpt(&conversation, &chosen, context);
        let part = |part: &Part<'_>| match part {
            Part::Gap { of, not_disclosed: 0 } => format!("-{}/{}", of.messages, of.others),
            Part::Gap { of, not_disclosed } => {
                format!("-{}/{}:{not_disclosed}", of.messages, of.others)
            }
            Part::Places(places) => {
                let at: Vec<String> =
                    places.iter().map(|place| (place.seq.0 - 1).to_string()).collect();
                let why = if places[0].why == "erased" { "x" } else { "d" };
                format!("{why}{}", at.join("-"))
            }
            Part::Message { message, is_chosen } => {
                format!("{}m{}", if *is_chosen { "!" } else { "" }, message.sent.event.id)
            }
            Part::Line(line) => format!("q{}", line.record.event.id),
        };
        excerpt.parts.iter().map(part).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_answers_a_note_is_no_answer() {
        let said = |offset: u64, id: &str, more: &str| {
            let sender = r#""sender":{"id":"a","role":"human"}"#;
            let event = format!(r#""id":"{id}","conversation":"c","kind":"message","text":"x""#);
            record(offset, format!("{{{event},{sender}{more}}}"))
        };
        let records = vec![
            said(0, "m", ""),
            said(1, "n", r#","visibility":"private""#),
            said(2, "y", r#","reply_to":"n""#),
            said(3, "z", r#","reply_to":"m""#),
        ];
        let conversation = Conversation { records, ..Conversation::default() };
        let shown = seen(&conversation);
        let answered: Vec<Option<&str>> =
            shown.records.iter().map(|record| record.event.reply_to.as_deref()).collect();
        assert_eq!(answered, [None, None, Some("m")]);
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
            ("mxxm", &[], 0, "m0 x1 x2 m3"),
            ("ddmpd", &[], 0, "d0-1 m2 d4"),
            ("mxmmdm", &["2"], 0, "-2/0:1 !m2 -3/0:1"),
            ("xxd", &[], 0, "x0 x1 d2"),
            ("xxd", &["9"], 0, "-3/0:3"),
            ("xmxmx", &["1"], 0, "x0 !m1 -3/0:2"),
        ];
        for (kinds, chosen, context, expected) in cases {
            assert_eq!(shown(kinds, chosen, context), expected, "{kinds} {chosen:?} {context}");
        }
    }
}
