//! How each row of a transcript is made: texts escaped, what was searched for marked, citations written.
//!
//! It decides neither which rows there are nor in which order: [`Outline`](super::Outline) does.

use chrono_tz::Tz;

use super::change::changed;
use super::fold::{Line, Message};
use super::labels::{
    ERASED, INTERNAL, PRIVATE_NOTE, TIME_NOT_KNOWN, UNCHANGED, kind_label, role_label, role_name,
};
use super::row::{
    Act, Bubble, ChangeView, FileState, FileView, Hit, LineView, Reply, SenderView, Version,
};
use super::shown::Shown;
use super::stamp::{Place, Stamp, citation, clocks, erased, local, time_of_day};
use super::summary::Summary;
use crate::model::{
    Attachment, Audience, Event, Kind, Offset, Origin, PublicRecord, Record, Seen, Visibility,
};

/// What a transcript's surroundings know of it. They are asked for what is shown and for nothing else.
pub trait Places {
    /// Where a record stands, by its name in the page.
    fn record(&self, anchor: &str, offset: Offset) -> String;
    /// What is known of a file that `record` names, and where it can be had: empty where it cannot.
    fn file(&self, record: &Record, file: &Attachment) -> (FileState, String);
    /// What of a text was searched for: byte ranges of it.
    fn spans(&self, text: &str) -> Vec<(usize, usize)>;
}

/// A file that stands for itself: links stay within it, and files are named.
pub struct Inert;

impl Places for Inert {
    fn record(&self, anchor: &str, _offset: Offset) -> String {
        format!("#{anchor}")
    }

    fn file(&self, _record: &Record, _file: &Attachment) -> (FileState, String) {
        (FileState::NotAsked, String::new())
    }

    fn spans(&self, _text: &str) -> Vec<(usize, usize)> {
        Vec::new()
    }
}

/// What all rows of one conversation share.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub seen: &'a Seen<'a>,
    pub summary: &'a Summary,
    pub audience: Audience,
    /// Number of this conversation among those shown together, from 1.
    pub part: usize,
    pub zone: Tz,
    pub order: Option<&'a str>,
    pub places: &'a dyn Places,
}

