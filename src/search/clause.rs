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
    pub(super) clauses: Vec<Clause>,
    pub(super) formula: Formula,
}

/// How the clauses, by number, join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    Clause(usize),
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Not(Box<Formula>),
}

/// What a message has or has not.
pub(super) enum Clause {
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

impl Clause {
    /// The one term that says it, where one does.
    pub(super) fn term(&self) -> Option<Term> {
        let fields = schema();
        let text = |field, value: &str| Some(Term::from_field_text(field, value));
        match self {
            Clause::Role(role) => text(fields.sender_role, role.as_str()),
            Clause::Kind(kind) => text(fields.kind, kind.as_str()),
            Clause::Private => Some(Trait::Private.term()),
            Clause::Attachment => Some(Trait::Attachment.term()),
            Clause::Text(_)
            | Clause::Conversations(_)
            | Clause::Messages(_)
            | Clause::From(_)
            | Clause::To(_) => None,
        }
    }

    fn holds(&self, record: &Record, text: &Haystack<'_>) -> bool {
        let event = &record.event;
        match self {
            Clause::Text(plan) => event.text.is_some() && plan.needle.is_in(text),
            Clause::Conversations(names) => names.contains(&event.conversation),
            Clause::Messages(messages) => {
                messages.get(&event.conversation).is_some_and(|ids| ids.contains(&event.id))
                    && is_version(event.kind)
            }
            Clause::Role(role) => event.sender.role == *role,
            Clause::Kind(kind) => event.kind == *kind,
            Clause::Private => event.visibility == Visibility::Private,
            Clause::Attachment => !event.attachments.is_empty(),
            Clause::From(from) => *from <= record.occurred_at(),
            Clause::To(to) => record.occurred_at() < *to,
        }
    }
}

/// Whether an event is a message or a later version of one.
pub(super) fn is_version(kind: Kind) -> bool {
    matches!(kind, Kind::Message | Kind::Edit)
}

impl Formula {
    /// Whether it holds where clause `number` holds as `clause` says.
    pub(super) fn holds(&self, clause: &mut impl FnMut(usize) -> bool) -> bool {
        match self {
            Formula::Clause(number) => clause(*number),
            Formula::All(formulas) => formulas.iter().all(|formula| formula.holds(clause)),
            Formula::Any(formulas) => formulas.iter().any(|formula| formula.holds(clause)),
            Formula::Not(formula) => !formula.holds(clause),
        }
    }
}

impl Asked {
    /// Whether `record`, one of the shop asked, is a hit.
    pub(super) fn holds(&self, record: &Record) -> bool {
        let text = Haystack::new(record.event.text.as_deref().unwrap_or_default());
        is_searched(record)
            && self.formula.holds(&mut |number| self.clauses[number].holds(record, &text))
    }
}

/// Whether a record can be a hit at all: it says something, or shows something.
pub(super) fn is_searched(record: &Record) -> bool {
    record.event.text.is_some() || !record.event.attachments.is_empty()
}
