//! A query as it was read.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::lexer::before_colon;
use crate::model::{Kind, Micros, Role};

/// One part of a query. Lists have two members at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Words(Words),
    Field(Condition),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
}

/// A word or a phrase: a piece of a message's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What is looked for, without quotes.
    pub text: String,
    /// Whether it stood in quotes: then it is text and nothing else.
    pub is_phrase: bool,
    /// Bytes of the query.
    pub at: Range<usize>,
}

/// A name or a number as people give it: whole, or how it begins (`FL2025*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub is_start: bool,
}

/// What a message must be beside what it contains. Orders, customers, agents and categories choose
/// the conversations in which any record has them; the others choose messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Order(Name),
    Customer(Name),
    Agent(Name),
    /// On any tag, even one taken back later.
    Category(String),
    Conversation(String),
    Role(Role),
    Kind(Kind),
    /// `occurred_at` at or after this.
    From(Micros),
    /// `occurred_at` before this.
    To(Micros),
    HasAttachment,
    /// There is a later version of it, or it is one.
    IsEdited,
    IsRetracted,
    IsPrivate,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.text.trim(), if self.is_start { "*" } else { "" })
    }
}

impl Words {
    /// What stands before a colon in it, with the colon, where that is the name of no field: `foo:`. The
    /// beginning of an address, `https:`, is none.
    pub fn no_field(&self) -> Option<&str> {
        let (name, colon) = before_colon(&self.text).filter(|_| !self.is_phrase)?;
        let end = name.len() + colon;
        (!self.text[end..].starts_with("//")).then(|| &self.text[..end])
    }
}

impl Name {
    /// A name as typed; a star at its end stands for any ending.
    pub fn typed(text: &str) -> Name {
        match text.trim_end().strip_suffix('*').filter(|start| !start.is_empty()) {
            Some(start) => Name { text: start.to_string(), is_start: true },
            None => Name::whole(text),
        }
    }

    /// This name and no other.
    pub fn whole(text: impl Into<String>) -> Name {
        Name { text: text.into(), is_start: false }
    }
}

impl Node {
    /// All of `nodes`: the only one itself, none where there is none.
    pub fn all(mut nodes: Vec<Node>) -> Option<Node> {
        match nodes.len() {
            0 | 1 => nodes.pop(),
            _ => Some(Node::All(nodes)),
        }
    }

    /// The kinds that a message may be by name, and not those it must not be.
    pub fn named_kinds(&self) -> Vec<Kind> {
        match self {
            Node::Field(Condition::Kind(kind)) => vec![*kind],
            Node::Words(_) | Node::Field(_) | Node::Not(_) => Vec::new(),
            Node::All(nodes) | Node::Any(nodes) => {
                nodes.iter().flat_map(Node::named_kinds).collect()
            }
        }
    }

    /// What looks like a field and is none, each once.
    pub fn no_fields(&self) -> Vec<&str> {
        let mut names = match self {
            Node::Words(words) => words.no_field().into_iter().collect(),
            Node::Field(_) => Vec::new(),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().flat_map(Node::no_fields).collect(),
            Node::Not(node) => node.no_fields(),
        };
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }

    /// Every word and phrase that a hit may have, in the order typed; not those that it must not have.
    pub fn sought(&self) -> Vec<&Words> {
        match self {
            Node::Words(words) => vec![words],
            Node::Field(_) | Node::Not(_) => Vec::new(),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().flat_map(Node::sought).collect(),
        }
    }
}
