//! Who reads a conversation, and what of it is left out for them. Whatever leaves the shop asks here: a chat's live
//! delivery, transcripts, bundles, packs.
//!
//! Invariant: what the other side gets is what the customer could hear ([`CUSTOMER_HEARS`]), without any sign of the rest:
//! nothing that names a record left out.

use std::collections::HashSet;

use super::{Event, Kind, Record, Visibility};

/// What a customer hears of a conversation: what was said, who came and went, how it ended. Not how
/// the shop passes it around.
pub const CUSTOMER_HEARS: &[Kind] = &[
    Kind::Open,
    Kind::Message,
    Kind::Edit,
    Kind::Retract,
    Kind::Resolve,
    Kind::Reopen,
    Kind::RateRequest,
    Kind::Rate,
    Kind::Read,
    Kind::Join,
    Kind::Leave,
    Kind::Call,
];

/// For whom a conversation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever of the shop reads all conversations: notes, tags and queues included.
    Shop,
    /// The customer, their bank, a platform, a court.
    OtherSide,
}

impl Audience {
    /// Whether this reader may have an event, looked at alone. What is about the shop and not a chat nobody has here.
    pub fn hears(self, event: &Event) -> bool {
        match self {
            Audience::Shop => event.kind.reserved_conversation().is_none(),
            Audience::OtherSide => {
                event.visibility == Visibility::Public && CUSTOMER_HEARS.contains(&event.kind)
            }
        }
    }
}

/// One reader of one conversation, who is told of its records in order.
#[derive(Debug)]
pub struct Reader {
    audience: Audience,
    /// Ids of the events left out: what names one of them would show that it is there.
    hidden: HashSet<String>,
}

impl Reader {
    pub fn new(audience: Audience) -> Reader {
        Reader { audience, hidden: HashSet::new() }
    }

    /// Whether the reader may see the next record: not so, where it changes one that they may not see.
    pub fn sees(&mut self, event: &Event) -> bool {
        let is_about_hidden = changes(event.kind)
            && event.target.as_deref().is_some_and(|target| self.hidden.contains(target));
        let sees = self.audience.hears(event) && !is_about_hidden;
        if !sees {
            self.hidden.insert(event.id.clone());
        }
        sees
    }

    /// Whether an event, which they see, answers one that was left out: its `reply_to` names that.
    pub fn answers_hidden(&self, event: &Event) -> bool {
        event.reply_to.as_deref().is_some_and(|answered| self.hidden.contains(answered))
    }
}

/// The records that a reader may see, in order.
#[derive(Debug)]
pub struct Seen<'a> {
    pub records: Vec<&'a Record>,
    reader: Reader,
}

impl<'a> Seen<'a> {
    /// What of one conversation's records `audience` may see.
    pub fn by(audience: Audience, records: &'a [Record]) -> Seen<'a> {
        let mut reader = Reader::new(audience);
        let records = records.iter().filter(|record| reader.sees(&record.event)).collect();
        Seen { records, reader }
    }

    /// Whether the event of this id was left out.
    pub fn hides(&self, id: &str) -> bool {
        self.reader.hidden.contains(id)
    }
}

fn changes(kind: Kind) -> bool {
    matches!(kind, Kind::Edit | Kind::Retract | Kind::Read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    fn events() -> Vec<Record> {
        let agent = r#""sender":{"id":"a","role":"human"}"#;
        let events = [
            r#""id":"o","kind":"open""#,
            r#""id":"m","kind":"message","text":"hello""#,
            r#""id":"n","kind":"message","text":"note","visibility":"private""#,
            r#""id":"ne","kind":"edit","target":"n","text":"note 2","visibility":"private""#,
            r#""id":"nr","kind":"read","target":"n""#,
            r#""id":"nr2","kind":"read","target":"ne""#,
            r#""id":"t","kind":"tag","category":"fraud""#,
            r#""id":"e","kind":"edit","target":"m","text":"hello!""#,
            r#""id":"a","kind":"message","text":"as noted","reply_to":"n""#,
            r#""id":"b","kind":"message","text":"as said","reply_to":"m""#,
        ];
        let record = |(offset, event): (u64, &&str)| {
            record(offset, format!(r#"{{"conversation":"c",{event},{agent}}}"#))
        };
        (0..).zip(&events).map(record).collect()
    }

    #[test]
    fn the_other_side_gets_what_the_customer_heard_and_nothing_about_the_rest() {
        let records = events();
        let ids = |audience| {
            let seen = Seen::by(audience, &records);
            seen.records.iter().map(|record| record.event.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(Audience::Shop).len(), records.len());
        assert_eq!(ids(Audience::OtherSide), ["o", "m", "e", "a", "b"]);
        let seen = Seen::by(Audience::OtherSide, &records);
        assert!(seen.hides("n") && seen.hides("nr") && !seen.hides("m") && !seen.hides("else"));
    }

    #[test]
    fn an_answer_to_what_was_left_out_is_known_as_such() {
        let records = events();
        let answers_hidden = |audience| {
            let mut reader = Reader::new(audience);
            let mut answers = |record: &&Record| {
                reader.sees(&record.event);
                reader.answers_hidden(&record.event)
            };
            let found = records.iter().filter(&mut answers);
            found.map(|record| record.event.id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(answers_hidden(Audience::OtherSide), ["a"]);
        assert_eq!(answers_hidden(Audience::Shop).len(), 0);
    }

    #[test]
    fn what_is_about_the_shop_nobody_sees_here() {
        let rules = r#"{"id":"r","conversation":"@rules","kind":"rules","data":{"idle_hours":24},
            "sender":{"id":"boss","role":"human"}}"#;
        let records = [record(0, rules)];
        for audience in [Audience::Shop, Audience::OtherSide] {
            assert_eq!(Seen::by(audience, &records).records.len(), 0);
        }
    }
}