impl<'a> View<'a> {
    /// A conversation on a page of the shop's.
    pub fn of_shop(
        seen: &'a Seen<'a>,
        summary: &'a Summary,
        zone: Tz,
        places: &'a dyn Places,
    ) -> View<'a> {
        let order = summary.orders.first().map(String::as_str);
        View { seen, summary, audience: Audience::Shop, part: 1, zone, order, places }
    }

    /// Where a record stands.
    pub fn address(&self, offset: Offset) -> String {
        self.places.record(&self.anchor(offset), offset)
    }

    /// A record's name in the page: by its offset, or, where that is not told, by its place among what is shown.
    pub fn anchor(&self, offset: Offset) -> String {
        match self.audience {
            Audience::Shop => format!("m-{offset}"),
            Audience::OtherSide => format!("r-{}-{}", self.part, self.number(offset)),
        }
    }

    pub(super) fn bubble(&self, message: &Message<'_>) -> Bubble {
        let event = message.sent.event;
        let version = |record: &PublicRecord<'_>| Version {
            text: self.shown(record.event.text.as_deref()),
            files: self.files(record),
            stamp: self.stamp(record, self.fate(message, record)),
            edited_by: (record.offset != message.sent.offset).then(|| self.sender(record).name),
        };
        let all_text: String =
            message.versions().filter_map(|version| version.event.text.as_deref()).collect();
        Bubble {
            sender: self.sender(&message.sent),
            language: language_of(&all_text, event.language.as_deref(), &self.summary.language),
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
        let quote = message.reply_to.as_ref().filter(|quote| !self.seen.hides(&quote.id))?;
        let answered = quote.offset.and_then(|offset| self.record_at(offset));
        let address = quote.offset.map(|offset| self.address(offset));
        Some(Reply {
            sender: Shown::plain(&quote.sender),
            excerpt: Shown::plain(&quote.excerpt),
            id: Shown::plain(&quote.id),
            address: address.unwrap_or_default(),
            private: answered.is_some_and(|record| record.event.visibility == Visibility::Private),
        })
    }

    fn record_at(&self, offset: Offset) -> Option<&'a Record> {
        let records = &self.seen.records;
        let place = records.binary_search_by_key(&offset, |record| record.offset).ok()?;
        records.get(place).copied()
    }

    /// A record's place among those shown, from 1.
    fn number(&self, offset: Offset) -> usize {
        let place = self.seen.records.binary_search_by_key(&offset, |record| record.offset);
        place.map_or(0, |place| place + 1)
    }

    pub(super) fn line(&self, line: &Line<'_>) -> LineView {
        let event = line.record.event;
        LineView {
            stamp: self.stamp(&line.record, private(event)),
            sender: self.sender(&line.record),
            label: kind_label(event.kind),
            summary: Shown::plain(&line.words),
            private: event.visibility == Visibility::Private,
            internal: !Audience::OtherSide.hears(event),
            text: self.shown(event.text.as_deref()),
            files: self.files(&line.record),
            data: plain(event.data.as_ref().map(|data| data.get())),
        }
    }

    fn acts(&self, message: &Message<'_>) -> Vec<Act> {
        let act = |record: &PublicRecord<'_>| Act {
            label: kind_label(record.event.kind),
            retracts: record.event.kind == Kind::Retract,
            stamp: self.stamp(record, private(record.event)),
            by: self.sender(record).name,
            reason: self.shown(record.event.text.as_deref()),
        };
        let mut later: Vec<&PublicRecord<'_>> =
            message.retractions.iter().chain(&message.reads).collect();
        later.sort_by_key(|record| record.offset);
        later.into_iter().map(act).collect()
    }

    /// What was done to a message: `before` is the version that an edit replaced.
    pub(super) fn change(
        &self,
        message: &Message<'_>,
        record: &PublicRecord<'_>,
        before: Option<&PublicRecord<'_>>,
    ) -> ChangeView {
        let text = |record: &PublicRecord<'_>| record.event.text.clone().unwrap_or_default();
        let places = before.filter(|before| before.erased.is_none() && record.erased.is_none());
        let places = places.map(|before| changed(&text(before), &text(record))).unwrap_or_default();
        let both =
            |(before, after): (String, String)| (Shown::plain(&before), Shown::plain(&after));
        let mut stamp = self.stamp(record, self.fate(message, record));
        let has_receipt = record.event.kind == Kind::Read;
        if !has_receipt {
            // The record's name in the page is where its receipt is.
            stamp.anchor = format!("at-{}", stamp.anchor);
        }
        ChangeView {
            stamp,
            sender: self.sender(record),
            label: kind_label(record.event.kind),
            has_receipt,
            private: record.event.visibility == Visibility::Private
                || message.sent.event.visibility == Visibility::Private,
            of_time: time_of_day(&message.sent, self.zone),
            of_sender: self.sender(&message.sent).name,
            of_address: self.address(message.sent.offset),
            places: places.into_iter().map(both).collect(),
        }
    }

    /// What became of a version of a message, and that nothing did: whoever quotes it must know.
    fn fate(&self, message: &Message<'_>, version: &PublicRecord<'_>) -> Vec<String> {
        let mut fate = private(message.sent.event);
        if !message.versions().any(|other| other.offset == version.offset) {
            return fate;
        }
        let at = |record: &PublicRecord<'_>| match local(record, self.zone) {
            at if at.is_empty() => TIME_NOT_KNOWN.to_string(),
            at => at,
        };
        let told = fate.len();
        let next = message.versions().find(|other| other.offset > version.offset);
        if let Some(next) = next {
            let text = match (&next.event.text, next.erased) {
                (Some(text), _) => format!("“{text}”"),
                (None, Some(_)) => ERASED.to_string(),
                (None, None) => String::new(),
            };
            fate.push(format!("{} {}: {text}", kind_label(Kind::Edit), at(next)));
        }
        for retraction in &message.retractions {
            let by = self.sender(retraction).id;
            fate.push(format!("{} {} ({by})", kind_label(Kind::Retract), at(retraction)));
        }
        if fate.len() == told {
            fate.push(match self.audience {
                Audience::Shop => format!("{UNCHANGED} (seq {})", self.summary.seqs.1),
                Audience::OtherSide => UNCHANGED.to_string(),
            });
        }
        fate
    }

    fn stamp(&self, record: &PublicRecord<'_>, fate: Vec<String>) -> Stamp {
        let place = (self.audience == Audience::Shop)
            .then_some(Place { offset: record.offset, seq: record.seq.0 });
        let cited = citation(record, fate, self.order, place, self.zone);
        let spans = record.event.text.as_deref().map(|text| self.places.spans(text));
        Stamp {
            anchor: self.anchor(record.offset),
            address: self.address(record.offset),
            number: self.number(record.offset),
            place,
            time: time_of_day(record, self.zone),
            local: local(record, self.zone),
            machine: record.occurred_at.to_string(),
            clocks: clocks(record, self.zone),
            imported: record.origin == Origin::Imported,
            leaf: record.leaf,
            erased: plain(erased(record, place.is_some(), self.zone).as_deref()),
            erased_on_paper: plain(erased(record, false, self.zone).as_deref()),
            citation: Shown::plain(&cited),
            hit: spans.filter(|spans| !spans.is_empty()).map(|_| Hit::default()),
        }
    }

    fn files(&self, record: &PublicRecord<'_>) -> Vec<FileView> {
        let Some(record) = self.record_at(record.offset) else { return Vec::new() };
        record.event.attachments.iter().map(|file| self.file(record, file)).collect()
    }

    fn file(&self, record: &Record, file: &Attachment) -> FileView {
        let (state, address) = self.places.file(record, file);
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
        text.map(|text| Shown::marked(text, &self.places.spans(text))).unwrap_or_default()
    }

    fn sender(&self, record: &PublicRecord<'_>) -> SenderView {
        let sender = &record.event.sender;
        let name = sender.name.as_ref().unwrap_or(&sender.id);
        let own_role = role_name(sender.role);
        let by = record
            .by
            .filter(|by| self.audience == Audience::Shop && self.summary.by.as_ref() != Some(*by));
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

/// That a record is the shop's own, where it is.
fn private(event: &Event) -> Vec<String> {
    let is_private = event.visibility == Visibility::Private;
    is_private.then(|| format!("{INTERNAL}: {PRIVATE_NOTE}")).into_iter().collect()
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
