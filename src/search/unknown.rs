//! Filters that choose nothing at all: a number, a name or a conversation that is nowhere may be mistyped,
//! and that nothing was found within it says nothing of what was said.

use super::SearchError;
use super::answer::UnknownFilter;
use super::language::{Condition, FieldName, Node};
use super::scope::{is_conversation, known_conversations, tagged_conversations};
use super::view::View;
use crate::index::known_as::KnownKind;

/// The filters for whose sake nothing can be as `node` says, since there is no conversation as they say;
/// `None` where it is not for their sake.
pub(super) fn unknown(
    view: &View<'_>,
    node: &Node,
) -> Result<Option<Vec<UnknownFilter>>, SearchError> {
    match node {
        Node::Field(condition) => Ok(unknown_filter(view, condition)?.map(|filter| vec![filter])),
        Node::Words(_) | Node::Not(_) => Ok(None),
        Node::All(nodes) => {
            let mut filters = Vec::new();
            for node in nodes {
                filters.extend(unknown(view, node)?.unwrap_or_default());
            }
            Ok((!filters.is_empty()).then_some(filters))
        }
        Node::Any(nodes) => {
            let mut filters = Vec::new();
            for node in nodes {
                match unknown(view, node)? {
                    Some(of_node) => filters.extend(of_node),
                    None => return Ok(None),
                }
            }
            Ok(Some(filters))
        }
    }
}

fn unknown_filter(
    view: &View<'_>,
    condition: &Condition,
) -> Result<Option<UnknownFilter>, SearchError> {
    let known =
        |kind, name| Ok::<_, SearchError>(!known_conversations(view, kind, name)?.is_empty());
    let (filter, value, is_known) = match condition {
        Condition::Order(name) => {
            (FieldName::Order, name.to_string(), known(KnownKind::Order, name)?)
        }
        Condition::Customer(name) => {
            (FieldName::Customer, name.to_string(), known(KnownKind::Customer, name)?)
        }
        Condition::Agent(name) => {
            (FieldName::Agent, name.to_string(), known(KnownKind::Agent, name)?)
        }
        Condition::Category(category) => {
            let is_known = !tagged_conversations(view, category)?.is_empty();
            (FieldName::Category, category.trim().to_string(), is_known)
        }
        Condition::Conversation(name) => {
            (FieldName::Conversation, name.trim().to_string(), is_conversation(view, name)?)
        }
        Condition::Role(_)
        | Condition::Kind(_)
        | Condition::From(_)
        | Condition::To(_)
        | Condition::HasAttachment
        | Condition::IsEdited
        | Condition::IsRetracted
        | Condition::IsPrivate => return Ok(None),
    };
    Ok((!is_known).then_some(UnknownFilter { filter, value }))
}
