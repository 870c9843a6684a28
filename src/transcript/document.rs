//! A transcript to hand over: what it is of, by whom and when it was made, and each conversation's rows.
//!
//! Invariant: all forms of it are made of the same rows, so that none shows less than another.

use chrono_tz::Tz;

use super::clock::with_offset;
use super::labels::{self, Label};
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

    /// What stands above all of it: names and values.
    pub(super) fn head(&self) -> Vec<(Label, Shown)> {
        let About { shop, zone, made_by, complete_to, .. } = &self.about;
        let made_at = with_offset(self.about.made_at, *zone);
        let offset = complete_to.map(|offset| format!("; offset {offset}")).unwrap_or_default();
        let holds = match self.about.audience {
            Audience::Shop => labels::EVERY_RECORD,
            Audience::OtherSide => labels::WHAT_THE_CUSTOMER_SAW,
        };
        let head = [
            (labels::SHOP, shop.clone()),
            (labels::ORDER, self.orders()),
            (labels::ZONE, format!("{zone}; {}", labels::TIMES_TELL)),
            (labels::MADE, format!("{made_at}, {made_by}")),
            (labels::COMPLETE_TO, format!("{made_at}: {}{offset}", labels::ACKNOWLEDGED_BEFORE)),
            (labels::HOLDS, holds.to_string()),
        ];
        let told = head.into_iter().filter(|(_, value)| !value.is_empty());
        told.map(|(name, value)| (name, Shown::plain(&value))).collect()
    }

    /// What must be said before anything else, each in a line of its own.
    pub(super) fn warnings(&self) -> Vec<String> {
        let warnings = [
            (self.is_internal(), labels::INTERNAL, labels::HAS_NOTES),
            (self.about.is_cut, labels::NOT_COMPLETE, labels::FIRST_RECORDS),
        ];
        let said = warnings.into_iter().filter(|(is_so, _, _)| *is_so);
        said.map(|(_, what, why)| format!("{what}: {why}")).collect()
    }

    /// What the whole is called: the order, or else the conversation.
    pub(super) fn title(&self) -> String {
        match (&self.about.order, self.parts.as_slice()) {
            (Some(order), _) => format!("{} {}", labels::ORDER, Shown::plain(order).text()),
            (None, [part]) => format!("{} {}", labels::CONVERSATION, part.conversation.text()),
            (None, parts) => format!("{} 个会话 conversations", parts.len()),
        }
    }

    fn orders(&self) -> String {
        let mut orders: Vec<&str> = Vec::new();
        let all = self.parts.iter().flat_map(|part| &part.summary.orders);
        for order in self.about.order.iter().chain(all) {
            if !orders.contains(&order.as_str()) {
                orders.push(order);
            }
        }
        orders.join(", ")
    }
}

impl Part {
    /// What stands above it: names and values.
    pub(super) fn head(&self) -> Vec<(Label, Shown)> {
        let Summary { status, rating, records, messages, .. } = &self.summary;
        let rating = rating.map(|rating| format!("; {} {rating} of 5", labels::RATED));
        let mut head = vec![
            (labels::TIME, self.span()),
            (labels::STATUS, format!("{status}{}", rating.unwrap_or_default())),
        ];
        head.extend(self.people());
        head.push((labels::RECORDS, format!("{records}, {} {messages}", labels::MESSAGES)));
        head.into_iter().map(|(name, value)| (name, Shown::plain(&value))).collect()
    }

    /// From when to when.
    fn span(&self) -> String {
        let zone = self.zone;
        match self.summary.span {
            Some((from, to)) => format!("{} – {}", with_offset(from, zone), with_offset(to, zone)),
            None => labels::TIMES_NOT_KNOWN.to_string(),
        }
    }

    /// Who takes part, in each role.
    fn people(&self) -> Vec<(Label, String)> {
        let Summary { customers, agents, bots, by, .. } = &self.summary;
        let roles = [(labels::CUSTOMER, customers), (labels::AGENTS, agents), (labels::BOT, bots)];
        let named = roles.into_iter().filter(|(_, people)| !people.is_empty());
        let mut all: Vec<(Label, String)> = named
            .map(|(role, people)| {
                let people: Vec<String> = people.iter().map(|person| person.in_full()).collect();
                (role, people.join(", "))
            })
            .collect();
        if let (Some(by), true) = (by, self.is_internal) {
            all.push((labels::ALL_SENT_BY, format!("{} {}", by.role.as_str(), by.sub)));
        }
        all
    }
}
