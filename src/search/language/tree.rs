//! A query as it was read.

use std::fmt;
use std::ops::Range;

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
        write!(formatter, "{}{}", self.text, if self.is_start { "*" } else { "" })
    }
}

impl Name {
    /// A name as typed; a star at its end stands for any ending.
    pub fn typed(text: &str) -> Name {
        match text.strip_suffix('*').filter(|start| !start.is_empty()) {
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

    /// Every word and phrase that a hit may have, in the order typed; not those that it must not have.
    pub fn sought(&self) -> Vec<&Words> {
        match self {
            Node::Words(words) => vec![words],
            Node::Field(_) | Node::Not(_) => Vec::new(),
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().flat_map(Node::sought).collect(),
        }
    }
}
