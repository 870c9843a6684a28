//! A question that the records of one conversation answer by themselves, where there is no index: in a bundle.
//!
//! Invariants: what is a hit here is one in a search ([`Asked::holds`]), order numbers among words included; a
//! field that takes the whole shop to answer is refused by its name.

use std::collections::HashMap;

use chrono_tz::Tz;

use super::clause::{Asked, Clause};
use super::fate::{Change, versions_changed};
use super::language::{Condition, FieldName, Node, Words};
use super::{Mode, SearchError, SearchQuery};
use crate::index::fold;
use crate::model::{FieldError, Kind, Micros, Record};

/// Words in the query language, to be asked of records.
#[derive(Clone, Debug)]
pub struct RecordQuery {
    root: Node,
    mode: Mode,
}

impl RecordQuery {
    /// Reads `words`. Dates are of `zone`, and days before now count from `now`.
    ///
    /// # Errors
    /// With the spot, where they cannot be read; with the field, where records do not answer it.
    pub fn read(
        words: &str,
        mode: Mode,
        zone: Tz,
        now: Micros,
    ) -> Result<RecordQuery, SearchError> {
        let read = SearchQuery::read("", words, zone, now);
        let read = read.map_err(|error| SearchError::of_words(words, &error))?;
        let read = SearchQuery { mode, ..read };
        let empty = || FieldError::new("words", words, "say what to look for");
        let root = read.root.clone().ok_or_else(empty)?;
        read.check_words(&root)?;
        let query = RecordQuery { root, mode };
        // What cannot be answered cannot be answered of nothing either.
        query.asked(&[])?;
        Ok(query)
    }

    /// Those of a conversation's records, which are in order, that are hits.
    pub fn hits<'a>(&self, records: &'a [Record]) -> Result<Vec<&'a Record>, SearchError> {
        let asked = self.asked(records)?;
        Ok(records.iter().filter(|record| asked.holds(record)).collect())
    }

    fn asked(&self, records: &[Record]) -> Result<Asked, SearchError> {
        let root = with_orders(&self.root, records);
        Asked::by(&root, self.mode, &mut |condition| clause_of(condition, records))
    }
}

fn clause_of(condition: &Condition, records: &[Record]) -> Result<Clause, SearchError> {
    let field = match condition {
        Condition::Order(_) => FieldName::Order,
        Condition::Customer(_) => FieldName::Customer,
        Condition::Agent(_) => FieldName::Agent,
        Condition::Category(_) => FieldName::Category,
        Condition::Conversation(name) => return Ok(Clause::Conversations([name.clone()].into())),
        Condition::Role(role) => return Ok(Clause::Role(*role)),
        Condition::Kind(kind) => return Ok(Clause::Kind(*kind)),
        Condition::From(from) => return Ok(Clause::From(*from)),
        Condition::To(to) => return Ok(Clause::To(*to)),
        Condition::HasAttachment => return Ok(Clause::Attachment),
        Condition::IsEdited => return Ok(changed(records, Kind::Edit)),
        Condition::IsRetracted => return Ok(changed(records, Kind::Retract)),
        Condition::IsPrivate => return Ok(Clause::Private),
    };
    let rule = "be left out: it takes a search of the whole shop. Here can stand role:, kind:, from:, to:, has:, is: and conversation:";
    Err(FieldError::new("words", format!("{}:", field.into_str()), rule).into())
}

fn changed(records: &[Record], way: Kind) -> Clause {
    let change = |record: &Record| {
        let event = &record.event;
        let target = event.target.clone()?;
        let is_change = matches!(event.kind, Kind::Edit | Kind::Retract);
        let (kind, id, text) = (event.kind, event.id.clone(), String::new());
        is_change.then_some(Change { kind, id, target, text })
    };
    let changes: Vec<Change> = records.iter().filter_map(change).collect();
    let ids = versions_changed(changes.iter(), way);
    let conversation = records.first().map(|record| record.event.conversation.clone());
    Clause::Messages(conversation.map(|name| (name, ids)).into_iter().collect::<HashMap<_, _>>())
}

