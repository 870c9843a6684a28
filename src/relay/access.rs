//! Who may send and see what. Everything here is decided from the token and the event alone; what depends on the
//! conversation (who takes part in it) is decided by the appender, which knows.

use serde::{Deserialize, Serialize};

use super::RelayError;
use crate::model::{Event, Kind, Origin, Role, Visibility};

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum TokenRole {
    /// Writes as itself; sees the conversations it takes part in.
    Customer,
    /// Answers customers as itself.
    Human,
    /// Answers customers as itself.
    Bot,
    /// Brings in old transcripts and may name any sender.
    Importer,
    /// Searches and reads conversations.
    Dispute,
    /// Reads metrics, reports and SQL.
    Analyst,
    /// All of the above.
    Admin,
}

/// Who is asking, as the token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub subject: String,
    pub shop: String,
    pub roles: Vec<TokenRole>,
}

const CUSTOMER_KINDS: &[Kind] = &[
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

impl Identity {
    /// Whether the token has this role; an admin has every role.
    pub fn has(&self, role: TokenRole) -> bool {
        self.roles.contains(&role) || self.roles.contains(&TokenRole::Admin)
    }

    /// Whether the token sees only what its own customer may see.
    pub fn is_customer_only(&self) -> bool {
        self.roles.iter().all(|role| *role == TokenRole::Customer)
    }

    /// Whether the token may read the whole shop's records.
    pub fn reads_everything(&self) -> bool {
        [TokenRole::Dispute, TokenRole::Analyst, TokenRole::Importer].into_iter().any(|role| self.has(role))
    }

    /// Refuses unless the token has one of `roles`.
    pub fn require(&self, roles: &[TokenRole], to_do: &str) -> Result<(), RelayError> {
        match roles.iter().any(|role| self.has(*role)) {
            true => Ok(()),
            false => Err(RelayError::Denied(format!("the token of `{}` may not {to_do}", self.subject))),
        }
    }

    /// Whether this token may send this event at all.
    pub fn may_send(&self, event: &Event, origin: Origin) -> Result<(), RelayError> {
        if origin == Origin::Imported {
            self.require(&[TokenRole::Importer], "import old transcripts")?;
        }
        if self.has(TokenRole::Importer) {
            return Ok(());
        }
        let sender = &event.sender;
        let own_role = match sender.role {
            Role::Customer => self.has(TokenRole::Customer),
            Role::Human => self.has(TokenRole::Human),
            Role::Bot => self.has(TokenRole::Bot),
            Role::System => false,
        };
        let denied = |rule: String| Err(RelayError::Denied(rule));
        if !own_role {
            return denied(format!("the token of `{}` may not send as a {}", self.subject, sender.role.word()));
        }
        if sender.id != self.subject {
            return denied(format!("the token of `{}` may not send as `{}`", self.subject, sender.id));
        }
        if sender.role == Role::Customer {
            if !CUSTOMER_KINDS.contains(&event.kind) {
                return denied(format!("a customer may not send kind `{}`", event.kind.word()));
            }
            if event.visibility == Visibility::Private || event.automatic {
                return denied("a customer's event is neither private nor automatic".to_string());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(roles: &[TokenRole]) -> Identity {
        Identity { subject: "u1".to_string(), shop: "s".to_string(), roles: roles.to_vec() }
    }

    fn event(kind: &str, sender: &str, role: &str, extra: &str) -> Event {
        let json = format!(
            r#"{{"id":"m","conversation":"c","kind":"{kind}","text":"x","target":"t","assignee":"a","rating":1,"sender":{{"id":"{sender}","role":"{role}"}}{extra}}}"#
        );
        Event::parse(json.as_bytes()).unwrap()
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
            (Customer, event("message", "u1", "customer", r#","visibility":"private""#), live, false),
            (Customer, event("message", "u1", "customer", r#","automatic":true"#), live, false),
            (Human, event("message", "u1", "human", r#","visibility":"private""#), live, true),
            (Human, event("message", "u1", "customer", ""), live, false),
            (Human, event("message", "u1", "human", ""), Origin::Imported, false),
            (Analyst, event("message", "u1", "human", ""), live, false),
            (Importer, event("message", "anyone", "system", ""), Origin::Imported, true),
            (Admin, event("message", "anyone", "bot", ""), live, true),
        ];
        for (role, event, origin, allowed) in cases {
            assert_eq!(identity(&[role]).may_send(&event, origin).is_ok(), allowed, "{role:?} {event:?}");
        }
    }
}
