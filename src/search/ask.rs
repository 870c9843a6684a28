//! From a tree of words and conditions to a question that can be put to any message.

use super::SearchError;
use super::clause::{Asked, Clause, Formula};
use super::language::{Condition, Node};
use super::mode::Mode;
use super::plan::TextPlan;
use super::scope::{changed_messages, known_conversations, tagged_conversations};
use super::view::View;
use crate::index::known_as::KnownKind;
use crate::model::Kind;

impl Asked {
    /// The question whether a message is as `root` says.
    pub(super) fn of(view: &View<'_>, root: &Node, mode: Mode) -> Result<Asked, SearchError> {
        Asked::by(root, mode, &mut |condition| clause_of(view, condition))
    }

    /// The same, where `known` says what a condition chooses.
    pub(super) fn by(
        root: &Node,
        mode: Mode,
        known: &mut impl FnMut(&Condition) -> Result<Clause, SearchError>,
    ) -> Result<Asked, SearchError> {
        let (clauses, formula) = (Vec::new(), Formula::All(Vec::new()));
        let mut asked = Asked { clauses, formula, named: root.named_kinds() };
        asked.formula = asked.add(root, mode, known)?;
        Ok(asked)
    }

    fn add(
        &mut self,
        node: &Node,
        mode: Mode,
        known: &mut impl FnMut(&Condition) -> Result<Clause, SearchError>,
    ) -> Result<Formula, SearchError> {
        let mut all = |nodes: &[Node]| -> Result<Vec<Formula>, SearchError> {
            nodes.iter().map(|node| self.add(node, mode, known)).collect()
        };
        Ok(match node {
            Node::All(nodes) => Formula::All(all(nodes)?),
            Node::Any(nodes) => Formula::Any(all(nodes)?),
            Node::Not(node) => Formula::Not(Box::new(self.add(node, mode, known)?)),
            Node::Words(words) => self.clause(Clause::Text(TextPlan::of(&words.text, mode))),
            Node::Field(condition) => {
                let clause = known(condition)?;
                self.clause(clause)
            }
        })
    }

    fn clause(&mut self, clause: Clause) -> Formula {
        self.clauses.push(clause);
        Formula::Clause(self.clauses.len() - 1)
    }
}

fn clause_of(view: &View<'_>, condition: &Condition) -> Result<Clause, SearchError> {
    let known = |kind, name| known_conversations(view, kind, name).map(Clause::Conversations);
    Ok(match condition {
        Condition::Order(name) => known(KnownKind::Order, name)?,
        Condition::Customer(name) => known(KnownKind::Customer, name)?,
        Condition::Agent(name) => known(KnownKind::Agent, name)?,
        Condition::Category(category) => {
            Clause::Conversations(tagged_conversations(view, category)?)
        }
        // Spaces around it do not count, unless they are part of it.
        Condition::Conversation(name) => {
            Clause::Conversations([name.clone(), name.trim().to_string()].into())
        }
        Condition::Role(role) => Clause::Role(*role),
        Condition::Kind(kind) => Clause::Kind(*kind),
        Condition::From(from) => Clause::From(*from),
        Condition::To(to) => Clause::To(*to),
        Condition::HasAttachment => Clause::Attachment,
        Condition::IsEdited => Clause::Messages(changed_messages(view, Kind::Edit)?),
        Condition::IsRetracted => Clause::Messages(changed_messages(view, Kind::Retract)?),
        Condition::IsPrivate => Clause::Private,
    })
}