/// `node` with each word that stands beside others and is the number of an order of these records meaning that
/// order as well, as in a search of the shop.
fn with_orders(node: &Node, records: &[Record]) -> Node {
    let each = |nodes: &[Node]| nodes.iter().map(|node| with_orders(node, records)).collect();
    let is_order = |words: &Words| {
        let folded = fold(&words.text);
        let orders = records.iter().filter_map(|record| record.event.order.as_deref());
        !words.is_phrase
            && words.text.contains(char::is_numeric)
            && orders.map(fold).any(|order| order == folded)
    };
    match (node, records.first()) {
        (Node::All(nodes), Some(record)) => {
            let all = nodes.iter().map(|node| match node {
                Node::Words(words) if is_order(words) => {
                    let here = Condition::Conversation(record.event.conversation.clone());
                    Node::Any(vec![node.clone(), Node::Field(here)])
                }
                node => with_orders(node, records),
            });
            Node::All(all.collect())
        }
        (Node::Any(nodes), _) => Node::Any(each(nodes)),
        (Node::Not(node), _) => Node::Not(Box::new(with_orders(node, records))),
        _ => node.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    fn chat() -> Vec<Record> {
        let said = |id: &str, role: &str, rest: &str| {
            format!(
                r#"{{"id":"{id}","conversation":"c","sender":{{"id":"x","role":"{role}"}},{rest}}}"#
            )
        };
        let events = [
            said("o", "customer", r#""kind":"open","order":"FL2025""#),
            said("m1", "customer", r#""kind":"message","text":"428元什么时候退？""#),
            said("m2", "human", r#""kind":"message","text":"我承诺1月9日之前退428元""#),
            said("m3", "human", r#""kind":"message","text":"1月9日""#),
            said("e", "human", r#""kind":"edit","target":"m2","text":"1月10日之前退428元""#),
            said("r", "human", r#""kind":"retract","target":"m3""#),
        ];
        events.into_iter().enumerate().map(|(at, event)| record(at as u64, event)).collect()
    }

    #[test]
    fn records_answer_as_a_search_would() {
        let chat = chat();
        let check = |words: &str, mode: Mode, expected: &[&str]| {
            let query = RecordQuery::read(words, mode, Tz::UTC, Micros(0)).unwrap();
            let hits = query.hits(&chat).unwrap();
            let ids: Vec<&str> = hits.iter().map(|record| record.event.id.as_str()).collect();
            assert_eq!(ids, expected, "{words}");
        };
        let folded = Mode::Folded;
        check("1月9日 428", folded, &["m2"]);
        check("428 -承诺", folded, &["m1", "e"]);
        check("role:customer 428", folded, &["m1"]);
        check("NOT 428", folded, &["m3"]);
        check("\"退428\" OR 什么", folded, &["m1", "m2", "e"]);
        check("承諾", folded, &[]);
        check("承諾", Mode::Variants, &["m2"]);
        check("is:edited", folded, &["m2", "e"]);
        check("is:retracted", folded, &["m3"]);
        check("kind:edit 428", folded, &["e"]);
        check("is:private 428", folded, &[]);
        check("fl2025 什么", folded, &["m1"]);
        check("fl2025", folded, &[]);
        check("conversation:d 428", folded, &[]);
    }

    #[test]
    fn what_records_do_not_answer_is_refused_by_its_name() {
        let refused = |words: &str| {
            let read = RecordQuery::read(words, Mode::Folded, Tz::UTC, Micros(0));
            read.unwrap_err().to_string()
        };
        for field in ["order", "customer", "agent", "category"] {
            let said = refused(&format!("428 (x OR -{field}:y)"));
            assert!(said.contains(&format!("words `{field}:` must be left out")), "{said}");
        }
        assert!(refused("428 \"").contains("at character 5"), "{}", refused("428 \""));
        assert!(refused(" ").contains("say what to look for"));
    }
}
