//! One conversation, word for word: every version of every message, who said it, when, and the
//! receipt for each.
//!
//! Invariant: nothing of the conversation is left out silently; what cannot be shown here is
//! counted and said.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono_tz::Tz;
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::bubble::{Context, FileKind, Files, Row, address};
use super::header::Header;
use super::{Notice, PageLayout, page};
use crate::access::{Identity, require_reading};
use crate::model::{Access, AccessAction, ErrorKind, Offset, Record, Seq, Via};
use crate::records::{Entry, Page, PageSize, transcript};
use crate::relay::{AttachmentStore, media_type_of};
use crate::server::{For, Problem, Service};
use crate::web::area::Area;
use crate::web::form::Typed;
use crate::web::shown::Shown;
use crate::web::visitor::{Visitor, admit};

/// What of a conversation is read at most: × about 1 KiB = 10 MiB. Longer ones are for `verbatim
/// show`.
const SHOWN: PageSize = PageSize { count_max: 10_000, bytes_max: 32 << 20 };
/// Entries on one page.
const ENTRIES_PER_PAGE: usize = 1_000;

#[derive(Template)]
#[template(path = "transcript.html")]
pub(in crate::web) struct TranscriptPage {
    pub layout: PageLayout,
    pub conversation: Shown,
    pub address: String,
    pub header: Header,
    pub zone: String,
    pub records: usize,
    pub seqs: (Seq, Seq),
    pub offsets: (Offset, Offset),
    pub rows: Vec<Row>,
    pub page: usize,
    pub pages: usize,
    /// There are more records than one page reads.
    pub cut: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct PlaceForm {
    /// Offset to be on the page.
    at: String,
    page: String,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Path(conversation): Path<String>,
    Typed(form): Typed<PlaceForm>,
) -> Response {
    if let Err(refusal) = admit(&identity, Area::Conversations) {
        return *refusal;
    }
    if require_reading(&identity, &conversation).is_err() {
        return unknown(&identity, &conversation);
    }
    let found = match read(&service, &identity, &conversation).await {
        Ok(found) => found,
        Err(problem) => {
            tracing::warn!(problem.detail, "a conversation could not be read");
            let is_busy = problem.retry_after.is_some();
            let kind = if is_busy { ErrorKind::Retry } else { ErrorKind::Corrupt };
            return Notice::failure(&identity, kind);
        }
    };
    if found.records.is_empty() {
        return unknown(&identity, &conversation);
    }
    let access = Access {
        conversation: Some(conversation.clone()),
        rows: Some(found.records.len() as u64),
        ..Access::new(AccessAction::View, Via::Page, purpose.clone())
    };
    service.trail().record(&identity, access);
    let files = files_of(&service.attachments, &found.records).await;
    page(&view(
        PageLayout::of(&identity, "search").on(&purpose),
        &conversation,
        &found,
        &files,
        &form,
        service.zone,
    ))
}

fn unknown(identity: &Identity, conversation: &str) -> Response {
    let shown: String = Shown::plain(conversation).text().chars().take(128).collect();
    let notice = Notice {
        layout: PageLayout::of(identity, "search"),
        title: "No such conversation".to_string(),
        detail: format!("This shop has no conversation `{shown}`."),
        hint: "Search finds conversations by words, order number, customer or agent.".to_string(),
    };
    notice.into_response(StatusCode::NOT_FOUND)
}

/// A conversation's records.
struct Read {
    records: Vec<Record>,
    /// There are more.
    cut: bool,
}

async fn read(service: &Service, identity: &Identity, conversation: &str) -> Result<Read, Problem> {
    let (records, shop) = (service.records.clone(), identity.shop.clone());
    let conversation = conversation.to_string();
    let read = move || records.after(&shop, &conversation, Seq(0), SHOWN);
    let Page { records, has_more } = service.read(identity, read).await?;
    Ok(Read { records, cut: has_more })
}

/// Which attachments are there, and what their bytes show them to be.
async fn files_of(store: &AttachmentStore, records: &[Record]) -> Files {
    let mut files = Files::new();
    for record in records {
        for attachment in &record.event.attachments {
            if let Ok(Some(mut file)) = store.open(record, &attachment.sha256).await {
                let mut first_bytes = [0; 16];
                let count = file.read(&mut first_bytes).await.unwrap_or(0);
                let named = (record.event.id.clone(), attachment.sha256.clone());
                files.insert(named, media_type_of(&first_bytes[..count]));
            }
        }
    }
    files
}

fn view(
    layout: PageLayout,
    conversation: &str,
    found: &Read,
    files: &Files,
    form: &PlaceForm,
    zone: Tz,
) -> TranscriptPage {
    let records = &found.records;
    let entries = transcript(records);
    let pages = entries.len().div_ceil(ENTRIES_PER_PAGE).max(1);
    let number = page_of(form, &entries).min(pages);
    let header = Header::of(records);
    let shown: Vec<&[Entry<'_>]> = entries.chunks(ENTRIES_PER_PAGE).collect();
    let context = Context { conversation, language: &header.language, zone, files };
    let place = |record: Option<&Record>| {
        record.map(|record| (record.seq, record.offset)).unwrap_or_default()
    };
    let (first, last) = (place(records.first()), place(records.last()));
    TranscriptPage {
        layout,
        conversation: Shown::plain(conversation),
        address: address(conversation, None),
        rows: shown.get(number - 1).map(|entries| context.rows(entries)).unwrap_or_default(),
        zone: zone.name().to_string(),
        records: records.len(),
        seqs: (first.0, last.0),
        offsets: (first.1, last.1),
        page: number,
        pages,
        cut: found.cut,
        header,
    }
}

/// The page asked for by number, or the one that holds the record asked for. From 1.
fn page_of(form: &PlaceForm, entries: &[Entry<'_>]) -> usize {
    if let Ok(at) = form.at.parse() {
        let holds = |entry: &Entry<'_>| match entry {
            Entry::Line(line) => line.record.offset == Offset(at),
            Entry::Message(message) => {
                let later = message.retractions.iter().chain(&message.reads);
                message.versions().chain(later).any(|record| record.offset == Offset(at))
            }
        };
        return entries.iter().position(holds).unwrap_or(0) / ENTRIES_PER_PAGE + 1;
    }
    form.page.parse().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{position, record_at};
    use crate::model::{Micros, Origin};

    const START: i64 = 1_767_463_985_000_000; // 2026-01-04 02:13:05 in Shanghai

    fn records(events: &[&str]) -> Vec<Record> {
        let numbered = (0_u32..).zip(events);
        let record = |(index, event): (u32, &&str)| {
            let received_at = Micros(START + i64::from(index) * 60_000_000);
            let json = format!(r#"{{"conversation":"c",{event}}}"#);
            record_at(position(index.into(), received_at), "s", Origin::Live, json)
        };
        numbered.map(record).collect()
    }

    fn html(events: &[&str], files: &Files) -> String {
        let found = Read { records: records(events), cut: false };
        let zone = chrono_tz::Asia::Shanghai;
        view(PageLayout::default(), "c\u{202e}", &found, files, &PlaceForm::default(), zone)
            .render()
            .unwrap()
    }

    const CUSTOMER: &str = r#""sender":{"id":"u","role":"customer","name":"佳怡"}"#;
    const AGENT: &str = r#""sender":{"id":"a","role":"human","name":"<b>林晓</b>"}"#;

    #[test]
    fn hostile_text_is_shown_and_harms_nothing() {
        let text = r#""text":"<script>alert(1)</script>\" onload=x \u202e001$""#;
        let event = format!(r#""id":"<i>","kind":"message",{text},"language":"\"><x>",{AGENT}"#);
        let html = html(&[&event], &Files::new());
        for hostile in ["<script>alert", "<b>", "<i>", "<x>", "\u{202e}"] {
            assert!(!html.contains(hostile), "{hostile} in {html}");
        }
        assert!(
            html.contains("U+202E</span>001$")
                && html.contains("<title>c[U+202E] · verbatim</title>"),
            "{html}"
        );
    }

    #[test]
    fn every_version_and_the_retraction_are_there_with_receipts() {
        let events = [
            format!(r#""id":"m1","kind":"message","text":"退 236 元",{AGENT}"#),
            format!(r#""id":"m2","kind":"edit","target":"m1","text":"退 263 元",{AGENT}"#),
            format!(r#""id":"m3","kind":"read","target":"m1",{CUSTOMER}"#),
            format!(r#""id":"m4","kind":"retract","target":"m1",{AGENT}"#),
            format!(r#""id":"m5","kind":"message","text":"?","reply_to":"m1",{CUSTOMER}"#),
        ];
        let html = html(&events.each_ref().map(String::as_str), &Files::new());
        assert!(
            html.contains("<del>退 236 元</del>") && html.contains("<del>退 263 元</del>"),
            "{html}"
        );
        for expected in [
            "Edited by",
            "Read by",
            "Retracted by",
            "02:16:05",
            r#"href="/conversations/c%E2%80%AE?at=0#m-0""#,
        ] {
            assert!(html.contains(expected), "{expected} not in {html}");
        }
        for offset in 0..5 {
            assert_eq!(html.matches(&format!(r#"id="m-{offset}""#)).count(), 1, "{offset}");
            assert!(html.contains(&format!("offset {offset}<")), "{offset}");
        }
    }

    #[test]
    fn files_show_by_their_bytes_and_missing_ones_are_said() {
        let file = |digit: &str, name: &str| {
            let sha256 = digit.repeat(64);
            format!(
                r#"{{"sha256":"{sha256}","name":"{name}","media_type":"image/png","bytes":2048}}"#
            )
        };
        let names = [("1", "a.png"), ("2", "b.ogg"), ("3", "\\\"><img src=x>"), ("4", "gone.png")];
        let attachments = names.map(|(digit, name)| file(digit, name)).join(",");
        let event =
            format!(r#""id":"m1","kind":"message","attachments":[{attachments}],{CUSTOMER}"#);
        let types = [("1", "image/png"), ("2", "audio/ogg"), ("3", "application/octet-stream")];
        let files = types
            .map(|(digit, media_type)| (("m1".to_string(), digit.repeat(64)), media_type))
            .into();
        let html = html(&[&event], &files);
        assert_eq!(html.matches("<img ").count(), 1, "{html}");
        assert_eq!(
            (html.matches("<audio ").count(), html.matches("This file is not here").count()),
            (1, 1),
            "{html}"
        );
        assert!(
            !html.contains("<img src=x") && html.contains("gone.png") && html.contains("3 KB"),
            "{html}"
        );
    }

    #[test]
    fn notes_automatic_texts_and_events_are_said_in_words() {
        let events = [
            format!(r#""id":"m1","kind":"open","order":"FL1","language":"zh-CN",{CUSTOMER}"#),
            format!(r#""id":"m2","kind":"message","text":"您好","automatic":true,{AGENT}"#),
            format!(
                r#""id":"m3","kind":"message","text":"check stock","visibility":"private",{AGENT}"#
            ),
            format!(r#""id":"m4","kind":"tag","category":"size",{AGENT}"#),
            format!(r#""id":"m5","kind":"resolve",{AGENT}"#),
            format!(r#""id":"m6","kind":"rate","rating":4,"text":"谢谢",{CUSTOMER}"#),
        ];
        let html = html(&events.each_ref().map(String::as_str), &Files::new());
        let expected = [
            "Private note, not shown to the customer",
            ">automatic<",
            "opened the conversation",
            "tagged size",
            "谢谢",
            "FL1",
            "resolved, rated 4 of 5",
            "Sunday, 4 January 2026",
            r#"lang="zh-CN">您好"#,
        ];
        for expected in expected {
            assert!(html.contains(expected), "{expected} not in {html}");
        }
    }

    #[test]
    fn long_conversations_come_in_pages_and_an_offset_finds_its_page() {
        let event =
            |index: usize| format!(r#""id":"m{index}","kind":"message","text":"x",{CUSTOMER}"#);
        let mut events: Vec<String> = (0..1_500).map(event).collect();
        events.push(format!(r#""id":"e","kind":"edit","target":"m1200","text":"y",{CUSTOMER}"#));
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let found = Read { records: records(&events), cut: true };
        let page = |at: &str, page: &str| {
            let form = PlaceForm { at: at.to_string(), page: page.to_string() };
            view(PageLayout::default(), "c", &found, &Files::new(), &form, chrono_tz::UTC)
        };
        let number = |at, number| page(at, number).page;
        assert_eq!(
            [number("", ""), number("", "2"), number("", "99"), number("", "-1")],
            [1, 2, 2, 1]
        );
        assert_eq!(
            [number("999", ""), number("1000", ""), number("1500", ""), number("x", "")],
            [1, 2, 2, 1]
        );
        let html = page("", "2").render().unwrap();
        assert!(html.contains("Page 2 of 2"), "{html}");
        assert!(html.contains("Only the first 1501 records"));
    }
}
