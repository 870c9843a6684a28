//! What the shop's administration says about keeping a conversation: that it is held or released,
//! that something of it is to be erased, and that this was done. Records of kinds `hold`, `release`
//! and `erase`, in the conversation concerned.
//!
//! ```text
//! hold     data {"case"?}                              text: why
//! release  data {"case"?}                              text: why
//! erase    target? (a message), data {"customer"?}     text: the ground
//! erase    target (the erase record), data {"receipt"} what was done; verbatim itself writes it
//! ```
//! Invariant: a conversation is held while any case holds it; each case is released for itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::ids::check_id;
use super::{Event, FieldError, Kind, Micros, Offset, Record};

/// Cases that hold one conversation at a time: beyond it, a hold is refused.
pub const CASES_MAX: usize = 64;

/// `data` of a hold and of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldData {
    /// For whose sake; absent, it is a case without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
}

/// `data` of an erase.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseData {
    /// The pseudonym of the customer whose part it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Box<RawValue>>,
}

/// What a record says about keeping its conversation.
#[derive(Clone, Debug)]
pub enum Keeping {
    Hold {
        case: String,
    },
    Release {
        case: String,
    },
    Erase(Erasure),
    /// The erasure asked for by the event with this id is done.
    Done {
        id: String,
    },
}

/// What is to be erased of a conversation: a message with all its versions, the part of a customer,
/// or all of it; of what lies before the record that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    pub asked: Offset,
    pub at: Micros,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    pub ground: String,
}

impl Keeping {
    /// What `record` says, where it says anything about keeping.
    pub fn of(record: &Record) -> Option<Keeping> {
        let event = &record.event;
        match event.kind {
            Kind::Hold => Some(Keeping::Hold { case: case_of(event) }),
            Kind::Release => Some(Keeping::Release { case: case_of(event) }),
            Kind::Erase => {
                let data = erase_data(event).unwrap_or_default();
                if data.receipt.is_some() {
                    return Some(Keeping::Done { id: event.target.clone().unwrap_or_default() });
                }
                Some(Keeping::Erase(Erasure {
                    asked: record.offset,
                    at: record.received_at,
                    message: event.target.clone(),
                    customer: data.customer,
                    ground: event.text.clone().unwrap_or_default(),
                }))
            }
            _ => None,
        }
    }
}

/// The cases that hold a conversation after these of its records.
pub fn held_by<'a>(records: impl IntoIterator<Item = &'a Record>) -> BTreeSet<String> {
    let mut cases = BTreeSet::new();
    for record in records {
        match Keeping::of(record) {
            Some(Keeping::Hold { case }) => drop(cases.insert(case)),
            Some(Keeping::Release { case }) => drop(cases.remove(&case)),
            _ => {}
        }
    }
    cases
}

/// Whether an event is the receipt of an erasure.
pub fn is_receipt(event: &Event) -> bool {
    event.kind == Kind::Erase && erase_data(event).is_some_and(|data| data.receipt.is_some())
}

/// Refuses what nobody could act on.
pub(super) fn check(event: &Event) -> Result<(), FieldError> {
    match event.kind {
        Kind::Hold | Kind::Release => check_hold(event),
        Kind::Erase => check_erase(event),
        _ => Ok(()),
    }
}

fn check_hold(event: &Event) -> Result<(), FieldError> {
    let Some(data) = &event.data else { return Ok(()) };
    let data: HoldData = serde_json::from_str(data.get())
        .map_err(|_| FieldError::new("data", data, "be an object with nothing but `case`"))?;
    data.case.as_deref().map_or(Ok(()), |case| check_id("data.case", case))
}

fn check_erase(event: &Event) -> Result<(), FieldError> {
    let Some(data) = &event.data else { return Ok(()) };
    let rule = "be an object with nothing but `customer` or `receipt`";
    let Some(known) = erase_data(event) else { return Err(FieldError::new("data", data, rule)) };
    known.customer.as_deref().map_or(Ok(()), |customer| check_id("data.customer", customer))
}

fn case_of(event: &Event) -> String {
    let data = event.data.as_deref().map(RawValue::get);
    let data = data.and_then(|data| serde_json::from_str::<HoldData>(data).ok());
    data.and_then(|data| data.case).unwrap_or_default()
}

fn erase_data(event: &Event) -> Option<EraseData> {
    serde_json::from_str(event.data.as_deref()?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::record;

    #[test]
    fn each_case_is_released_for_itself() {
        let said = |offset: u64, kind: &str, data: &str| {
            record(
                offset,
                format!(
                    r#"{{"id":"m{offset}","conversation":"c","kind":"{kind}","text":"x",
                    "sender":{{"id":"u","role":"human"}},"data":{data}}}"#
                ),
            )
        };
        let records = [
            said(0, "hold", r#"{"case":"A"}"#),
            said(1, "hold", r#"{"case":"B"}"#),
            said(2, "hold", r#"{"case":"A"}"#),
            said(3, "hold", "{}"),
            said(4, "release", r#"{"case":"A"}"#),
            said(5, "release", "{}"),
            said(6, "release", r#"{"case":"B"}"#),
        ];
        let held = |count: usize| held_by(&records[..count]).into_iter().collect::<Vec<_>>();
        assert_eq!(held(4), ["", "A", "B"]);
        assert_eq!(held(5), ["", "B"]);
        assert_eq!(held(6), ["B"]);
        assert!(held(7).is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        let parsed = |rest: &str| {
            let json = format!(
                r#"{{"id":"m","conversation":"c","sender":{{"id":"u","role":"human"}},{rest}}}"#
            );
            Event::parse(json.as_bytes()).map_err(|error| error.to_string())
        };
        assert!(parsed(r#""kind":"hold","data":{"case":"C-1"}"#).is_ok());
        assert!(parsed(r#""kind":"erase","text":"asked""#).is_ok());
        for (rest, named) in [
            (r#""kind":"hold","data":{"cases":"C-1"}"#, "nothing but `case`"),
            (r#""kind":"release","data":{"case":""}"#, "data.case"),
            (r#""kind":"erase","target":"m1""#, "text"),
            (r#""kind":"erase","text":"x","data":[1]"#, "data"),
        ] {
            assert!(parsed(rest).unwrap_err().contains(named), "{rest}");
        }
    }
}
