//! A transcript as rows: each message where it was first said, with all its versions, and each change once more as a
//! line at its own time, since what was objected to may be what was later changed.
//!
//! Invariants: rows are in the order of the log; each record has one receipt, in one row.

use std::collections::HashMap;

use chrono_tz::Tz;

use super::change::changed;
use super::clock::in_zone;
use super::fold::{Entry, Line, Message, transcript};
use super::labels::{kind_label, role_label, role_name};
use super::row::{
    Act, Bubble, ChangeView, FileState, FileView, Hit, LineView, Reply, Row, SenderView, Version,
};
use super::shown::Shown;
use super::stamp::{Place, Stamp, citation, clocks, erased, is_timed, local, time_of_day};
use crate::model::{
    Attachment, Audience, By, Event, Kind, Micros, Offset, Origin, PublicRecord, Seen, Visibility,
};

/// What a transcript's surroundings know of it.
pub trait Places {
    /// Where a record stands, by its name in the page.
    fn record(&self, anchor: &str, offset: Offset) -> String;
    /// What is known of a file, and where it can be had: empty where it cannot.
    fn file(&self, event: &Event, file: &Attachment) -> (FileState, String);
    /// What of a text was searched for: byte ranges of it.
    fn spans(&self, text: &str) -> Vec<(usize, usize)>;
}

/// A file that stands for itself: links stay within it, and files are named.
pub struct Inert;

impl Places for Inert {
    fn record(&self, anchor: &str, _offset: Offset) -> String {
        format!("#{anchor}")
    }

    fn file(&self, _event: &Event, _file: &Attachment) -> (FileState, String) {
        (FileState::NotAsked, String::new())
    }

    fn spans(&self, _text: &str) -> Vec<(usize, usize)> {
        Vec::new()
    }
}

/// What all rows of one conversation share.
pub struct View<'a> {
    pub seen: &'a Seen<'a>,
    pub audience: Audience,
    /// Number of this conversation among those shown together, from 1.
    pub part: usize,
    pub zone: Tz,
    /// The conversation's language, as far as it is known.
    pub language: &'a str,
    pub order: Option<&'a str>,
    /// Who really sent all of it: said above, not with each record.
    pub by: Option<&'a By>,
    pub places: &'a dyn Places,
}

/// A row with what it is sorted and headed by.
pub struct Dated {
    pub offset: Offset,
    /// When it happened, as far as that is known.
    pub at: Option<Micros>,
    pub row: Row,
}

/// Rows with a heading where a new day begins.
pub fn with_days(dated: Vec<Dated>, zone: Tz) -> Vec<Row> {
    let mut rows = Vec::with_capacity(dated.len());
    let mut day = None;
    for Dated { at, row, .. } in dated {
        let own = at.map(|at| in_zone(at, zone).date_naive());
        if own.is_some() && own != day {
            day = own;
            rows.extend(own.map(Row::Day));
        }
        rows.push(row);
    }
    rows
}

impl View<'_> {
    /// All rows, with a heading where a new day begins.
    pub fn rows(&self) -> Vec<Row> {
        with_days(self.dated_rows(), self.zone)
    }

    /// All rows in order, without headings.
    pub fn dated_rows(&self) -> Vec<Dated> {
        let places: HashMap<Offset, usize> =
            (1..).zip(&self.seen.records).map(|(number, record)| (record.offset, number)).collect();
        let numbered = Numbered { view: self, numbers: places };
        let mut rows = Vec::new();
        for entry in transcript(self.seen.records.iter().copied()) {
            match entry {
                Entry::Line(line) => {
                    let row = Row::Line(Box::new(numbered.line(&line)));
                    rows.push(numbered.dated(&line.record, row));
                }
                Entry::Message(message) => {
                    let row = Row::Message(Box::new(numbered.bubble(&message)));
                    rows.push(numbered.dated(&message.sent, row));
                    rows.extend(numbered.changes(&message));
                }
            }
        }
        rows.sort_by_key(|dated| dated.offset);
        rows
    }
}

/// A view that knows each record's place among those shown.
struct Numbered<'a> {
    view: &'a View<'a>,
    numbers: HashMap<Offset, usize>,
}

