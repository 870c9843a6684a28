//! Order numbers among words: `FL2025122688213 428` is how people ask what was said of 428 in that order.

use super::language::{Condition, Name, Node, Words};
use super::scope::known_conversations;
use super::view::View;
use super::{SearchError, SearchQuery};
use crate::index::known_as::KnownKind;

/// `query` with each word that stands beside other parts, outside quotes, and is the whole number of an
/// order, meaning that order as well; and those numbers. A number alone stays a word: what is called so
/// is shown first anyway.
pub(super) fn with_orders(
    view: &View<'_>,
    query: &SearchQuery,
) -> Result<(SearchQuery, Vec<String>), SearchError> {
    let mut orders = Vec::new();
    let root = query.root.as_ref().map(|root| meant(view, root, &mut orders)).transpose()?;
    Ok((SearchQuery { root, ..query.clone() }, orders))
}

fn meant(view: &View<'_>, node: &Node, orders: &mut Vec<String>) -> Result<Node, SearchError> {
    let each = |nodes: &[Node], orders: &mut Vec<String>| -> Result<Vec<Node>, SearchError> {
        nodes.iter().map(|node| meant(view, node, orders)).collect()
    };
    Ok(match node {
        Node::All(nodes) => {
            let mut all = Vec::with_capacity(nodes.len());
            for node in each(nodes, orders)? {
                all.push(match node {
                    Node::Words(words) if is_order(view, &words)? => {
                        if !orders.contains(&words.text) {
                            orders.push(words.text.clone());
                        }
                        let order = Condition::Order(Name::whole(&words.text));
                        Node::Any(vec![Node::Words(words), Node::Field(order)])
                    }
                    node => node,
                });
            }
            Node::All(all)
        }
        Node::Any(nodes) => Node::Any(each(nodes, orders)?),
        // `-FL2025122688213` takes away what says so, and no conversations.
        Node::Not(node) => Node::Not(Box::new(meant(view, node, orders)?)),
        Node::Words(_) | Node::Field(_) => node.clone(),
    })
}

/// Order numbers have a digit: words without one are not looked up.
fn is_order(view: &View<'_>, words: &Words) -> Result<bool, SearchError> {
    if words.is_phrase || !words.text.contains(char::is_numeric) {
        return Ok(false);
    }
    let conversations = known_conversations(view, KnownKind::Order, &Name::whole(&words.text))?;
    Ok(!conversations.is_empty())
}
