//! When and where a record stands: its receipt, and the words by which it can be quoted elsewhere.
//!
//! Invariant: offset and seq are not told to the other side: they count what it does not see.

use chrono_tz::Tz;

use super::clock::{full_utc, in_zone, with_offset};
use super::labels::{ATTACHMENT, ERASED, TIME_NOT_KNOWN, role_label};
use super::shown::Shown;
use crate::model::{LeafHash, Micros, Offset, Origin, PublicRecord};

/// When and where a record stands.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Its name in a page.
    pub anchor: String,
    /// The page's address at this record; empty where there is none.
    pub address: String,
    /// Its place among the records shown, from 1.
    pub number: usize,
    /// `None` for the other side.
    pub place: Option<Place>,
    /// Time of day, or that it is not known.
    pub time: String,
    /// `2026-01-04 02:13:20 +08:00`; empty where no time is known.
    pub local: String,
    /// For programs: RFC 3339.
    pub machine: String,
    /// Every clock there is, in full.
    pub clocks: String,
    /// An old transcript was brought in: its times are as that one tells them.
    pub imported: bool,
    pub leaf: LeafHash,
    /// That its content was erased, when and, for the shop, why; empty where it was not.
    pub erased: Shown,
    /// The same without why, for paper: it leaves the shop.
    pub erased_on_paper: Shown,
    /// Everything that is known of it, to be quoted.
    pub citation: Shown,
    /// What was searched for stands in it.
    pub hit: Option<super::row::Hit>,
}

/// Where a record stands in the log and in its conversation.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub offset: Offset,
    pub seq: u32,
}

impl Stamp {
    /// The leaf's beginning, where the whole stands nearby.
    pub fn leaf_short(&self) -> String {
        self.leaf.to_string().chars().take(10).collect()
    }
}

/// Whether it is known when this was said: not so in old transcripts without times.
pub(super) fn is_timed(record: &PublicRecord<'_>) -> bool {
    record.origin == Origin::Live || record.event.sent_at.is_some()
}

pub(super) fn time_of_day(record: &PublicRecord<'_>, zone: Tz) -> String {
    if is_timed(record) {
        in_zone(record.occurred_at, zone).format("%H:%M:%S").to_string()
    } else {
        TIME_NOT_KNOWN.en.to_string()
    }
}

pub(super) fn local(record: &PublicRecord<'_>, zone: Tz) -> String {
    if is_timed(record) { with_offset(record.occurred_at, zone) } else { String::new() }
}

/// Every clock there is, in full.
pub(super) fn clocks(record: &PublicRecord<'_>, zone: Tz) -> String {
    let told = record.event.sent_at.as_deref().unwrap_or("not said");
    let received = both(record.received_at, zone);
    match record.origin {
        Origin::Live => format!("{received}; by the sender's clock: {told}"),
        Origin::Imported => format!("imported; time as told: {told}; received {received}"),
    }
}

/// That a record's content is gone, in the place of its text; `None` where it is not. The ground may speak of others, so
/// that it is for the shop alone.
pub(super) fn erased(record: &PublicRecord<'_>, is_internal: bool, zone: Tz) -> Option<String> {
    let erased = record.erased?;
    let at = with_offset(erased.at, zone);
    let ground = if is_internal { format!(": {}", erased.ground) } else { String::new() };
    Some(format!("{ERASED} {at}{ground}"))
}

fn both(instant: Micros, zone: Tz) -> String {
    format!("{} = {}", with_offset(instant, zone), full_utc(instant))
}

/// A record in words for a letter: what was said, by whom, when by which clock, what became of it (`fate`), and what
/// identifies it.
pub(super) fn citation(
    record: &PublicRecord<'_>,
    fate: Vec<String>,
    order: Option<&str>,
    place: Option<Place>,
    zone: Tz,
) -> String {
    let event = record.event;
    let sender = &event.sender;
    let role = role_label(sender.role);
    let mut lines = Vec::new();
    if let Some(erased) = erased(record, place.is_some(), zone) {
        lines.push(erased);
    }
    if let Some(text) = &event.text {
        lines.push(format!("“{text}”"));
    }
    for file in &event.attachments {
        lines.push(format!(
            "{ATTACHMENT}: {} ({}, {} bytes), SHA-256 {}",
            file.name, file.media_type, file.bytes, file.sha256
        ));
    }
    lines.extend(fate);
    lines.push(match &sender.name {
        Some(name) => format!("发送者 sender: {name} ({}), {role}", sender.id),
        None => format!("发送者 sender: {}, {role}", sender.id),
    });
    let told = event.sent_at.as_deref().unwrap_or("not said");
    let received = both(record.received_at, zone);
    match record.origin {
        Origin::Live => {
            lines.push(format!("服务器时间 server time: {received}"));
            lines.push(format!("发送者时钟 sender's clock, as told: {told}"));
        }
        Origin::Imported => {
            let local = local(record, zone);
            lines.push(format!(
                "时间（导入的记录所述） time as the imported transcript tells it: {told} = {local}"
            ));
            lines.push(format!("导入时间 received here: {received}"));
        }
    }
    let order = order.map(|order| format!("订单 order {order}, ")).unwrap_or_default();
    lines.push(format!(
        "店铺 shop {}, {order}会话 conversation {}",
        record.shop, event.conversation
    ));
    let of = event.target.as_deref().map(|target| format!(" of {target}")).unwrap_or_default();
    let kind = event.kind.as_str();
    lines.push(match place {
        Some(Place { offset, seq }) => {
            format!("{kind} {}{of}, seq {seq}, offset {offset}", event.id)
        }
        None => format!("{kind} {}{of}", event.id),
    });
    lines.push(format!("leaf {}", record.leaf));
    lines.join("\n")
}
