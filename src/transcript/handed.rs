//! Entries as JSON for the other side: what programs of the shop get, without what counts or names records that
//! this reader may not see. No offset and no seq, nobody who sent for others, no ground of an erasure, no answer
//! to what was left out.

use serde::Serialize;

use super::fold::{Entry, Quote, transcript};
use crate::model::{CustomerErased, Event, LeafHash, Micros, Origin, PublicRecord, Seen};

/// One step of a conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
pub enum HandedEntry<'a> {
    Message(HandedMessage<'a>),
    Line(HandedLine<'a>),
}

/// A message with everything that was later done to it.
#[derive(Debug, Serialize)]
pub struct HandedMessage<'a> {
    sent: HandedRecord<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    edits: Vec<HandedRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retractions: Vec<HandedRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<HandedRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<HandedQuote>,
}

/// Anything that is not a message: who did what.
#[derive(Debug, Serialize)]
pub struct HandedLine<'a> {
    record: HandedRecord<'a>,
    words: String,
}

#[derive(Debug, Serialize)]
struct HandedRecord<'a> {
    received_at: Micros,
    occurred_at: Micros,
    origin: Origin,
    leaf: LeafHash,
    shop: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<CustomerErased>,
    event: Event,
}

#[derive(Debug, Serialize)]
struct HandedQuote {
    id: String,
    sender: String,
    excerpt: String,
}

/// The entries of one conversation, as the other side gets them.
pub fn handed<'a>(seen: &Seen<'a>) -> Vec<HandedEntry<'a>> {
    let entries = transcript(seen.records.iter().copied());
    entries.into_iter().map(|entry| handed_entry(entry, seen)).collect()
}

fn handed_entry<'a>(entry: Entry<'a>, seen: &Seen<'a>) -> HandedEntry<'a> {
    let all = |records: &[PublicRecord<'a>]| {
        records.iter().map(|record| handed_record(record, seen)).collect()
    };
    match entry {
        Entry::Message(message) => HandedEntry::Message(HandedMessage {
            sent: handed_record(&message.sent, seen),
            edits: all(&message.edits),
            retractions: all(&message.retractions),
            reads: all(&message.reads),
            reply_to: message.reply_to.filter(|quote| !seen.hides(&quote.id)).map(
                |Quote { id, sender, excerpt, offset: _ }| HandedQuote { id, sender, excerpt },
            ),
        }),
        Entry::Line(line) => HandedEntry::Line(HandedLine {
            record: handed_record(&line.record, seen),
            words: line.words,
        }),
    }
}

fn handed_record<'a>(record: &PublicRecord<'a>, seen: &Seen<'a>) -> HandedRecord<'a> {
    let mut event = record.event.clone();
    event.reply_to = event.reply_to.filter(|id| !seen.hides(id));
    HandedRecord {
        received_at: record.received_at,
        occurred_at: record.occurred_at,
        origin: record.origin,
        leaf: record.leaf,
        shop: record.shop,
        erased: record.erased.map(|erased| CustomerErased { at: erased.at }),
        event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;
    use crate::model::{Audience, Record};

    /// It had the numbers of notes that were left out, and the answers to them.
    #[test]
    fn nothing_counts_or_names_what_was_left_out() {
        let agent = r#""sender":{"id":"a","role":"human"}"#;
        let events = [
            r#""id":"m","kind":"message","text":"hello","data":{"b": 1,"a":2.50}"#,
            r#""id":"hidden","kind":"message","text":"note","visibility":"private""#,
            r#""id":"r","kind":"message","text":"as said","reply_to":"hidden""#,
            r#""id":"s","kind":"message","text":"yes","reply_to":"m""#,
            r#""id":"j","kind":"join""#,
        ];
        let records = (70..).zip(&events).map(|(offset, event)| {
            record(offset, format!(r#"{{"conversation":"c",{event},{agent}}}"#))
        });
        let mut records: Vec<Record> = records.collect();
        records[4] = records[4].erased_at(Micros(5), "names others");
        let seen = Seen::by(Audience::OtherSide, &records);
        let json = serde_json::to_string(&handed(&seen)).unwrap();
        for word in ["hidden", "offset", "\"seq\"", "ground", "names others", "\"by\""] {
            assert!(!json.contains(word), "{word}: {json}");
        }
        for word in [
            "\"entry\":\"message\"",
            "{\"b\": 1,\"a\":2.50}",
            "\"reply_to\":{\"id\":\"m\"",
            "\"erased\":{\"at\"",
        ] {
            assert!(json.contains(word), "{word}: {json}");
        }
    }
}
