//! Who takes part in a conversation, and what they may change in it: what a token alone cannot say.

use super::RelayError;
use super::lookup::{Conversation, Seen, sender_mark};
use crate::access::{Action, Identity};
use crate::model::{Event, Kind, Role};

/// Refuses a customer who listens to a conversation that is not theirs, whether or not there is such
/// a conversation: a stranger learns nothing. Everybody else of the shop may listen.
pub(super) fn require_listener(
    identity: &Identity,
    conversation: &str,
    state: Option<&Conversation>,
) -> Result<(), RelayError> {
    let takes_part = state.is_some_and(|state| state.customers.contains(&identity.subject));
    if takes_part || identity.may(Action::ListenAnywhere) {
        return Ok(());
    }
    Err(stranger(identity, conversation))
}

/// Refuses a customer who writes to another customer's conversation. One that is new, or has no
/// customer yet, becomes theirs.
pub(super) fn require_writer(
    identity: &Identity,
    conversation: &str,
    state: Option<&Conversation>,
) -> Result<(), RelayError> {
    let is_anothers = state.is_some_and(|state| {
        !state.customers.is_empty() && !state.customers.contains(&identity.subject)
    });
    if is_anothers && !identity.may(Action::ListenAnywhere) {
        return Err(stranger(identity, conversation));
    }
    Ok(())
}

/// Refuses an edit or a retraction of what its sender may not change. They may change their own, and
/// the shop's side any of the shop's; a human may also retract (never edit) a customer's.
pub(super) fn require_owner(event: &Event, target: &str, seen: &Seen) -> Result<(), RelayError> {
    let own = seen.role == event.sender.role && seen.sender == sender_mark(&event.sender.id);
    let both_of_the_shop = seen.role != Role::Customer && event.sender.role != Role::Customer;
    let moderated = event.kind == Kind::Retract && event.sender.role == Role::Human;
    if own || both_of_the_shop || moderated {
        return Ok(());
    }
    Err(RelayError::NotTheirs {
        sender: event.sender.id.clone(),
        kind: event.kind,
        target: target.to_string(),
    })
}

fn stranger(identity: &Identity, conversation: &str) -> RelayError {
    let (subject, conversation) = (identity.subject.clone(), conversation.to_string());
    RelayError::NotAParticipant { subject, conversation }
}
