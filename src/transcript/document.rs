//! A transcript to hand over: what it is of, by whom and when it was made, and each conversation's rows.
//!
//! Invariant: all forms of it are made of the same rows, so that none shows less than another.

use chrono_tz::Tz;

use super::clock::with_offset;
use super::outline::Outline;
use super::row::Row;
use super::rows::{Places, View};
use super::shown::Shown;
use super::summary::Summary;
use crate::model::{Audience, Micros, Offset, Record, Seen};

/// What a transcript is of, and how it was made.
#[derive(Clone, Debug)]
pub struct About {
    pub shop: String,
    /// The order it is about, where that was asked for.
    pub order: Option<String>,
    pub audience: Audience,
    pub zone: Tz,
    pub made_at: Micros,
    /// Who asked for it.
    pub made_by: String,
    /// First offset that was not looked at. Shown to the shop alone: it counts the traffic of all shops.
    pub complete_to: Option<Offset>,
    /// Not all of it was read: there is more behind the last record.
    pub is_cut: bool,
}

/// A transcript to hand over.
pub struct Document {
    pub about: About,
    pub parts: Vec<Part>,
}

/// One conversation of it.
pub struct Part {
    pub conversation: Shown,
    pub summary: Summary,
    pub rows: Vec<Row>,
    zone: Tz,
    is_internal: bool,
}

impl Document {
    /// The conversations' records, each in order, as `about.audience` may see them. One of which it may see nothing is
    /// left out.
    pub fn new(
        about: About,
        conversations: &[(String, Vec<Record>)],
        places: &dyn Places,
    ) -> Document {
        let mut parts = Vec::new();
        for (name, records) in conversations {
            let seen = Seen::by(about.audience, records);
            if seen.records.is_empty() {
                continue;
            }
            let summary = Summary::of(&seen.records);
            let outline = Outline::of(View {
                seen: &seen,
                summary: &summary,
                audience: about.audience,
                part: parts.len() + 1,
                zone: about.zone,
                order: about.order.as_deref().or(summary.orders.first().map(String::as_str)),
                places,
            });
            let rows = outline.headed().iter().map(|row| outline.made(row)).collect();
            let zone = about.zone;
            let is_internal = about.audience == Audience::Shop;
            parts.push(Part { conversation: Shown::plain(name), summary, rows, zone, is_internal });
        }
        Document { about, parts }
    }

    /// Whether its reader may see nothing of what was asked for.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn is_internal(&self) -> bool {
        self.about.audience == Audience::Shop
    }

    pub(super) fn shop(&self) -> Shown {
        Shown::plain(&self.about.shop)
    }

    pub(super) fn made_by(&self) -> Shown {
        Shown::plain(&self.about.made_by)
    }

    pub(super) fn made_at(&self) -> String {
        with_offset(self.about.made_at, self.about.zone)
    }

    /// What the whole is called: the order, or else the conversation.
    pub(super) fn title(&self) -> String {
        match (&self.about.order, self.parts.as_slice()) {
            (Some(order), _) => format!("订单 Order {}", Shown::plain(order).text()),
            (None, [part]) => format!("会话 Conversation {}", part.conversation.text()),
            (None, parts) => format!("{} 个会话 conversations", parts.len()),
        }
    }

    pub(super) fn orders(&self) -> String {
        let mut orders: Vec<&str> = Vec::new();
        let all = self.parts.iter().flat_map(|part| &part.summary.orders);
        for order in self.about.order.iter().chain(all) {
            if !orders.contains(&order.as_str()) {
                orders.push(order);
            }
        }
        Shown::plain(&orders.join(", ")).text()
    }
}

impl Part {
    /// From when to when.
    pub(super) fn span(&self) -> String {
        let zone = self.zone;
        match self.summary.span {
            Some((from, to)) => format!("{} – {}", with_offset(from, zone), with_offset(to, zone)),
            None => "时间未知 times not known".to_string(),
        }
    }

    /// Who takes part, in each role.
    pub(super) fn people(&self) -> Vec<(&'static str, String)> {
        let Summary { customers, agents, bots, .. } = &self.summary;
        let roles = [("客户 Customer", customers), ("客服 Agents", agents), ("机器人 Bot", bots)];
        let named = roles.into_iter().filter(|(_, people)| !people.is_empty());
        let mut all: Vec<(&'static str, String)> = named
            .map(|(role, people)| {
                let people: Vec<String> = people.iter().map(|person| person.in_full()).collect();
                (role, Shown::plain(&people.join(", ")).text())
            })
            .collect();
        if let (Some(by), true) = (&self.summary.by, self.is_internal) {
            let by = format!("{} {}", by.role.as_str(), by.sub);
            all.push(("经 All sent by", Shown::plain(&by).text()));
        }
        all
    }
}
