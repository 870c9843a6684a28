//! From a tree of words and conditions to a question that can be put to any message.

use super::SearchError;
use super::language::{Condition, Node};
use super::leaf::{Asked, Check, Leaf};
use super::mode::Mode;
use super::plan::TextPlan;
use super::scope::{changed_messages, known_conversations, tagged_conversations};
use super::view::View;
use crate::index::known_as::KnownKind;
use crate::model::Kind;

impl Asked {
    /// The question whether a message is as `root` says.
    pub(super) fn of(view: &View<'_>, root: &Node, mode: Mode) -> Result<Asked, SearchError> {
        let mut asked = Asked { leaves: Vec::new(), check: Check::All(Vec::new()) };
        asked.check = asked.add(view, root, mode)?;
        Ok(asked)
    }

    fn add(&mut self, view: &View<'_>, node: &Node, mode: Mode) -> Result<Check, SearchError> {
        let all = |asked: &mut Asked, nodes: &[Node]| -> Result<Vec<Check>, SearchError> {
            nodes.iter().map(|node| asked.add(view, node, mode)).collect()
        };
        Ok(match node {
            Node::All(nodes) => Check::All(all(self, nodes)?),
            Node::Any(nodes) => Check::Any(all(self, nodes)?),
            Node::Not(node) => Check::Not(Box::new(self.add(view, node, mode)?)),
            Node::Words(words) => self.leaf(Leaf::Text(TextPlan::of(&words.text, mode))),
            Node::Field(condition) => {
                let leaf = leaf_of(view, condition)?;
                self.leaf(leaf)
            }
        })
    }

    fn leaf(&mut self, leaf: Leaf) -> Check {
        self.leaves.push(leaf);
        Check::Leaf(self.leaves.len() - 1)
    }
}

fn leaf_of(view: &View<'_>, condition: &Condition) -> Result<Leaf, SearchError> {
    let known = |kind, name| known_conversations(view, kind, name).map(Leaf::Conversations);
    Ok(match condition {
        Condition::Order(name) => known(KnownKind::Order, name)?,
        Condition::Customer(name) => known(KnownKind::Customer, name)?,
        Condition::Agent(name) => known(KnownKind::Agent, name)?,
        Condition::Category(category) => Leaf::Conversations(tagged_conversations(view, category)?),
        Condition::Conversation(name) => Leaf::Conversations([name.clone()].into()),
        Condition::Role(role) => Leaf::Role(*role),
        Condition::Kind(kind) => Leaf::Kind(*kind),
        Condition::From(from) => Leaf::From(*from),
        Condition::To(to) => Leaf::To(*to),
        Condition::HasAttachment => Leaf::Attachment,
        Condition::IsEdited => Leaf::Messages(changed_messages(view, Kind::Edit)?),
        Condition::IsRetracted => Leaf::Messages(changed_messages(view, Kind::Retract)?),
        Condition::IsPrivate => Leaf::Private,
    })
}
