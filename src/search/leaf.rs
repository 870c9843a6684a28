//! The parts of a question that a message has or has not, and how they join: what decides, for any
//! message, whether it is a hit.
//!
//! Invariant: [`Asked::holds`] of a record is the definition of a hit; what segments answer
//! ([`super::hits`]) is the same, faster.

use std::collections::{HashMap, HashSet};

use tantivy::Term;

use super::plan::TextPlan;
use super::verify::Haystack;
use crate::index::schema::{Trait, schema};
use crate::model::{Kind, Micros, Record, Role, Visibility};

/// A question taken apart.
pub(super) struct Asked {
    pub(super) leaves: Vec<Leaf>,
    pub(super) check: Check,
}

/// How the leaves, by number, join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Leaf(usize),
    All(Vec<Check>),
    Any(Vec<Check>),
    Not(Box<Check>),
}

/// What a message has or has not.
pub(super) enum Leaf {
    Text(TextPlan),
    /// It is in one of these conversations.
    Conversations(HashSet<String>),
    /// It is one of these messages, by conversation and id.
    Messages(HashMap<String, HashSet<String>>),
    Role(Role),
    Kind(Kind),
    Private,
    Attachment,
    /// It occurred at or after this.
    From(Micros),
    /// It occurred before this.
    To(Micros),
}

impl Leaf {
    /// The one term that says it, where one does.
    pub(super) fn term(&self) -> Option<Term> {
        let fields = schema();
        let text = |field, value: &str| Some(Term::from_field_text(field, value));
        match self {
            Leaf::Role(role) => text(fields.sender_role, role.as_str()),
            Leaf::Kind(kind) => text(fields.kind, kind.as_str()),
            Leaf::Private => Some(Trait::Private.term()),
            Leaf::Attachment => Some(Trait::Attachment.term()),
            Leaf::Text(_)
            | Leaf::Conversations(_)
            | Leaf::Messages(_)
            | Leaf::From(_)
            | Leaf::To(_) => None,
        }
    }

    fn holds(&self, record: &Record, text: &Haystack<'_>) -> bool {
        let event = &record.event;
        match self {
            Leaf::Text(plan) => event.text.is_some() && plan.needle.is_in(text),
            Leaf::Conversations(names) => names.contains(&event.conversation),
            Leaf::Messages(messages) => {
                messages.get(&event.conversation).is_some_and(|ids| ids.contains(&event.id))
                    && is_version(event.kind)
            }
            Leaf::Role(role) => event.sender.role == *role,
            Leaf::Kind(kind) => event.kind == *kind,
            Leaf::Private => event.visibility == Visibility::Private,
            Leaf::Attachment => !event.attachments.is_empty(),
            Leaf::From(from) => *from <= record.occurred_at(),
            Leaf::To(to) => record.occurred_at() < *to,
        }
    }
}

/// Whether an event is a message or a later version of one.
pub(super) fn is_version(kind: Kind) -> bool {
    matches!(kind, Kind::Message | Kind::Edit)
}

impl Check {
    /// Whether it holds where leaf `number` holds as `leaf` says.
    pub(super) fn holds(&self, leaf: &mut impl FnMut(usize) -> bool) -> bool {
        match self {
            Check::Leaf(number) => leaf(*number),
            Check::All(checks) => checks.iter().all(|check| check.holds(leaf)),
            Check::Any(checks) => checks.iter().any(|check| check.holds(leaf)),
            Check::Not(check) => !check.holds(leaf),
        }
    }
}

impl Asked {
    /// Whether `record`, one of the shop asked, is a hit.
    pub(super) fn holds(&self, record: &Record) -> bool {
        let text = Haystack::new(record.event.text.as_deref().unwrap_or_default());
        is_searched(record)
            && self.check.holds(&mut |number| self.leaves[number].holds(record, &text))
    }
}

/// Whether a record can be a hit at all: it says something, or shows something.
pub(super) fn is_searched(record: &Record) -> bool {
    record.event.text.is_some() || !record.event.attachments.is_empty()
}
