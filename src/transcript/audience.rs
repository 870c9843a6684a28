//! Who reads a transcript, and what is left out for them.
//!
//! Invariant: what the other side gets is what the customer could hear ([`CUSTOMER_HEARS`]), without any sign of the rest:
//! nothing that names a record left out, and no number that would count it.

use std::collections::HashSet;

use crate::access::CUSTOMER_HEARS;
use crate::model::{Kind, Record, Visibility};

/// For whom a transcript is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Whoever of the shop reads all conversations: notes, tags and queues included.
    Shop,
    /// The customer, their bank, a platform, a court.
    OtherSide,
}

/// The records that a reader may see, in order.
#[derive(Debug)]
pub struct Seen<'a> {
    pub records: Vec<&'a Record>,
    /// Ids of the events left out: what names one of them would show that it is there.
    hidden: HashSet<&'a str>,
}

impl<'a> Seen<'a> {
    /// What of one conversation's records `audience` may see. What is about the shop and not a chat nobody sees here.
    pub fn by(audience: Audience, records: &'a [Record]) -> Seen<'a> {
        let mut seen = Seen { records: Vec::new(), hidden: HashSet::new() };
        for record in records {
            let event = &record.event;
            let is_about_hidden = changes(event.kind)
                && event.target.as_deref().is_some_and(|target| seen.hidden.contains(target));
            if is_for(audience, record) && !is_about_hidden {
                seen.records.push(record);
            } else {
                seen.hidden.insert(&event.id);
            }
        }
        seen
    }

    /// Whether the event of this id was left out.
    pub(super) fn hides(&self, id: &str) -> bool {
        self.hidden.contains(id)
    }
}

fn is_for(audience: Audience, record: &Record) -> bool {
    let event = &record.event;
    match audience {
        Audience::Shop => event.kind.reserved_conversation().is_none(),
        Audience::OtherSide => {
            event.visibility == Visibility::Public && CUSTOMER_HEARS.contains(&event.kind)
        }
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
        assert_eq!(ids(Audience::OtherSide), ["o", "m", "e"]);
        let seen = Seen::by(Audience::OtherSide, &records);
        assert!(seen.hides("n") && seen.hides("nr") && !seen.hides("m") && !seen.hides("else"));
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
