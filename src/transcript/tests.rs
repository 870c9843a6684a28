//! A document in every form: nothing is in one that is not in another, and nothing of the shop's own is in what the
//! other side gets.

use super::*;
use crate::model::testing::{Position, record_at};
use crate::model::{Audience, Micros, Offset, Origin, Record, Seen, Seq};

const AGENT: &str = r#""sender":{"id":"a","role":"human","name":"林晓"}"#;
const CUSTOMER: &str = r#""sender":{"id":"u","role":"customer","name":"佳怡"}"#;

/// A chat with one of everything; offsets are far apart and seqs have a gap for each note.
fn chat() -> Vec<Record> {
    let events = [
        format!(r#""id":"o","kind":"open","order":"FL1","language":"zh-CN",{CUSTOMER}"#),
        format!(r#""id":"q","kind":"queue",{AGENT}"#),
        format!(r#""id":"m1","kind":"message","text":"退 236 元\n# x <b>y</b> \u202e",{AGENT}"#),
        format!(
            r#""id":"n1","kind":"message","text":"SECRET note","visibility":"private",{AGENT}"#
        ),
        format!(r#""id":"nr","kind":"read","target":"n1",{AGENT}"#),
        format!(r#""id":"m2","kind":"edit","target":"m1","text":"退 263 元",{AGENT}"#),
        format!(r#""id":"r1","kind":"read","target":"m1",{CUSTOMER}"#),
        format!(r#""id":"t","kind":"tag","category":"SECRETtag",{AGENT}"#),
        format!(
            r#""id":"m3","kind":"message","attachments":[{{"sha256":"{}","name":"a.png","media_type":"image/png","bytes":9}}],"reply_to":"n1",{CUSTOMER}"#,
            "5".repeat(64)
        ),
        format!(r#""id":"m4","kind":"message","text":"笨蛋",{CUSTOMER}"#),
        format!(r#""id":"m5","kind":"retract","target":"m4",{CUSTOMER}"#),
        format!(r#""id":"c","kind":"call","data":{{"seconds":92}},{AGENT}"#),
        format!(r#""id":"ra","kind":"rate","rating":4,"text":"谢谢",{CUSTOMER}"#),
    ];
    let numbered = (0_u32..).zip(&events);
    let record = |(index, event): (u32, &String)| {
        let position = Position {
            offset: Offset(77_000 + 13 * u64::from(index)),
            seq: Seq(index + 1),
            received_at: Micros(1_767_463_985_000_000 + i64::from(index) * 1_000_000),
        };
        let json = format!(r#"{{"conversation":"c",{event}}}"#);
        record_at(position, "s", Origin::Live, json)
    };
    numbered.map(record).collect()
}

fn document(audience: Audience) -> Document {
    let about = About {
        shop: "s".to_string(),
        order: None,
        audience,
        zone: chrono_tz::Asia::Shanghai,
        made_at: Micros(1_767_500_000_000_000),
        made_by: "dan".to_string(),
        complete_to: None,
        is_cut: false,
    };
    Document::new(about, &[("c".to_string(), chat())], &Inert)
}

fn forms(audience: Audience) -> [(&'static str, String); 3] {
    let document = document(audience);
    [
        ("html", document.html(Style::Within, &[]).unwrap()),
        ("md", document.markdown()),
        ("text", document.text(true)),
    ]
}

#[test]
fn every_form_has_every_record_once_with_its_receipt() {
    for audience in [Audience::Shop, Audience::OtherSide] {
        let records = chat();
        let seen = Seen::by(audience, &records);
        for (form, text) in forms(audience) {
            for record in &records {
                let expected =
                    usize::from(seen.records.iter().any(|seen| seen.offset == record.offset));
                let count = text.matches(&record.leaf.to_string()).count();
                assert_eq!(count, expected, "{form} {audience:?} {}: {text}", record.event.id);
            }
            for said in ["236", "263", "236 → 263", "a.png", &"5".repeat(64), "笨蛋", "谢谢"]
            {
                let bare = text.replace("<bdi>", "").replace("</bdi>", "");
                assert!(bare.contains(said), "{said} not in {form}: {text}");
            }
        }
    }
}

/// The printed page showed the other side what the shop thought of them.
#[test]
fn the_other_side_gets_no_word_and_no_sign_of_the_shops_own() {
    for (form, text) in forms(Audience::OtherSide) {
        // Offsets and seqs would show by their gaps where something was left out.
        for sign in ["SECRET", "private note", ">n1<", " n1", "queue", "77013", "77026", "seq "] {
            assert!(!text.contains(sign), "{sign} in {form}: {text}");
        }
    }
    for (form, text) in forms(Audience::Shop) {
        assert!(text.contains("SECRET note") && text.contains("SECRETtag"), "{form}: {text}");
    }
    let internal = document(Audience::Shop).html(Style::Within, &[]).unwrap();
    assert!(internal.contains(r#"<body class="internal">"#) && internal.contains("不得外传"));
}

#[test]
fn the_page_does_nothing_and_shows_what_would_be_hidden() {
    let html = document(Audience::OtherSide).html(Style::Within, &[]).unwrap();
    for active in [
        "<script", "<form", "<iframe", "http:", "https:", "url(", "@import", " onload", " onclick",
        "<b>y", "\u{202e}",
    ] {
        assert!(!html.contains(active), "{active} in {html}");
    }
    assert!(html.contains(r#">U+202E</span>"#), "{html}");
    assert!(html.contains("2026-01-04 02:13:07 +08:00"), "{html}");
}

#[test]
fn what_people_wrote_becomes_no_heading_in_markdown() {
    let markdown = document(Audience::OtherSide).markdown();
    assert!(markdown.contains("\\# x \\<b\\>y\\</b\\> \\[U+202E\\]"), "{markdown}");
}

/// What was erased is said to be, in every form; why is the shop's own.
#[test]
fn an_erased_record_is_said_to_be_in_every_form() {
    for audience in [Audience::Shop, Audience::OtherSide] {
        let mut records = chat();
        for record in &mut records {
            *record = record.erased_at(Micros(1_767_500_000_000_000), "GROUND");
        }
        let about = About { audience, ..document(audience).about };
        let document = Document::new(about, &[("c".to_string(), records)], &Inert);
        for text in
            [document.html(Style::Within, &[]).unwrap(), document.markdown(), document.text(true)]
        {
            assert!(!text.contains("236") && !text.contains("笨蛋"), "{text}");
            assert!(text.contains("已删除 erased 2026-01-04 12:13:20 +08:00"), "{text}");
            assert_eq!(text.contains("GROUND"), audience == Audience::Shop, "{text}");
        }
    }
}
