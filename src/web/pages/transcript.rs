//! One conversation, word for word: every version of every message, who said it, when, and the receipt for each; and the
//! same to be printed for the other side.
//!
//! Invariant: nothing of the conversation is left out silently; what cannot be shown here is counted and said. What is
//! printed for the other side is rendered without the shop's notes: they are not hidden, they are not there.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Tz;
use serde::Deserialize;

use super::header::Header;
use super::hits::{Hits, HitsBar};
use super::places::{LookAt, OnPage, looking_at};
use super::print::{self, Print};
use super::{Notice, PageLayout, ROWS_PER_PAGE, answered, page_of, rows_on};
use crate::access::{Identity, right_to_read};
use crate::model::{Access, AccessAction, Audience, ErrorKind, Micros, Offset, Seen, Seq, Via};
use crate::records::{Page, PageSize, RecordsError};
use crate::search::Marks;
use crate::server::{For, Problem, Service};
use crate::transcript::labels;
use crate::transcript::{FileState, Headed, Outline, Planned, Row, Summary, View, with_offset};
use crate::web::form::Typed;
use crate::web::links::{address, evidence_of};
use crate::web::shown::Shown;
use crate::web::visitor::{Visitor, refusal};

/// What of a conversation is read at most: × about 1 KiB = 10 MiB. Longer ones are for `verbatim
/// show`.
pub(super) const SHOWN: PageSize = PageSize { count_max: 10_000, bytes_max: 32 << 20 };
/// Longest words that are marked; see the search form.
const WORDS_CHARS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "transcript.html")]
struct TranscriptPage {
    layout: PageLayout,
    conversation: Shown,
    address: String,
    /// The form for a bundle of it.
    evidence: String,
    /// `words=…&mode=…&`: what links to other pages of it keep.
    carried: String,
    header: Header,
    zone: String,
    /// When the page was made, and how far it looked.
    made_at: String,
    complete_to: Offset,
    records: usize,
    seqs: (u32, u32),
    offsets: (Offset, Offset),
    rows: Vec<Row>,
    page: usize,
    pages: usize,
    /// There are more records than one page reads.
    cut: bool,
    /// What was searched for, and where it stands.
    hits: Option<HitsBar>,
    /// Whether a print with the shop's notes may be had.
    may_print_notes: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct PlaceForm {
    /// Offset to scroll to: leads to `record`, with the fragment that browsers scroll to.
    at: String,
    /// Offset to be on the page.
    record: String,
    page: String,
    words: String,
    mode: String,
    print: String,
}

pub(in crate::web) async fn show(
    State(service): State<Service>,
    Visitor(identity): Visitor,
    For(purpose): For,
    Path(conversation): Path<String>,
    Typed(form): Typed<PlaceForm>,
) -> Response {
    let action = right_to_read(&conversation);
    if !identity.may(action) {
        return refusal(&identity, action);
    }
    if let Ok(at) = form.at.parse() {
        return Redirect::to(&form.place(&conversation, Offset(at))).into_response();
    }
    let print = match Print::asked(&form.print, &identity) {
        Ok(print) => print,
        Err(refusal) => return *refusal,
    };
    let asked = Asked {
        conversation: conversation.clone(),
        form,
        print,
        zone: service.zone,
        layout: PageLayout::of(&identity, "search").on(&purpose),
        may_print_notes: Print::Internal.is_for(&identity),
        made_at: Micros::now(),
        complete_to: service.log.head(),
    };
    let (at_work, reader) = (service.clone(), identity.clone());
    let made = match service.read(&identity, move || asked.make(&at_work, &reader)).await {
        Ok(Some(made)) => made,
        Ok(None) => return unknown(&identity, &conversation),
        Err(problem) => return failed(&identity, &problem),
    };
    let access = Access {
        conversation: Some(conversation),
        rows: Some(made.records as u64),
        ..Access::new(AccessAction::View, Via::Page, purpose)
    };
    service.trail().record(&identity, Print::recorded(print, access));
    answered(made.html)
}

pub(super) fn failed(identity: &Identity, problem: &Problem) -> Response {
    tracing::warn!(problem.detail, "a conversation could not be read");
    let is_busy = problem.retry_after.is_some();
    Notice::failure(identity, if is_busy { ErrorKind::Retry } else { ErrorKind::Corrupt })
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

impl PlaceForm {
    /// The words to be marked; those too long for a search mark nothing.
    fn marks(&self) -> Marks {
        if self.words.chars().count() > WORDS_CHARS_MAX {
            return Marks::default();
        }
        Marks::of(&self.words, self.mode.parse().unwrap_or_default())
    }

    /// `words=…&mode=…&`, as far as they are given.
    fn carried(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("words", &self.words), ("mode", &self.mode)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        let carried = query.finish();
        if carried.is_empty() { carried } else { format!("{carried}&") }
    }

    /// The form for a bundle of `conversation`, and for a document about what was searched for.
    fn evidence_of(&self, conversation: &str) -> String {
        let (form, carried) = (evidence_of("conversation", conversation), self.carried());
        let carried = carried.trim_end_matches('&');
        if carried.is_empty() { form } else { format!("{form}&{carried}") }
    }

    /// The page asked for by number, or the one that holds the record asked for; and how many there are.
    fn page_of(&self, outline: &Outline<'_>, rows: &[Headed<Planned>]) -> (usize, usize) {
        let Ok(at) = self.record.parse() else {
            return page_of(&self.page, rows.len(), ROWS_PER_PAGE);
        };
        let holds_it = |row: &Headed<Planned>| match row {
            Headed::Day(_) => false,
            Headed::Row(planned) => {
                outline.receipts(planned).iter().any(|record| record.offset == Offset(at))
            }
        };
        let place = rows.iter().position(holds_it).unwrap_or(0);
        let (_, pages) = page_of("", rows.len(), ROWS_PER_PAGE);
        (place / ROWS_PER_PAGE + 1, pages)
    }

    /// The address that scrolls to a record: a fragment does not survive signing in, a query does.
    fn place(&self, conversation: &str, at: Offset) -> String {
        format!("{}?{}record={at}#m-{at}", address(conversation, None), self.carried())
    }
}

/// What is asked for.
struct Asked {
    conversation: String,
    form: PlaceForm,
    print: Option<Print>,
    zone: Tz,
    layout: PageLayout,
    may_print_notes: bool,
    made_at: Micros,
    complete_to: Offset,
}

/// A page, and of how many records it was made.
struct Made {
    records: usize,
    html: Result<String, askama::Error>,
}

impl Asked {
    /// Reads the conversation and makes the page; `None` where there is nothing of it. Blocks.
    fn make(self, service: &Service, identity: &Identity) -> Result<Option<Made>, RecordsError> {
        let found = service.records.after(&identity.shop, &self.conversation, Seq(0), SHOWN)?;
        if Seen::by(Audience::Shop, &found.records).records.is_empty() {
            return Ok(None);
        }
        let records = found.records.len();
        let html = match self.print {
            Some(print) => {
                let Asked { made_at, complete_to, .. } = self;
                let of = print::Of { order: None, is_cut: found.has_more, made_at, complete_to };
                let back = address(&self.conversation, None);
                print.page(identity, service, of, &[(self.conversation, found.records)], &back)
            }
            None => self.view(&found, &looking_at(&service.attachments)).render(),
        };
        Ok(Some(Made { records, html }))
    }

    /// The page: of all rows those that stand on it are made.
    fn view(self, found: &Page, look_at: LookAt<'_>) -> TranscriptPage {
        let (conversation, zone) = (self.conversation.as_str(), self.zone);
        let seen = Seen::by(Audience::Shop, &found.records);
        let summary = Summary::of(&seen.records);
        let marks = self.form.marks();
        let carried = self.form.carried();
        let places = OnPage { conversation, look_at, marks: &marks, carried: &carried };
        let outline = Outline::of(View::of_shop(&seen, &summary, zone, &places));
        let all = outline.headed();
        let (page, pages) = self.form.page_of(&outline, &all);
        let hits = Hits::of(&outline, &all, &marks);
        let mut rows: Vec<Row> = rows_on(page, &all).iter().map(|row| outline.made(row)).collect();
        hits.number(&mut rows, page);
        let words = &self.form.words;
        TranscriptPage {
            conversation: Shown::plain(conversation),
            address: address(conversation, None),
            evidence: self.form.evidence_of(conversation),
            header: Header::of(&summary, zone),
            zone: zone.name().to_string(),
            made_at: with_offset(self.made_at, zone),
            complete_to: self.complete_to,
            records: summary.records,
            seqs: summary.seqs,
            offsets: summary.offsets,
            rows,
            page,
            pages,
            cut: found.has_more,
            hits: (!words.trim().is_empty()).then(|| HitsBar::of(words, &hits)),
            layout: self.layout,
            may_print_notes: self.may_print_notes,
            carried,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use super::*;
    use crate::model::testing::{position, record_at};
    use crate::model::{Origin, Record};

    /// What is known of files, by their hashes.
    type Files = HashMap<String, FileState>;

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

    fn asked(form: PlaceForm) -> Asked {
        Asked {
            conversation: "c\u{202e}".to_string(),
            form,
            print: None,
            zone: chrono_tz::Asia::Shanghai,
            layout: PageLayout::default(),
            may_print_notes: true,
            made_at: Micros(START),
            complete_to: Offset(9),
        }
    }

    fn view(found: &Page, files: &Files, form: PlaceForm) -> TranscriptPage {
        let look_at =
            |_: &Record, sha256: &str| files.get(sha256).copied().unwrap_or(FileState::Missing);
        asked(form).view(found, &look_at)
    }

    fn html(events: &[&str], files: &Files) -> String {
        let found = Page { records: records(events), has_more: false };
        view(&found, files, PlaceForm::default()).render().unwrap()
    }

    #[test]
    fn whoever_may_ask_for_a_bundle_is_led_to_its_form_and_nobody_else() {
        let said = format!(r#""id":"m","kind":"message","text":"428",{CUSTOMER}"#);
        let found = Page { records: records(&[&said]), has_more: false };
        for sees_evidence in [true, false] {
            for (words, carried) in [("", "\""), ("428", "&#38;words=428\"")] {
                let form = PlaceForm { words: words.to_string(), ..PlaceForm::default() };
                let mut page = view(&found, &Files::default(), form);
                page.layout.sees_evidence = sees_evidence;
                let html = page.render().unwrap();
                let link = html.split_once("href=\"/evidence?conversation=c%");
                assert_eq!(link.is_some(), sees_evidence, "{html}");
                let to = link.map_or(carried, |(_, to)| &to[..=to.find('"').unwrap()]);
                assert!(to.ends_with(carried) && to.contains("words") == carried.contains("words"));
            }
        }
    }

    const CUSTOMER: &str = r#""sender":{"id":"u","role":"customer","name":"佳怡"}"#;
    const AGENT: &str = r#""sender":{"id":"a","role":"human","name":"<b>林晓</b>"}"#;

    #[test]
    fn hostile_text_is_shown_and_harms_nothing() {
        let text = r#""text":"<script>alert(1)</script>\" onload=x \u202e001$""#;
        let event = format!(r#""id":"<i>","kind":"message",{text},"language":"\"><x>",{AGENT}"#);
        let html = html(&[&event], &Files::new());
        for hostile in ["<script>alert", "<b>林", "<i>", "<x>", "\u{202e}"] {
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
            "<bdi>236</bdi> → <bdi>263</bdi>",
        ] {
            assert!(html.contains(expected), "{expected} not in {html}");
        }
        for offset in 0..5 {
            assert_eq!(html.matches(&format!(r#"id="m-{offset}""#)).count(), 1, "{offset}");
            assert!(html.contains(&format!("offset {offset} · ")), "{offset}");
        }
    }

    /// The correction stood in the old bubble, above the objection that led to it.
    #[test]
    fn an_edit_stands_at_its_own_time_too() {
        let events = [
            format!(r#""id":"m1","kind":"message","text":"退 236 元",{AGENT}"#),
            format!(r#""id":"m2","kind":"message","text":"不对吧",{CUSTOMER}"#),
            format!(r#""id":"m3","kind":"edit","target":"m1","text":"退 263 元",{AGENT}"#),
            format!(r#""id":"m4","kind":"retract","target":"m2",{CUSTOMER}"#),
        ];
        let html = html(&events.each_ref().map(String::as_str), &Files::new());
        let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}: {html}"));
        let (objection, edit, retraction) =
            (place("不对吧"), place(r#"id="at-m-2""#), place(r#"id="at-m-3""#));
        assert!(place(r#"id="m-2""#) < objection && objection < edit && edit < retraction);
        assert!(html[edit..].contains("message of 02:13:05"), "{html}");
    }

    #[test]
    fn files_show_by_their_bytes_and_missing_ones_are_said() {
        let file = |digit: &str, name: &str| {
            let sha256 = digit.repeat(64);
            format!(
                r#"{{"sha256":"{sha256}","name":"{name}","media_type":"image/png","bytes":2048}}"#
            )
        };
        let names = [
            ("1", "a.png"),
            ("2", "b.ogg"),
            ("3", "\\\"><img src=x>"),
            ("4", "gone.png"),
            ("5", "bad.png"),
        ];
        let attachments = names.map(|(digit, name)| file(digit, name)).join(",");
        let event =
            format!(r#""id":"m1","kind":"message","attachments":[{attachments}],{CUSTOMER}"#);
        let states = [
            ("1", FileState::Picture),
            ("2", FileState::Audio),
            ("3", FileState::Download),
            ("5", FileState::Damaged),
        ];
        let files = states.map(|(digit, state)| (digit.repeat(64), state)).into();
        let html = html(&[&event], &files);
        for (what, count) in [
            ("<img ", 1),
            ("<audio ", 1),
            ("This file is not here", 1),
            ("This file is damaged", 1),
        ] {
            assert_eq!(html.matches(what).count(), count, "{what}: {html}");
        }
        assert!(!html.contains(&format!("attachments/{}", "5".repeat(64))), "{html}");
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
            r#"<a href="/orders/FL1"><bdi>FL1</bdi></a>"#,
            r#"href="/customers/u""#,
            r#"href="/agents/a""#,
            "resolved, rated 4 of 5",
            "Sunday, 4 January 2026",
            r#"lang="zh-CN">您好"#,
        ];
        for expected in expected {
            assert!(html.contains(expected), "{expected} not in {html}");
        }
    }

    #[test]
    fn a_citation_has_every_clock_and_the_whole_leaf() {
        let event = format!(
            r#""id":"m1","kind":"message","text":"退 428 元","order":"FL1","sent_at":"2026-01-04T02:13:00+08:00",{CUSTOMER}"#
        );
        let found = Page { records: records(&[&event]), has_more: false };
        let html = view(&found, &Files::new(), PlaceForm::default()).render().unwrap();
        let cited = html.split(r#"id="cite-m-0">"#).nth(1).unwrap().split("</pre>").next().unwrap();
        for expected in [
            "“退 428 元”",
            "佳怡 (u), 客户 customer",
            "2026-01-04 02:13:05 +08:00 = 2026-01-03 18:13:05.000000 UTC",
            "as told: 2026-01-04T02:13:00+08:00",
            "shop s, 订单 order FL1, 会话 conversation c",
            "message m1, seq 1, offset 0",
            &format!("leaf {}", found.records[0].leaf),
        ] {
            assert!(cited.contains(&expected.replace('\'', "&#39;")), "{expected} not in {cited}");
        }
    }

    /// Whoever quotes a message that was taken back must see it in the quotation.
    #[test]
    fn a_citation_says_what_became_of_the_message() {
        let events = [
            format!(r#""id":"m1","kind":"message","text":"refund 236",{AGENT}"#),
            format!(r#""id":"e1","kind":"edit","target":"m1","text":"refund 263",{AGENT}"#),
            format!(r#""id":"m2","kind":"message","text":"all of it",{AGENT}"#),
            format!(r#""id":"r2","kind":"retract","target":"m2",{AGENT}"#),
            format!(r#""id":"n","kind":"message","text":"careful","visibility":"private",{AGENT}"#),
            format!(r#""id":"m3","kind":"message","text":"thanks",{CUSTOMER}"#),
        ];
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let found = Page { records: records(&events), has_more: false };
        let html = view(&found, &Files::new(), PlaceForm::default()).render().unwrap();
        let cited = |offset: usize| {
            let begin = format!("id=\"cite-m-{offset}\">");
            html.split(&begin).nth(1).unwrap().split("</pre>").next().unwrap()
        };
        let unchanged = "neither edited nor retracted up to here (seq 6)";
        for (offset, expected) in [
            (0, &["编辑 edited 2026-01-0", "“refund 263”"][..]),
            (1, &["“refund 263”", unchanged, "edit e1 of m1"]),
            (2, &["撤回 retracted 2026-01-0"]),
            (4, &["INTERNAL: 内部备注 private note", unchanged]),
            (5, &[unchanged]),
        ] {
            for expected in expected {
                assert!(cited(offset).contains(expected), "{expected} not in {}", cited(offset));
            }
            let is_changed = !expected.contains(&unchanged);
            assert!(!is_changed || !cited(offset).contains("neither"), "{}", cited(offset));
        }
    }

    #[test]
    fn what_was_searched_for_is_marked_numbered_and_linked() {
        let events = [
            format!(r#""id":"m1","kind":"message","text":"refund 428",{CUSTOMER}"#),
            format!(r#""id":"m2","kind":"message","text":"no",{AGENT}"#),
            format!(r#""id":"m3","kind":"edit","target":"m2","text":"４２８, yes",{AGENT}"#),
            format!(r#""id":"m4","kind":"rate","rating":5,"text":"428!",{CUSTOMER}"#),
        ];
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let found = Page { records: records(&events), has_more: false };
        let form = |words: &str, mode: &str| PlaceForm {
            words: words.to_string(),
            mode: mode.to_string(),
            ..PlaceForm::default()
        };
        let page = |words, mode| view(&found, &Files::new(), form(words, mode)).render().unwrap();
        let html = page("428", "");
        for expected in [
            "refund <mark>428</mark>",
            "<mark>４２８</mark>, yes",
            "<b>3</b> records here with <mark>428</mark>",
            "<b>1 of 3</b> <a href=\"#m-2\" rel=\"next\"",
            "<b>2 of 3</b> <a href=\"#m-0\" rel=\"prev\"",
            "<b>3 of 3</b> <a href=\"#m-2\" rel=\"prev\"",
            "?words=428&#38;at=0#m-0",
        ] {
            assert!(html.contains(expected), "{expected} not in {html}");
        }
        assert!(page("428", "exact").contains("<b>2</b> records here"));
        let nothing = page("429", "");
        assert!(nothing.contains("Nothing here with <mark>429</mark>"), "{nothing}");
        assert!(!page("", "").contains("hits-bar"));
    }

    #[test]
    fn long_conversations_come_in_pages_and_an_offset_finds_its_page() {
        let event =
            |index: usize| format!(r#""id":"m{index}","kind":"message","text":"x",{CUSTOMER}"#);
        let mut events: Vec<String> = (0..1_500).map(event).collect();
        events.push(format!(r#""id":"e","kind":"edit","target":"m1200","text":"y",{CUSTOMER}"#));
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let found = Page { records: records(&events), has_more: true };
        let page = |record: &str, page: &str| {
            let (record, page) = (record.to_string(), page.to_string());
            let form = PlaceForm { record, page, ..PlaceForm::default() };
            view(&found, &Files::new(), form)
        };
        let number = |record, number| page(record, number).page;
        assert_eq!(
            [number("", ""), number("", "2"), number("", "99"), number("", "-1")],
            [1, 2, 2, 1]
        );
        // Headings of days count as rows.
        assert_eq!(
            [number("900", ""), number("1000", ""), number("1500", ""), number("x", "")],
            [1, 2, 2, 1]
        );
        let html = page("", "2").render().unwrap();
        assert!(html.contains("Page 2 of 2"), "{html}");
        assert!(html.contains("Only the first 1501 records"));
    }

    /// All rows of ten thousand records were made for a page of a thousand.
    #[test]
    fn what_is_not_on_the_page_is_not_made() {
        let file = format!(
            r#"{{"sha256":"{}","name":"a.png","media_type":"image/png","bytes":9}}"#,
            "1".repeat(64)
        );
        let event = |index: usize| {
            format!(r#""id":"m{index}","kind":"message","attachments":[{file}],{CUSTOMER}"#)
        };
        let events: Vec<String> = (0..1_500).map(event).collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let found = Page { records: records(&events), has_more: false };
        let looked_at = RefCell::new(Vec::new());
        let look_at = |record: &Record, _: &str| {
            looked_at.borrow_mut().push(record.offset.0);
            FileState::Picture
        };
        let form = PlaceForm { page: "2".to_string(), ..PlaceForm::default() };
        let rows = asked(form).view(&found, &look_at).rows;
        let days = rows.iter().filter(|row| matches!(row, Row::Day(_))).count();
        let messages = (rows.len() - days) as u64;
        assert_eq!(looked_at.into_inner(), (1_500 - messages..1_500).collect::<Vec<_>>());
        assert!(messages < 510, "{messages}");
    }

    #[test]
    fn a_place_survives_signing_in() {
        let form = PlaceForm { words: "退款".to_string(), ..PlaceForm::default() };
        assert_eq!(
            form.place("c 1", Offset(353)),
            "/conversations/c%201?words=%E9%80%80%E6%AC%BE&record=353#m-353"
        );
    }
}
