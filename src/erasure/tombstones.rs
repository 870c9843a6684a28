//! What becomes of a conversation's records when something of it is erased: pure.
//!
//! - a message: with every edit and retraction of it, whichever of them was named;
//! - a customer's part: what they sent, and their id wherever the conversation names them;
//! - all of it: every text, file, data and sender's name.
//!
//! Of what lies before the record that asks, and never of what the shop's administration said (holds,
//! releases, erasures). A quote in another message is that message's; order numbers, labels, times and
//! roles stay, since figures and the shop's books are made of them.

use std::collections::{BTreeSet, HashSet};

use crate::model::{Erasure, Kind, Offset, Pseudonyms, Record, Role};

/// The records that are no longer what they were, in order, as they are to be.
pub fn tombstones(
    records: &[Record],
    erasures: &[Erasure],
    pseudonyms: &Pseudonyms,
) -> Vec<Record> {
    let mut now: Vec<Record> = records.to_vec();
    for erasure in erasures {
        let named = erasure.message.as_deref().map(|id| versions_of(records, id));
        for record in &mut now {
            let is_later = record.offset >= erasure.asked;
            if !is_later && !record.event.kind.is_administrative() {
                *record = erased(record, erasure, named.as_ref(), pseudonyms);
            }
        }
    }
    let changed = records.iter().zip(now).filter(|(before, now)| !is_same(before, now));
    changed.map(|(_, now)| now).collect()
}

/// The records that have no content since this erasure, of a conversation as it is now.
pub fn erased_by(records: &[Record], erasure: &Erasure) -> BTreeSet<Offset> {
    let named = erasure.message.as_deref().map(|id| versions_of(records, id));
    let is_about = |record: &Record| match (&named, &erasure.customer) {
        (Some(named), _) => named.contains(record.event.id.as_str()),
        (None, Some(customer)) => {
            let event = &record.event;
            event.sender.id == *customer || event.customer.as_ref() == Some(customer)
        }
        (None, None) => true,
    };
    let is_then = |record: &Record| {
        let erased = record.erased.as_deref();
        erased.is_some_and(|erased| erased.at == erasure.at && erased.ground == erasure.ground)
    };
    let gone = records.iter().filter(|record| is_then(record) && is_about(record));
    gone.map(|record| record.offset).collect()
}

/// Whether a hold keeps an erasure back: while the truth still has what it is about. One that has
/// begun is brought to its end.
pub fn is_held_back(is_held: bool, tombstones: &[Record]) -> bool {
    is_held && !tombstones.is_empty()
}

fn erased(
    record: &Record,
    erasure: &Erasure,
    named: Option<&HashSet<&str>>,
    pseudonyms: &Pseudonyms,
) -> Record {
    let is_about = match (named, &erasure.customer) {
        (Some(named), _) => named.contains(record.event.id.as_str()),
        (None, Some(customer)) => return without_customer(record, erasure, customer, pseudonyms),
        (None, None) => has_content(record),
    };
    if is_about { record.erased_at(erasure.at, &erasure.ground) } else { record.clone() }
}

/// The record with `customer`, a pseudonym, in the place of whom it stands for.
fn without_customer(
    record: &Record,
    erasure: &Erasure,
    customer: &str,
    pseudonyms: &Pseudonyms,
) -> Record {
    let is_them = |id: &str| pseudonyms.of(&record.shop, id) == customer;
    let event = &record.event;
    let sent = event.sender.role == Role::Customer && is_them(&event.sender.id);
    let named = event.customer.as_deref().is_some_and(is_them);
    if !sent && !named {
        return record.clone();
    }
    let mut tombstone = record.erased_at(erasure.at, &erasure.ground);
    if sent {
        tombstone.event.sender.id = customer.to_string();
    }
    if named {
        tombstone.event.customer = Some(customer.to_string());
    }
    tombstone
}

/// A message and all that edited or retracted it, by any of their ids.
fn versions_of<'a>(records: &'a [Record], id: &'a str) -> HashSet<&'a str> {
    let changes = |record: &&Record| matches!(record.event.kind, Kind::Edit | Kind::Retract);
    let target_of = |id: &str| {
        let change = records.iter().filter(changes).find(|record| record.event.id == id);
        change.and_then(|record| record.event.target.as_deref())
    };
    let mut message = id;
    // Each step leads to an earlier record.
    for _ in 0..records.len() {
        match target_of(message) {
            Some(target) => message = target,
            None => break,
        }
    }
    let mut named = HashSet::from([message, id]);
    for record in records.iter().filter(changes) {
        if record.event.target.as_deref().is_some_and(|target| named.contains(target)) {
            named.insert(&record.event.id);
        }
    }
    named
}

