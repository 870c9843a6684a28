//! The place of a record that the bundle has and does not disclose: it was erased, a rule hides it, or it lies
//! outside of the days that were asked for. Whoever reads a pack sees that there was one, and why it is not shown.
//!
//! What the shop keeps to itself has no place: nothing shows that it is there. Only of a bundle that was made with
//! the shop's notes, a place may be that of a note: of a record without its meta nothing tells.

use chrono_tz::Tz;

use crate::evidence::row::Why;
use crate::model::{CUSTOMER_HEARS, Kind, LeafHash, Micros, Seq};
use crate::transcript::{Label, kind_label, with_offset};

/// A record that the other side may know of, as far as the bundle discloses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub seq: Seq,
    pub kind: Kind,
    /// Which side sent it; with a question mark where the bundle says so and nothing proves it.
    pub role: Option<String>,
    pub received_at: Micros,
    pub leaf: LeafHash,
    /// As the bundle calls it.
    pub why: String,
    /// When it was erased, where the bundle says so.
    pub erased_at: Option<Micros>,
}

/// How many messages, and others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: usize,
    pub(super) others: usize,
}

impl Place {
    /// Whether the customer heard what happened here, as far as its kind tells.
    pub(super) fn is_heard(&self) -> bool {
        CUSTOMER_HEARS.contains(&self.kind)
    }

    /// Whether it is said in one line with the next. Of what was erased or redacted each is; of days that were not
    /// asked for there may be thousands.
    pub(super) fn goes_with(&self, next: &Place) -> bool {
        self.why == Why::Range.as_str() && next.why == self.why
    }
}

impl Count {
    pub(super) fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Message => self.messages += 1,
            _ => self.others += 1,
        }
    }

    /// `2 messages and 1 other entry`.
    pub(super) fn words(self) -> String {
        let messages = match self.messages {
            1 => "1 message".to_string(),
            count => format!("{count} messages"),
        };
        match self.others {
            0 => messages,
            1 => format!("{messages} and 1 other entry"),
            count => format!("{messages} and {count} other entries"),
        }
    }
}

/// What stands there of records next to each other, as `say` says a label. There is one at least.
pub(super) fn words(places: &[&Place], zone: Tz, say: impl Fn(Label) -> String) -> String {
    let ([first, ..], [.., last]) = (places, places) else { return String::new() };
    let why = say(why_not(&first.why));
    if first.goes_with(first) {
        let mut count = Count::default();
        places.iter().for_each(|place| count.add(place.kind));
        let to = if first.seq < last.seq { format!(" to {}", last.seq) } else { String::new() };
        return format!("no. {}{to}: {}, {why}", first.seq, count.words());
    }
    let role = first.role.as_ref().map(|role| format!(" {role}")).unwrap_or_default();
    let what = match first.kind {
        Kind::Message => String::new(),
        kind => format!(" {}:", say(kind_label(kind))),
    };
    let at = first.erased_at.map(|at| format!(" {}", with_offset(at, zone))).unwrap_or_default();
    format!("no. {}:{role}{what} {why}{at}", first.seq)
}

/// Why something is not shown.
pub(super) fn why_not(why: &str) -> Label {
    let all = [
        (Why::Erased, Label::new("已删除", "erased")),
        (Why::Range, Label::new("不在所要求的日期内", "outside the days asked for")),
        (Why::Redacted, Label::new("已遮盖", "redacted")),
    ];
    let known = all.into_iter().find(|(known, _)| known.as_str() == why);
    known.map_or(Label::new("未披露", "not disclosed"), |(_, label)| label)
}
