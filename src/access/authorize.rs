//! Whether a token may send an event: by its sender, its kind, and what a customer may set.

use super::{AccessError, Action, Identity, TokenRole};
use crate::model::{
    ACCESS_CONVERSATION, Audience, Authority, By, Event, Kind, Origin, RULES_CONVERSATION, Role,
    Visibility, is_receipt,
};

/// What a customer sends.
pub const CUSTOMER_KINDS: &[Kind] = &[
    Kind::Open,
    Kind::Message,
    Kind::Edit,
    Kind::Retract,
    Kind::Reopen,
    Kind::Rate,
    Kind::Read,
    Kind::Join,
    Kind::Leave,
    Kind::Call,
];

/// Whether an event sets a field.
type Sets = fn(&Event) -> bool;

/// Fields that only the shop's side sets: whom a conversation is with, and what is said without being
/// typed, or not to the customer.
const SHOP_FIELDS: &[(&str, Sets)] = &[
    ("customer", |event| event.customer.is_some()),
    ("visibility", |event| event.visibility != Visibility::Public),
    ("automatic", |event| event.automatic),
];

/// The names of the fields that only the shop's side sets.
pub fn shop_fields() -> Vec<&'static str> {
    SHOP_FIELDS.iter().map(|(name, _)| *name).collect()
}

/// The right to read a conversation, for whoever may read conversations: those about the shop take
/// that to read what is in them, the trail of accesses, the rules.
pub fn right_to_read(conversation: &str) -> Action {
    match conversation {
        ACCESS_CONVERSATION => Action::ReadTrail,
        RULES_CONVERSATION => Action::ReadRules,
        _ => Action::ReadConversations,
    }
}

/// Whether `identity` hears an event of a conversation that it may listen to, and may have its files.
pub fn hears(identity: &Identity, event: &Event) -> bool {
    match event.kind {
        Kind::Access => return identity.may(Action::ReadTrail),
        Kind::Rules => return identity.may(Action::ReadRules),
        _ => {}
    }
    match event.visibility {
        Visibility::Private => identity.may(Action::ReadPrivate),
        Visibility::Public => {
            Audience::OtherSide.hears(event) || identity.may(Action::ListenAnywhere)
        }
    }
}

/// Refuses an event that `identity` may not send, whatever its conversation. Returns who sends it,
/// where that is not the sender it names.
pub fn authorize(
    identity: &Identity,
    event: &Event,
    origin: Origin,
) -> Result<Option<By>, AccessError> {
    if origin == Origin::Imported {
        identity.require(Action::Import)?;
    }
    if event.kind == Kind::Access {
        return Err(identity.denied("send kind `access`: verbatim itself writes it"));
    }
    if is_receipt(event) {
        return Err(identity.denied("send the receipt of an erasure: verbatim itself writes it"));
    }
    if matches!(event.kind, Kind::Hold | Kind::Release) {
        identity.require(Action::Hold)?;
        // Whoever has no voice in chats says this as who they are.
        if event.sender.id == identity.subject && event.sender.role == Role::Human {
            return Ok(speaks_for_another(identity, event));
        }
    } else if event.kind.is_administrative() {
        identity.require(Action::Administer)?;
    }
    if let Some(by) = speaks_for_another(identity, event) {
        return Ok(Some(by));
    }
    identity.require(match event.sender.role {
        Role::Customer => Action::SendAsCustomer,
        Role::Human => Action::SendAsHuman,
        Role::Bot => Action::SendAsBot,
        Role::System => Action::SendAsAnyone,
    })?;
    if event.sender.id != identity.subject {
        return Err(identity.denied(format!("send as `{}`", event.sender.id)));
    }
    if event.sender.role == Role::Customer && !identity.may(Action::SendAsAnyone) {
        authorize_customer(event)?;
    }
    Ok(None)
}

/// Who sends an event that names another, if the token allows that: by the role it has for it.
fn speaks_for_another(identity: &Identity, event: &Event) -> Option<By> {
    let own_role = match event.sender.role {
        Role::Customer => Some(TokenRole::Customer),
        Role::Human => Some(TokenRole::Human),
        Role::Bot => Some(TokenRole::Bot),
        Role::System => None,
    };
    let is_itself = event.sender.id == identity.subject
        && own_role.is_some_and(|role| identity.roles.contains(&role));
    if is_itself || !identity.may(Action::SendAsAnyone) {
        return None;
    }
    let is_importer = identity.roles.contains(&TokenRole::Importer);
    let role = if is_importer { Authority::Importer } else { Authority::Admin };
    Some(By { role, sub: identity.subject.clone() })
}

