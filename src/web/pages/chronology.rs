//! Several conversations as one chronology.

use chrono_tz::Tz;

use super::places::{LookAt, OnPage};
use super::{ROWS_PER_PAGE, page_of, rows_on};
use crate::model::{Audience, Micros, Offset, Record, Seen};
use crate::search::Marks;
use crate::transcript::{Headed, Outline, Planned, Row, Summary, View, with_days};
use crate::web::links::address;
use crate::web::shown::Shown;

/// One page of it.
pub(super) struct Chronology {
    pub rows: Vec<Row>,
    pub page: usize,
    pub pages: usize,
}

/// A row of a conversation, by the conversation's number, or the heading where another conversation begins.
enum Step {
    Conversation(usize, Option<Micros>, Offset),
    Row(usize, Planned),
}

impl Chronology {
    /// All rows by time, with a heading where another day or another conversation begins, and of them the `page` asked
    /// for. Blocks.
    pub(super) fn of(
        conversations: &[(String, Vec<Record>)],
        look_at: LookAt<'_>,
        zone: Tz,
        page: &str,
    ) -> Chronology {
        let marks = Marks::default();
        let seen: Vec<Seen<'_>> =
            conversations.iter().map(|(_, records)| Seen::by(Audience::Shop, records)).collect();
        let summaries: Vec<Summary> = seen.iter().map(|seen| Summary::of(&seen.records)).collect();
        let places: Vec<OnPage<'_>> = conversations
            .iter()
            .map(|(name, _)| OnPage { conversation: name, look_at, marks: &marks, carried: "" })
            .collect();
        let views = seen.iter().zip(&summaries).zip(&places);
        let outlines: Vec<Outline<'_>> = views
            .map(|((seen, summary), places)| {
                Outline::of(View::of_shop(seen, summary, zone, places))
            })
            .collect();
        let steps = with_days(in_order(&outlines), Step::at, zone);
        let (page, pages) = page_of(page, steps.len(), ROWS_PER_PAGE);
        let made = |step: &Headed<Step>| match step {
            Headed::Day(day) => Row::Day(*day),
            Headed::Row(Step::Conversation(number, _, offset)) => {
                let (name, _) = &conversations[*number];
                Row::Conversation(Shown::plain(name), address(name, Some(*offset)))
            }
            Headed::Row(Step::Row(number, planned)) => outlines[*number].row(planned),
        };
        Chronology { rows: rows_on(page, &steps).iter().map(made).collect(), page, pages }
    }
}

impl Step {
    fn at(&self) -> Option<Micros> {
        match self {
            Step::Conversation(_, at, _) => *at,
            Step::Row(_, planned) => planned.at,
        }
    }
}

/// All rows by time. What has no time of its own stands behind what came before it in its conversation.
fn in_order(outlines: &[Outline<'_>]) -> Vec<Step> {
    let mut placed = Vec::new();
    for (number, outline) in outlines.iter().enumerate() {
        let mut last = Micros::default();
        for row in &outline.rows {
            last = row.at.unwrap_or(last);
            placed.push((last, number, *row));
        }
    }
    placed.sort_by_key(|(at, _, row)| (*at, row.offset));
    let mut steps = Vec::with_capacity(placed.len());
    let mut current = None;
    for (_, number, row) in placed {
        if current != Some(number) {
            current = Some(number);
            steps.push(Step::Conversation(number, row.at, row.offset));
        }
        steps.push(Step::Row(number, row));
    }
    steps
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::model::Origin;
    use crate::model::testing::{position, record_at};
    use crate::transcript::FileState;

    /// Of the conversation `name`: a message each minute that `minutes` names, each with a file.
    fn conversation(name: &str, minutes: impl Iterator<Item = u64>) -> (String, Vec<Record>) {
        let file = r#"{"name":"a.png","media_type":"image/png","bytes":9,"sha256":"SHA"}"#;
        let file = file.replace("SHA", &"1".repeat(64));
        let record = |minute: u64| {
            let event = format!(
                r#"{{"id":"m{minute}","conversation":"{name}","kind":"message","attachments":[{file}],
                "sender":{{"id":"u","role":"customer"}}}}"#
            );
            let received_at = Micros(minute as i64 * 60_000_000);
            record_at(position(minute, received_at), "s", Origin::Live, event)
        };
        (name.to_string(), minutes.map(record).collect())
    }

    #[test]
    fn conversations_stand_as_they_went_and_only_what_is_shown_is_made() {
        let both = [
            conversation("a", (0..1_200).filter(|minute| minute % 3 != 0)),
            conversation("b", (0..1_200).filter(|minute| minute % 3 == 0)),
        ];
        let looked_at = RefCell::new(Vec::new());
        let look_at = |record: &Record, _: &str| {
            looked_at.borrow_mut().push(record.offset.0);
            FileState::Picture
        };
        let page = |page: &str| Chronology::of(&both, &look_at, chrono_tz::UTC, page);
        let first = page("");
        // Each third message is of the other one, each with a heading, as is the message behind it; and one day.
        assert_eq!((first.rows.len(), first.page, first.pages), (ROWS_PER_PAGE, 1, 3));
        assert!(matches!(&first.rows[0], Row::Day(_)));
        assert!(matches!(&first.rows[1], Row::Conversation(name, _) if name.text() == "b"));
        let shown = looked_at.take();
        assert_eq!(shown, (0..shown.len() as u64).collect::<Vec<_>>());
        let rest = [page("2"), page("99")];
        assert_eq!((rest[1].page, rest[1].rows.len()), (3, 1));
        assert_eq!(looked_at.take(), (shown.len() as u64..1_200).collect::<Vec<_>>());
    }
}
