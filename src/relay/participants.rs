//! Who takes part in a conversation, and what they may change in it: what a token alone cannot say.

use super::RelayError;
use super::lookup::{CUSTOMERS_MAX, Conversation};
use crate::access::{Action, Identity};
use crate::model::{Audience, Event, FieldError, Kind, Record, Role};

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

/// Refuses a customer who writes to a conversation that they take no part in. One that is new
/// becomes theirs; of one that the shop began, the shop says whose it is.
pub(super) fn require_writer(
    identity: &Identity,
    conversation: &str,
    state: Option<&Conversation>,
) -> Result<(), RelayError> {
    let is_theirs = state.is_none_or(|state| state.customers.contains(&identity.subject));
    if is_theirs || identity.may(Action::ListenAnywhere) {
        return Ok(());
    }
    Err(stranger(identity, conversation))
}

/// Refuses to open a conversation with a customer where others take part already: whoever was first
/// to use its id would hear what is meant for that customer. A join brings another in on purpose.
pub(super) fn require_opening(
    event: &Event,
    state: Option<&Conversation>,
) -> Result<(), RelayError> {
    let (Kind::Open, Some(customer), Some(state)) = (event.kind, &event.customer, state) else {
        return Ok(());
    };
    if state.customers.is_empty() || state.customers.contains(customer) {
        return Ok(());
    }
    let rule = "take part in this conversation already, as others do; use another id, or `join`";
    Err(FieldError::new("customer", customer, rule).into())
}

/// Refuses to hold, release or erase what is not there: a mistyped name would hold nothing.
pub(super) fn require_conversation(
    event: &Event,
    state: Option<&Conversation>,
) -> Result<(), RelayError> {
    let is_about_one = matches!(event.kind, Kind::Hold | Kind::Release | Kind::Erase);
    if !is_about_one || state.is_some() {
        return Ok(());
    }
    let rule = format!("be one that is there, on kind `{}`", event.kind.as_str());
    Err(FieldError::new("conversation", &event.conversation, rule).into())
}

/// Refuses to bring in a customer where as many take part as are remembered: acknowledged, it would let
/// nobody in.
pub(super) fn require_place(event: &Event, state: Option<&Conversation>) -> Result<(), RelayError> {
    let (Kind::Open | Kind::Join, Some(customer), Some(state)) =
        (event.kind, &event.customer, state)
    else {
        return Ok(());
    };
    if state.customers.len() < CUSTOMERS_MAX || state.customers.contains(customer) {
        return Ok(());
    }
    let rule = format!("be one of at most {CUSTOMERS_MAX} who take part in a conversation");
    Err(FieldError::new("customer", customer, rule).into())
}

/// Refuses an edit or a retraction of what its sender may not change. They may change their own, and
/// the shop's side any of the shop's; a human may also retract (never edit) a customer's. It is as
/// visible as what it changes: an edit of a private note would show the customer its text.
pub(super) fn require_owner(event: &Event, target: &Record) -> Result<(), RelayError> {
    let (by, of) = (&event.sender, &target.event.sender);
    if target.event.kind != Kind::Message {
        let rule =
            format!("be the id of a message; this is of kind `{}`", target.event.kind.as_str());
        return Err(FieldError::new("target", &target.event.id, rule).into());
    }
    let own = of.role == by.role && of.id == by.id;
    let both_of_the_shop = of.role != Role::Customer && by.role != Role::Customer;
    let moderated = event.kind == Kind::Retract && by.role == Role::Human;
    if !(own || both_of_the_shop || moderated) {
        return Err(RelayError::NotTheirs {
            sender: by.id.clone(),
            kind: event.kind,
            target: target.event.id.clone(),
        });
    }
    let visibility = target.event.visibility;
    if event.visibility != visibility {
        let rule = format!("be `{}`, as the message it changes is", visibility.as_str());
        return Err(FieldError::new("visibility", event.visibility.as_str(), rule).into());
    }
    Ok(())
}

/// Refuses to answer in public what customers do not hear: they would learn its id.
pub(super) fn require_public(answered: &Record) -> Result<(), RelayError> {
    if Audience::OtherSide.hears(&answered.event) {
        return Ok(());
    }
    let rule = "be the id of an event that customers hear, since they hear this answer";
    Err(FieldError::new("reply_to", &answered.event.id, rule).into())
}

fn stranger(identity: &Identity, conversation: &str) -> RelayError {
    let (subject, conversation) = (identity.subject.clone(), conversation.to_string());
    RelayError::NotAParticipant { subject, conversation }
}
