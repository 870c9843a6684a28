//! Records and questions by chance, hostile ones among them.

use serde_json::json;

use super::brute_force::Asked;
use crate::index::fold;
use crate::model::testing::{Dice, position, record_at};
use crate::model::{Kind, Micros, Origin, Record, Role};

/// Letters, marks and signs that fold, combine, hide or turn around, and some words.
const ALPHABET: &[&str] = &[
    "a",
    "b",
    "E",
    "e",
    "s",
    "ß",
    "ﬁ",
    "İ",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{323}",
    "ｅ",
    "Ａ",
    "1",
    "2",
    "１",
    "①",
    "_",
    "-",
    ".",
    "!",
    "！",
    "，",
    "…",
    "\\",
    "(",
    "[",
    "*",
    " ",
    " ",
    "  ",
    "\u{3000}",
    "\n",
    "\t",
    "\r\n",
    "退",
    "款",
    "重",
    "货",
    "々",
    "か",
    "が",
    "カ",
    "ｶ",
    "ﾞ",
    "ー",
    "가",
    "각",
    "ㄱ",
    "ㅏ",
    "ㅠ",
    "\u{1100}",
    "\u{1161}",
    "\u{11a8}",
    "🙂",
    "👩\u{200d}👧",
    "👍🏽",
    "❤\u{fe0f}",
    "🇩🇪",
    "م",
    "ر",
    "\u{64b}",
    "ไ",
    "ท",
    "\u{e35}",
    "क",
    "\u{93f}",
    "\u{94d}",
    "\u{200b}",
    "\u{202e}",
    "\u{ad}",
    "я",
    "Я",
    "σ",
    "ς",
    "ᾳ",
    "\u{345}",
    "gen",
    "refund",
    "Refund",
    "ok",
    "order",
    "不要",
    "記",
    "记",
    "錄",
    "录",
    "發",
    "髮",
    "发",
    "臺",
    "~",
    "“",
    "Sofía",
    "sofia",
    "ﷺ",
    "𠮷",
    "\u{fffd}",
    "\u{feff}",
    "\u{2028}",
    "退款",
];

const PEOPLE: &[(&str, &str, &str)] = &[
    ("u1", "customer", "佳怡"),
    ("U2", "customer", "Sofía"),
    ("u3", "customer", ""),
    ("a1", "human", "陈思远"),
    ("A2", "human", "max"),
    ("b1", "bot", "bot"),
];
const ORDERS: &[&str] = &["FL20251", "FL20252", "ＦＬ3", "x 1"];
const CATEGORIES: &[&str] = &["refund", "late"];
pub(super) const CONVERSATIONS: usize = 40;

pub(super) fn text(dice: &mut Dice) -> String {
    if dice.roll(40) == 0 {
        // Longer than any term.
        return (0..150).map(|_| *dice.pick(&["a", "b", "7", "é", "Я"])).collect();
    }
    (0..1 + dice.roll(12)).map(|_| *dice.pick(ALPHABET)).collect()
}

/// Records of shop `shop`, and some of another, at offsets `from..to`.
pub(super) fn records(dice: &mut Dice, from: u64, to: u64) -> Vec<Record> {
    (from..to).map(|offset| record(dice, offset)).collect()
}

fn record(dice: &mut Dice, offset: u64) -> Record {
    let (id, role, name) = *dice.pick(PEOPLE);
    let conversation = format!("c{}", dice.roll(CONVERSATIONS));
    let mut event = json!({"id": format!("m{offset}"), "conversation": conversation, "kind": "message",
        "sender": {"id": id, "role": role}});
    if !name.is_empty() && dice.roll(3) > 0 {
        event["sender"]["name"] = name.into();
    }
    // Any earlier one, perhaps of another conversation, perhaps no message.
    let target = format!("m{}", offset.saturating_sub(1 + dice.roll(200) as u64));
    match dice.roll(16) {
        0 => event["kind"] = "join".into(),
        1 | 2 => {
            event["kind"] = "edit".into();
            event["target"] = target.into();
            event["text"] = text(dice).into();
        }
        3 => {
            event["kind"] = "retract".into();
            event["target"] = target.into();
        }
        4 => {
            event["kind"] = "tag".into();
            event["category"] = (*dice.pick(CATEGORIES)).into();
        }
        5 => {
            event["kind"] = "assign".into();
            event["assignee"] = "a1".into();
        }
        6 => {
            event["kind"] = "open".into();
            event["customer"] = "u3".into();
        }
        7 => {
            event["attachments"] = json!([{"sha256": "0".repeat(64), "name": "a.png",
                "media_type": "image/png", "bytes": 1}]);
            if dice.roll(2) == 0 {
                event["text"] = text(dice).into();
            }
        }
        8 => {
            event["kind"] = (*dice.pick(&["hold", "release", "erase"])).into();
            event["text"] = text(dice).into();
        }
        _ => event["text"] = text(dice).into(),
    }
    if dice.roll(6) == 0 {
        event["order"] = (*dice.pick(ORDERS)).into();
    }
    if dice.roll(8) == 0 {
        event["visibility"] = "private".into();
    }
    let at = Micros(1_700_000_000_000_000 + offset as i64 * 1_000_000);
    let origin = if dice.roll(4) == 0 { Origin::Imported } else { Origin::Live };
    if origin == Origin::Imported {
        event["sent_at"] = Micros(at.0 - dice.roll(1_000) as i64 * 1_000_000).to_string().into();
    }
    let shop = if dice.roll(6) == 0 { "other" } else { "shop" };
    record_at(position(offset, at), shop, origin, event)
}