impl Numbered<'_> {
    fn dated(&self, record: &PublicRecord<'_>, row: Row) -> Dated {
        let at = is_timed(record).then_some(record.occurred_at);
        Dated { offset: record.offset, at, row }
    }

    fn bubble(&self, message: &Message<'_>) -> Bubble {
        let event = message.sent.event;
        let version = |record: &PublicRecord<'_>| Version {
            text: self.shown(record.event.text.as_deref()),
            files: self.files(record.event),
            stamp: self.stamp(record),
            edited_by: (record.offset != message.sent.offset).then(|| self.sender(record).name),
        };
        let all_text: String =
            message.versions().filter_map(|version| version.event.text.as_deref()).collect();
        Bubble {
            sender: self.sender(&message.sent),
            language: language_of(&all_text, event.language.as_deref(), self.view.language),
            private: event.visibility == Visibility::Private,
            automatic: event.automatic,
            reply: self.reply(message),
            versions: message.versions().map(version).collect(),
            acts: self.acts(message),
            retracted: !message.retractions.is_empty(),
            data: plain(event.data.as_ref().map(|data| data.get())),
        }
    }

    fn reply(&self, message: &Message<'_>) -> Option<Reply> {
        let quote = message.reply_to.as_ref().filter(|quote| !self.view.seen.hides(&quote.id))?;
        let answered = quote.offset.and_then(|offset| self.record_at(offset));
        let address = quote.offset.map(|offset| self.address(offset));
        Some(Reply {
            sender: Shown::plain(&quote.sender),
            excerpt: Shown::plain(&quote.excerpt),
            id: Shown::plain(&quote.id),
            address: address.unwrap_or_default(),
            private: answered.is_some_and(|event| event.visibility == Visibility::Private),
        })
    }

    fn record_at(&self, offset: Offset) -> Option<&Event> {
        let place = self.numbers.get(&offset)?.checked_sub(1)?;
        self.view.seen.records.get(place).map(|record| &record.event)
    }

    fn line(&self, line: &Line<'_>) -> LineView {
        let event = line.record.event;
        LineView {
            stamp: self.stamp(&line.record),
            sender: self.sender(&line.record),
            label: kind_label(event.kind),
            summary: Shown::plain(&line.words),
            private: event.visibility == Visibility::Private,
            internal: !Audience::OtherSide.hears(event),
            text: self.shown(event.text.as_deref()),
            files: self.files(event),
            data: plain(event.data.as_ref().map(|data| data.get())),
        }
    }

    fn acts(&self, message: &Message<'_>) -> Vec<Act> {
        let act = |record: &PublicRecord<'_>| Act {
            label: kind_label(record.event.kind),
            retracts: record.event.kind == Kind::Retract,
            stamp: self.stamp(record),
            by: self.sender(record).name,
            reason: self.shown(record.event.text.as_deref()),
        };
        let mut later: Vec<&PublicRecord<'_>> =
            message.retractions.iter().chain(&message.reads).collect();
        later.sort_by_key(|record| record.offset);
        later.into_iter().map(act).collect()
    }

    /// What was done to a message, each at its own time.
    fn changes(&self, message: &Message<'_>) -> Vec<Dated> {
        let edits = message.versions().zip(&message.edits);
        let edits = edits.map(|(before, edit)| self.change(message, edit, Some(before)));
        let others = message.retractions.iter().chain(&message.reads);
        edits.chain(others.map(|record| self.change(message, record, None))).collect()
    }

    fn change(
        &self,
        message: &Message<'_>,
        record: &PublicRecord<'_>,
        before: Option<&PublicRecord<'_>>,
    ) -> Dated {
        let text = |record: &PublicRecord<'_>| record.event.text.clone().unwrap_or_default();
        let places = before.filter(|before| before.erased.is_none() && record.erased.is_none());
        let places = places.map(|before| changed(&text(before), &text(record))).unwrap_or_default();
        let both =
            |(before, after): (String, String)| (Shown::plain(&before), Shown::plain(&after));
        let mut stamp = self.stamp(record);
        let has_receipt = record.event.kind == Kind::Read;
        if !has_receipt {
            // The record's name in the page is where its receipt is.
            stamp.anchor = format!("at-{}", stamp.anchor);
        }
        let change = ChangeView {
            stamp,
            sender: self.sender(record),
            label: kind_label(record.event.kind),
            has_receipt,
            private: record.event.visibility == Visibility::Private
                || message.sent.event.visibility == Visibility::Private,
            of_time: time_of_day(&message.sent, self.view.zone),
            of_sender: self.sender(&message.sent).name,
            of_address: self.address(message.sent.offset),
            places: places.into_iter().map(both).collect(),
        };
        self.dated(record, Row::Change(Box::new(change)))
    }

    fn stamp(&self, record: &PublicRecord<'_>) -> Stamp {
        let view = self.view;
        let place = (view.audience == Audience::Shop)
            .then_some(Place { offset: record.offset, seq: record.seq.0 });
        let cited = citation(record, view.order, place, view.zone);
        let spans = record.event.text.as_deref().map(|text| view.places.spans(text));
        Stamp {
            anchor: self.anchor(record.offset),
            address: self.address(record.offset),
            number: self.number(record.offset),
            place,
            time: time_of_day(record, view.zone),
            local: local(record, view.zone),
            machine: record.occurred_at.to_string(),
            clocks: clocks(record, view.zone),
            imported: record.origin == Origin::Imported,
            leaf: record.leaf,
            erased: plain(erased(record, place.is_some(), view.zone).as_deref()),
            erased_on_paper: plain(erased(record, false, view.zone).as_deref()),
            citation: Shown::plain(&cited),
            hit: spans.filter(|spans| !spans.is_empty()).map(|_| Hit::default()),
        }
    }

    fn number(&self, offset: Offset) -> usize {
        self.numbers.get(&offset).copied().unwrap_or_default()
    }

    /// A record's name in the page: by its offset, or, where that is not told, by its place among what is shown.
    fn anchor(&self, offset: Offset) -> String {
        match self.view.audience {
            Audience::Shop => format!("m-{offset}"),
            Audience::OtherSide => format!("r-{}-{}", self.view.part, self.number(offset)),
        }
    }

    fn address(&self, offset: Offset) -> String {
        self.view.places.record(&self.anchor(offset), offset)
    }

    fn files(&self, event: &Event) -> Vec<FileView> {
        event.attachments.iter().map(|file| self.file(event, file)).collect()
    }

    fn file(&self, event: &Event, file: &Attachment) -> FileView {
        let (state, address) = self.view.places.file(event, file);
        FileView {
            name: Shown::plain(&file.name),
            state,
            address,
            media_type: Shown::plain(&file.media_type),
            bytes: file.bytes,
            sha256: file.sha256.clone(),
        }
    }

    fn shown(&self, text: Option<&str>) -> Shown {
        text.map(|text| Shown::marked(text, &self.view.places.spans(text))).unwrap_or_default()
    }

    fn sender(&self, record: &PublicRecord<'_>) -> SenderView {
        let sender = &record.event.sender;
        let name = sender.name.as_ref().unwrap_or(&sender.id);
        let own_role = role_name(sender.role);
        let by = record
            .by
            .filter(|by| self.view.audience == Audience::Shop && self.view.by != Some(*by));
        let by = by.map(|by| format!("{} {}", by.role.as_str(), by.sub));
        SenderView {
            id: sender.id.clone(),
            name: Shown::plain(name),
            role: sender.role.as_str(),
            role_name: if own_role == name { "" } else { own_role },
            role_label: role_label(sender.role),
            by: plain(by.as_deref()),
        }
    }
}

fn plain(text: Option<&str>) -> Shown {
    text.map(Shown::plain).unwrap_or_default()
}

/// The language a message is in, as far as it is known: its own, or the conversation's where the letters are not such
/// that any language may use them.
fn language_of(text: &str, own: Option<&str>, conversation: &str) -> String {
    match own {
        Some(own) => own.to_string(),
        None if text.is_ascii() => String::new(),
        None => conversation.to_string(),
    }
}
