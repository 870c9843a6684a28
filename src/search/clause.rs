//! The parts of a question that a message has or has not, and how they join: what decides, for any
//! message, whether it is a hit.
//!
//! Invariant: [`Asked::holds`] of a record is the definition of a hit; what segments answer
//! ([`super::hits`]) is the same, faster.

use std::collections::{HashMap, HashSet};

use tantivy::Term;

use super::plan::TextPlan;
use super::verify::Haystack;
use crate::index::schema::{Trait, kind_term, schema};
use crate::model::{Event, Kind, Micros, Record, Role, Visibility};

/// A question taken apart.
pub(super) struct Asked {
    pub(super) clauses: Vec<Clause>,
    pub(super) formula: Formula,
    /// Kinds that it names: of these, what is said of keeping a conversation is searched too.
    pub(super) named: Vec<Kind>,
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
        match self {
            Clause::Role(role) => Some(Term::from_field_text(schema().sender_role, role.as_str())),
            Clause::Kind(kind) => Some(kind_term(*kind)),
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
        is_searched(record, &self.named) && self.is_as_asked(record)
    }

    /// The same of a record that may be none of those searched.
    pub(super) fn is_as_asked(&self, record: &Record) -> bool {
        let text = Haystack::new(record.event.text.as_deref().unwrap_or_default());
        self.formula.holds(&mut |number| self.clauses[number].holds(record, &text))
    }
}

/// Whether a record can be a hit at all: it says something, or shows something, and is no hold, release
/// or erasure, which are about the shop's keeping and no part of the chat, unless its kind is `named`.
pub(super) fn is_searched(record: &Record, named: &[Kind]) -> bool {
    let Event { kind, text, attachments, .. } = &record.event;
    let is_asked_for = !kind.is_administrative() || named.contains(kind);
    is_asked_for && (text.is_some() || !attachments.is_empty())
}

/// Whether a record is a message, or a version of one, of which erasure left nothing to find: nobody
/// sends one that is empty.
pub(super) fn is_emptied(record: &Record) -> bool {
    let Event { kind, text, attachments, .. } = &record.event;
    is_version(*kind) && text.is_none() && attachments.is_empty()
}