/// A piece of some text, at any characters; sometimes changed, so that it is in few texts or none.
fn words(dice: &mut Dice, records: &[Record]) -> String {
    loop {
        let mut words = match dice.roll(6) {
            0 => text(dice),
            _ => {
                let texts = records.iter().filter_map(|record| record.event.text.as_ref());
                let texts: Vec<&String> = texts.collect();
                let chars: Vec<char> = dice.pick(&texts).chars().collect();
                let from = dice.roll(chars.len());
                let length = 1 + dice.roll((chars.len() - from).min(8));
                chars[from..from + length].iter().collect()
            }
        };
        match dice.roll(8) {
            0 => words = words.to_uppercase(),
            1 => words = words.replace('记', "記").replace('台', "臺"),
            _ => {}
        }
        if !fold(&words).trim().is_empty() {
            return words;
        }
    }
}

/// A question, no deeper than `depth`.
pub(super) fn asked(dice: &mut Dice, records: &[Record], depth: usize) -> Asked {
    let several = |dice: &mut Dice| -> Vec<Asked> {
        (0..2 + dice.roll(2)).map(|_| asked(dice, records, depth - 1)).collect()
    };
    match dice.roll(if depth == 0 { 10 } else { 16 }) {
        0 if dice.roll(3) == 0 => Asked::Number(
            dice.pick(&["fl20251", "FL20252", "ＦＬ3", "FL2025", "1", "2"]).to_string(),
        ),
        0..=6 => Asked::Words(words(dice, records)),
        7..=9 => field(dice, records),
        10..=12 => Asked::All(several(dice)),
        13 | 14 => Asked::Any(several(dice)),
        _ => Asked::Not(Box::new(asked(dice, records, depth - 1))),
    }
}

fn field(dice: &mut Dice, records: &[Record]) -> Asked {
    let time = |dice: &mut Dice| dice.pick(records).occurred_at();
    match dice.roll(14) {
        0 => Asked::Order(dice.pick(&["fl20251", "FL20252", "fl3", "FL2025"]).to_string()),
        1 => Asked::OrderStart(dice.pick(&["fl2025", "F", "x"]).to_string()),
        2 => Asked::Customer(dice.pick(&["u1", "u2", "SOFÍA", "U3", "a1"]).to_string()),
        3 => Asked::Agent(dice.pick(&["A1", "陈思远", "Max", "u1"]).to_string()),
        4 => Asked::Category(dice.pick(CATEGORIES).to_string()),
        5 => Asked::Conversation(format!("c{}", dice.roll(CONVERSATIONS + 5))),
        6 => Asked::Role(*dice.pick(&[Role::Customer, Role::Human, Role::Bot])),
        7 => {
            let kinds = [Kind::Message, Kind::Edit, Kind::Retract, Kind::Hold, Kind::Erase];
            Asked::Kind(*dice.pick(&kinds))
        }
        8 => Asked::From(time(dice)),
        9 => Asked::To(time(dice)),
        10 => Asked::HasAttachment,
        11 => Asked::IsEdited,
        12 => Asked::IsRetracted,
        _ => Asked::IsPrivate,
    }
}

/// The question as somebody types it.
pub(super) fn typed(dice: &mut Dice, asked: &Asked) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let parts = |dice: &mut Dice, parts: &[Asked]| -> Vec<String> {
        parts.iter().map(|part| typed(dice, part)).collect()
    };
    match asked {
        Asked::Words(words) => {
            // With a digit it could be the number of an order.
            let is_plain = words.chars().all(|char| char.is_alphanumeric() && !char.is_numeric());
            if is_plain && dice.roll(2) == 0 && !["AND", "OR", "NOT"].contains(&words.as_str()) {
                words.clone()
            } else {
                quoted(words)
            }
        }
        Asked::Number(number) => number.clone(),
        Asked::Order(name) => format!("order:{}", quoted(name)),
        Asked::OrderStart(start) => format!("order:{start}*"),
        Asked::Customer(name) => format!("customer:{name}"),
        Asked::Agent(name) => format!("agent：{name}"),
        Asked::Category(name) => format!("category:{name}"),
        Asked::Conversation(name) => format!("conversation:{}", quoted(name)),
        Asked::Role(role) => format!("role:{}", role.as_str()),
        Asked::Kind(kind) => format!("kind:{}", kind.as_str()),
        Asked::From(at) => format!("from:{at}"),
        Asked::To(at) => format!("to:\"{at}\""),
        Asked::HasAttachment => "has:attachment".to_string(),
        Asked::IsEdited => "is:edited".to_string(),
        Asked::IsRetracted => "is:retracted".to_string(),
        Asked::IsPrivate => "is:private".to_string(),
        Asked::All(all) => {
            let join = *dice.pick(&[" ", "  AND ", "\u{3000}"]);
            format!("({})", parts(dice, all).join(join))
        }
        Asked::Any(any) => format!("({})", parts(dice, any).join(" OR ")),
        Asked::Not(part) => {
            let minus = *dice.pick(&["-", "NOT "]);
            match typed(dice, part) {
                // Two minuses in a row are a dash.
                part if part.starts_with('-') => format!("NOT {part}"),
                part => format!("{minus}{part}"),
            }
        }
    }
}
