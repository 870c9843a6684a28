//! Timelines as text, one record a line: `WHEN WHO WHAT`.
//!
//! - WHEN: `09:00`, `09:00:03` (same day as the line before; the first day is Monday 2026-01-05),
//!   `+5m`, `-3m`, `+2d`, or RFC 3339. `~` before it: an imported record; `~?`: imported, without a
//!   time.
//! - WHO: a role, or `role/id`.
//! - WHAT: `: words` says them in public, `note: words` in private, `auto: words` without anybody
//!   typing; `files 3` sends files alone; otherwise a kind and its argument: `assign bob`,
//!   `handoff`, `tag refund`, `rate 5`, `edit`.
//! - A JSON object at the end of a line adds fields to the event.

use serde_json::{Map, Value, json};

use crate::model::testing::{Position, record_at};
use crate::model::{Micros, Offset, Origin, Record, Seq, parse_time};

const FIRST_DAY: &str = "2026-01-05T00:00:00Z";
/// When the imports arrived: long after everything that happens in a timeline.
const IMPORT_DAY: &str = "2030-06-01T00:00:00Z";

/// The records of one conversation. Other conversations lie between them: their offsets are not
/// dense.
pub(crate) fn records(timeline: &str) -> Vec<Record> {
    let mut clock = time(FIRST_DAY);
    let lines = timeline.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.enumerate().map(|(index, line)| record(index, line, &mut clock)).collect()
}

/// `9h10m53s`, `1d`, `250ms` in microseconds.
pub(crate) fn duration_us(text: &str) -> i64 {
    let mut total = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|char: char| !char.is_ascii_digit()).expect(text);
        let unit_end = rest[unit_at..]
            .find(|char: char| char.is_ascii_digit())
            .map_or(rest.len(), |at| unit_at + at);
        let count: i64 = rest[..unit_at].parse().expect(text);
        total += count
            * match &rest[unit_at..unit_end] {
                "us" => 1,
                "ms" => 1_000,
                "s" => 1_000_000,
                "m" => 60_000_000,
                "h" => 3_600_000_000,
                "d" => 86_400_000_000,
                unit => panic!("`{unit}` in `{text}` is no unit of time"),
            };
        rest = &rest[unit_end..];
    }
    total
}

/// The record of an event, `index`th of its conversation.
pub(crate) fn record_of(index: usize, origin: Origin, at: Micros, event: &Value) -> Record {
    let seq = Seq(u32::try_from(index + 1).expect("a short timeline"));
    let position = Position { offset: offset(index), seq, received_at: at };
    record_at(position, "shop", origin, event)
}

pub(crate) fn offset(index: usize) -> Offset {
    Offset(10 + 3 * index as u64)
}

pub(crate) fn time(text: &str) -> Micros {
    parse_time(text).expect(text)
}

fn record(index: usize, line: &str, clock: &mut Micros) -> Record {
    let (when, rest) = line.split_once(' ').expect(line);
    let (origin, when) = match when.strip_prefix('~') {
        Some(when) => (Origin::Imported, when),
        None => (Origin::Live, when),
    };
    if when != "?" {
        *clock = time_of(when, *clock);
    }
    let mut event = event(rest);
    event.insert("id".to_string(), json!(format!("e{index}")));
    event.insert("conversation".to_string(), json!("c"));
    if origin == Origin::Imported && when != "?" {
        event.insert("sent_at".to_string(), json!(clock.to_string()));
    }
    let received_at = match origin {
        Origin::Live => *clock,
        Origin::Imported => Micros(time(IMPORT_DAY).0 + index as i64),
    };
    record_of(index, origin, received_at, &Value::Object(event))
}

fn time_of(text: &str, clock: Micros) -> Micros {
    if let Some(passed) = text.strip_prefix('+') {
        return Micros(clock.0 + duration_us(passed));
    }
    if let Some(passed) = text.strip_prefix('-') {
        return Micros(clock.0 - duration_us(passed));
    }
    match text.len() {
        5 => time(&format!("{}T{text}:00Z", clock.day())),
        8 => time(&format!("{}T{text}Z", clock.day())),
        _ => time(text),
    }
}

fn event(text: &str) -> Map<String, Value> {
    let (text, extra) = match text.find('{') {
        Some(at) => (text[..at].trim(), serde_json::from_str(&text[at..]).expect(text)),
        None => (text, Map::new()),
    };
    let end_of_who = text.find([':', ' ']).expect(text);
    let (who, what) = (&text[..end_of_who], text[end_of_who..].trim());
    let (role, id) = who.split_once('/').unwrap_or((who, who));
    let mut event = what_happened(what);
    event.insert("sender".to_string(), json!({"id": id, "role": role}));
    event.extend(extra);
    event
}

fn what_happened(what: &str) -> Map<String, Value> {
    let event = match what.split_once(':') {
        Some(("", text)) => json!({"kind": "message", "text": text}),
        Some(("note", text)) => json!({"kind": "message", "text": text, "visibility": "private"}),
        Some(("auto", text)) => json!({"kind": "message", "text": text, "automatic": true}),
        _ => match what.split_once(' ').unwrap_or((what, "")) {
            ("files", count) => {
                json!({"kind": "message", "attachments": files(count.parse().expect(what))})
            }
            ("edit", _) => json!({"kind": "edit", "target": "e0", "text": "as meant"}),
            (kind @ ("retract" | "read"), _) => json!({"kind": kind, "target": "e0"}),
            (kind @ ("tag" | "untag"), category) => json!({"kind": kind, "category": category}),
            ("rate", rating) => {
                json!({"kind": "rate", "rating": rating.parse::<u8>().expect(what)})
            }
            (kind, "") => json!({"kind": kind}),
            (kind, assignee) => json!({"kind": kind, "assignee": assignee}),
        },
    };
    event.as_object().expect("an object").clone()
}

fn files(count: usize) -> Vec<Value> {
    let file = |index| json!({"sha256": "0".repeat(64), "name": format!("{index}.png"), "media_type": "image/png", "bytes": 9});
    (0..count).map(file).collect()
}
