//! Several conversations as one chronology.

use chrono_tz::Tz;

use super::places::{Files, OnPage};
use crate::model::{Audience, Micros, Offset, Record, Seen};
use crate::search::Marks;
use crate::transcript::{Dated, Row, Summary, View, with_days};
use crate::web::links::address;
use crate::web::shown::Shown;

/// A row, when it happened, and the number of its conversation.
type Placed = (Micros, Offset, usize, Dated);

/// All rows by time, with a heading where another day or another conversation begins. What has no time of its own stands
/// behind what came before it in its conversation.
pub(super) fn chronology(
    conversations: &[(String, Vec<Record>)],
    files: &Files,
    zone: Tz,
) -> Vec<Row> {
    let mut placed: Vec<Placed> = Vec::new();
    for (number, (name, records)) in conversations.iter().enumerate() {
        let mut last = Micros::default();
        for dated in dated_rows(name, records, files, zone) {
            last = dated.at.unwrap_or(last);
            placed.push((last, dated.offset, number, dated));
        }
    }
    placed.sort_by_key(|(at, offset, _, _)| (*at, *offset));
    let mut rows = Vec::with_capacity(placed.len());
    let mut current = None;
    for (_, offset, number, dated) in placed {
        if current != Some(number) {
            current = Some(number);
            let name = &conversations[number].0;
            let row = Row::Conversation(Shown::plain(name), address(name, Some(offset)));
            rows.push(Dated { offset, at: dated.at, row });
        }
        rows.push(dated);
    }
    with_days(rows, zone)
}

fn dated_rows(name: &str, records: &[Record], files: &Files, zone: Tz) -> Vec<Dated> {
    let seen = Seen::by(Audience::Shop, records);
    let summary = Summary::of(&seen.records);
    let marks = Marks::default();
    let places = OnPage { conversation: name, files, marks: &marks, carried: "" };
    let view = View {
        seen: &seen,
        audience: Audience::Shop,
        part: 1,
        zone,
        language: &summary.language,
        order: summary.orders.first().map(String::as_str),
        by: summary.by.as_ref(),
        places: &places,
    };
    view.dated_rows()
}
