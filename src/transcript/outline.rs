//! Which rows a transcript has: each message where it was first said, with all its versions, and each change once more
//! as a line at its own time, since what was objected to may be what was later changed.
//!
//! Invariants: rows are in the order of the log; each record has one receipt, in one row.
//! It makes no row until it is asked for it: of a long conversation a page shows few.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::clock::in_zone;
use super::fold::{Entry, Message, transcript};
use super::row::Row;
use super::rows::View;
use super::stamp::is_timed;
use crate::model::{Micros, Offset, PublicRecord};

/// The rows of one conversation, none of them made.
pub struct Outline<'a> {
    pub view: View<'a>,
    /// In order.
    pub rows: Vec<Planned>,
    entries: Vec<Entry<'a>>,
}

/// A row to be made: what it is sorted and headed by.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub offset: Offset,
    /// When it happened, as far as that is known.
    pub at: Option<Micros>,
    /// Which entry it is of.
    entry: usize,
    part: Part,
}

/// What of an entry a row is.
#[derive(Clone, Copy, Debug)]
enum Part {
    Whole,
    /// Something done to the message, by its place in the list of its kind.
    Edit(usize),
    Retraction(usize),
    Read(usize),
}

/// A row, or the heading where a new day begins.
#[derive(Clone, Copy, Debug)]
pub enum Headed<T> {
    Day(NaiveDate),
    Row(T),
}

/// The rows with a heading where a new day begins; `at` tells when each happened, as far as that is known.
pub fn with_days<T>(
    rows: impl IntoIterator<Item = T>,
    at: impl Fn(&T) -> Option<Micros>,
    zone: Tz,
) -> Vec<Headed<T>> {
    let mut headed = Vec::new();
    let mut day = None;
    for row in rows {
        let own = at(&row).map(|at| in_zone(at, zone).date_naive());
        if own.is_some() && own != day {
            day = own;
            headed.extend(own.map(Headed::Day));
        }
        headed.push(Headed::Row(row));
    }
    headed
}

impl<'a> Outline<'a> {
    pub fn of(view: View<'a>) -> Outline<'a> {
        let entries = transcript(view.seen.records.iter().copied());
        let mut rows = Vec::with_capacity(view.seen.records.len());
        for (entry, folded) in entries.iter().enumerate() {
            let mut plan = |record: &PublicRecord<'_>, part: Part| {
                let at = is_timed(record).then_some(record.occurred_at);
                rows.push(Planned { offset: record.offset, at, entry, part });
            };
            match folded {
                Entry::Line(line) => plan(&line.record, Part::Whole),
                Entry::Message(message) => {
                    plan(&message.sent, Part::Whole);
                    let Message { edits, retractions, reads, .. } = message;
                    edits.iter().enumerate().for_each(|(nth, edit)| plan(edit, Part::Edit(nth)));
                    let retractions = retractions.iter().enumerate();
                    retractions.for_each(|(nth, record)| plan(record, Part::Retraction(nth)));
                    reads.iter().enumerate().for_each(|(nth, read)| plan(read, Part::Read(nth)));
                }
            }
        }
        rows.sort_by_key(|row| row.offset);
        Outline { view, rows, entries }
    }

    /// The rows with a heading where a new day begins.
    pub fn headed(&self) -> Vec<Headed<Planned>> {
        with_days(self.rows.iter().copied(), |row| row.at, self.view.zone)
    }

    /// Makes a row.
    pub fn row(&self, planned: &Planned) -> Row {
        let view = &self.view;
        let change = |message: &Message<'_>, record, before| {
            Row::Change(Box::new(view.change(message, record, before)))
        };
        match (&self.entries[planned.entry], planned.part) {
            (Entry::Line(line), _) => Row::Line(Box::new(view.line(line))),
            (Entry::Message(message), Part::Whole) => Row::Message(Box::new(view.bubble(message))),
            (Entry::Message(message), Part::Edit(nth)) => {
                change(message, &message.edits[nth], message.versions().nth(nth))
            }
            (Entry::Message(message), Part::Retraction(nth)) => {
                change(message, &message.retractions[nth], None)
            }
            (Entry::Message(message), Part::Read(nth)) => {
                change(message, &message.reads[nth], None)
            }
        }
    }

    /// Makes a row, or the heading.
    pub fn made(&self, headed: &Headed<Planned>) -> Row {
        match headed {
            Headed::Day(day) => Row::Day(*day),
            Headed::Row(planned) => self.row(planned),
        }
    }

    /// The records that have their receipts in a row, in the order in which they are read; see
    /// [`Row::stamps_mut`].
    pub fn receipts(&self, planned: &Planned) -> Vec<&PublicRecord<'a>> {
        match (&self.entries[planned.entry], planned.part) {
            (Entry::Line(line), _) => vec![&line.record],
            (Entry::Message(message), Part::Whole) => {
                message.versions().chain(&message.retractions).collect()
            }
            (Entry::Message(message), Part::Read(nth)) => vec![&message.reads[nth]],
            (Entry::Message(_), Part::Edit(_) | Part::Retraction(_)) => Vec::new(),
        }
    }
}