fn has_content(record: &Record) -> bool {
    let event = &record.event;
    event.text.is_some()
        || !event.attachments.is_empty()
        || event.data.is_some()
        || event.sender.name.is_some()
}

fn is_same(before: &Record, now: &Record) -> bool {
    before.erased.is_some() == now.erased.is_some()
        && before.event.sender.id == now.event.sender.id
        && before.event.customer == now.event.customer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;
    use crate::model::testing::record;

    fn conversation() -> Vec<Record> {
        let said = |offset: u64, sender: &str, role: &str, rest: &str| {
            record(
                offset,
                format!(
                    r#"{{"id":"m{offset}","conversation":"c",
                    "sender":{{"id":"{sender}","role":"{role}"}},{rest}}}"#
                ),
            )
        };
        vec![
            said(0, "bo", "human", r#""kind":"open","customer":"ann""#),
            said(1, "ann", "customer", r#""kind":"message","text":"my card is 4711""#),
            said(2, "ann", "customer", r#""kind":"edit","target":"m1","text":"4712""#),
            said(3, "bo", "human", r#""kind":"message","text":"4711?","reply_to":"m1""#),
            said(4, "ann", "customer", r#""kind":"edit","target":"m2","text":"4713""#),
            said(5, "bo", "human", r#""kind":"hold","text":"a case""#),
            said(6, "ann", "customer", r#""kind":"read","target":"m3""#),
        ]
    }

    fn erasure(message: Option<&str>, customer: Option<String>) -> Erasure {
        let (asked, at) = (Offset(9), Micros(9));
        let ground = "asked".to_string();
        Erasure { asked, at, message: message.map(str::to_string), customer, ground }
    }

    fn changed(erasure: Erasure) -> Vec<u64> {
        let pseudonyms = Pseudonyms::new([1; 32]);
        let now = tombstones(&conversation(), &[erasure], &pseudonyms);
        now.iter().map(|record| record.offset.0).collect()
    }

    #[test]
    fn a_message_goes_with_every_version_whichever_is_named() {
        for named in ["m1", "m2", "m4"] {
            assert_eq!(changed(erasure(Some(named), None)), [1, 2, 4], "{named}");
        }
        assert_eq!(changed(erasure(Some("m3"), None)), [3], "a quote is another's message");
    }

    #[test]
    fn all_of_a_conversation_is_what_has_words_and_not_what_administration_said() {
        assert_eq!(changed(erasure(None, None)), [1, 2, 3, 4]);
        let early = Erasure { asked: Offset(3), ..erasure(None, None) };
        assert_eq!(changed(early), [1, 2], "what comes later stays");
    }

    #[test]
    fn a_customer_goes_wherever_the_conversation_names_them() {
        let pseudonyms = Pseudonyms::new([1; 32]);
        let ann = pseudonyms.of("s", "ann");
        let all = erasure(None, Some(ann.clone()));
        assert_eq!(changed(all.clone()), [0, 1, 2, 4, 6]);
        let now = tombstones(&conversation(), std::slice::from_ref(&all), &pseudonyms);
        assert!(now.iter().all(|record| !format!("{record:?}").contains("\"ann\"")));
        assert_eq!(now[0].event.customer.as_ref(), Some(&ann));
        // Whatever was erased before, and however often it is asked.
        let message = erasure(Some("m1"), None);
        let both = tombstones(&conversation(), &[message, all.clone()], &pseudonyms);
        assert_eq!(both.len(), 5);
        let mut records = conversation();
        for tombstone in both {
            let place = tombstone.offset.0 as usize;
            records[place] = tombstone;
        }
        assert!(tombstones(&records, std::slice::from_ref(&all), &pseudonyms).is_empty());
        let of_message = Erasure { at: Micros(8), ..erasure(Some("m1"), None) };
        assert!(erased_by(&records, &of_message).is_empty(), "that was another erasure");
        let by_all = erased_by(&records, &all);
        assert!(by_all.contains(&Offset(0)) && by_all.contains(&Offset(6)), "{by_all:?}");
    }
}