fn authorize_customer(event: &Event) -> Result<(), AccessError> {
    let denied = |action: String| Err(AccessError::NotForCustomers { action });
    if !CUSTOMER_KINDS.contains(&event.kind) {
        return denied(format!("send kind `{}`", event.kind.as_str()));
    }
    match SHOP_FIELDS.iter().find(|(_, sets)| sets(event)) {
        Some((name, _)) => denied(format!("set `{name}`")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::fitted;

    fn identity(roles: &[TokenRole]) -> Identity {
        Identity { subject: "u1".to_string(), shop: "s".to_string(), roles: roles.to_vec() }
    }

    fn event(kind: &str, sender: &str, role: &str, extra: &str) -> Event {
        let json = format!(
            r#"{{"id":"m","conversation":"c","kind":"{kind}","text":"x","target":"t","assignee":"a","rating":1,"sender":{{"id":"{sender}","role":"{role}"}}{extra}}}"#
        );
        let event = fitted(serde_json::from_str(&json).unwrap());
        Event::parse(event.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn each_role_sends_only_what_it_may() {
        use TokenRole::{Admin, Analyst, Customer, Human, Importer};
        let live = Origin::Live;
        let cases = [
            (Customer, event("message", "u1", "customer", ""), live, true),
            (Customer, event("message", "u2", "customer", ""), live, false),
            (Customer, event("message", "u1", "human", ""), live, false),
            (Customer, event("assign", "u1", "customer", ""), live, false),
            (
                Customer,
                event("message", "u1", "customer", r#","visibility":"private""#),
                live,
                false,
            ),
            (Customer, event("message", "u1", "customer", r#","automatic":true"#), live, false),
            (Human, event("message", "u1", "human", r#","visibility":"private""#), live, true),
            (Human, event("message", "u1", "customer", ""), live, false),
            (Human, event("message", "u1", "human", ""), Origin::Imported, false),
            (Analyst, event("message", "u1", "human", ""), live, false),
            (Importer, event("message", "anyone", "system", ""), Origin::Imported, true),
            (Admin, event("message", "anyone", "bot", ""), live, true),
            (Customer, event("open", "u1", "customer", r#","customer":"u2""#), live, false),
            (Human, event("open", "u1", "human", r#","customer":"u2""#), live, true),
            (Human, event("hold", "u1", "human", ""), live, false),
            (TokenRole::Dispute, event("hold", "u1", "human", ""), live, true),
            (TokenRole::Dispute, event("release", "u1", "human", ""), live, true),
            (TokenRole::Dispute, event("hold", "u2", "human", ""), live, false),
            (TokenRole::Dispute, event("erase", "u1", "human", ""), live, false),
            (Admin, event("erase", "u1", "human", r#","data":{"receipt":{}}"#), live, false),
            (Importer, event("rules", "u1", "human", ""), live, false),
            (Admin, event("rules", "u1", "human", ""), live, true),
            (Admin, event("erase", "u1", "human", ""), live, true),
            (Admin, event("access", "u1", "system", ""), live, false),
        ];
        for (role, event, origin, allowed) in cases {
            assert_eq!(
                authorize(&identity(&[role]), &event, origin).is_ok(),
                allowed,
                "{role:?} {event:?}"
            );
        }
    }

    /// Rules and the trail of accesses stand in conversations, and clerks read conversations.
    #[test]
    fn what_is_about_the_shop_has_rights_of_its_own() {
        use TokenRole::{Admin, Analyst, Dispute, Human};
        let reads = |role, name| identity(&[role]).may(right_to_read(name));
        assert!(reads(Dispute, "c1") && reads(Analyst, "@rules") && reads(Admin, "@access"));
        assert!(!reads(Dispute, "@rules") && !reads(Dispute, "@access"));
        assert!(!reads(Analyst, "@access"));
        let rules = event("rules", "u1", "human", "");
        assert!(hears(&identity(&[Analyst]), &rules) && !hears(&identity(&[Human]), &rules));
    }

    /// An administrator could put words into a customer's mouth, and no store could tell.
    #[test]
    fn whoever_speaks_for_another_is_named() {
        use TokenRole::{Admin, Human, Importer};
        let by = |roles: &[TokenRole], sender: &str| {
            let event = event("message", sender, "human", "");
            authorize(&identity(roles), &event, Origin::Live).unwrap().map(|by| (by.sub, by.role))
        };
        let named = |role| Some(("u1".to_string(), role));
        assert_eq!(by(&[Human], "u1"), None);
        assert_eq!(by(&[Human, Admin], "u1"), None);
        assert_eq!(by(&[Admin], "u1"), named(Authority::Admin), "it is no agent");
        assert_eq!(by(&[Admin], "carl"), named(Authority::Admin));
        assert_eq!(by(&[Human, Importer, Admin], "carl"), named(Authority::Importer));
    }
}
