//! The one table of which role may do what. Every check of a token's rights reads it.

use strum::VariantArray;

use super::TokenRole::{Analyst, Bot, Customer, Dispute, Human, Importer};
use super::{AccessError, Identity, TokenRole};

/// What a token may be needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Action {
    SendAsCustomer,
    SendAsHuman,
    SendAsBot,
    SendAsAnyone,
    Import,
    /// Rules and erasures.
    Administer,
    /// Putting conversations on hold and releasing them; seeing what is held and what was erased.
    Hold,
    SendAttachments,
    /// Listening to conversations one takes no part in.
    ListenAnywhere,
    /// Hearing and reading the shop's notes to itself.
    ReadPrivate,
    /// Being told where in the log a record stands: it counts the traffic of all shops.
    SeeOffsets,
    /// Checkpoints, tiles and proofs of the ledger, which count the traffic of all shops too.
    ReadLedger,
    StreamRecords,
    ReadConversations,
    Search,
    ReadReports,
    ReadRules,
    AskSql,
    Export,
    /// Bundles that prove what was said, for somebody outside.
    ExportEvidence,
    ReadStatus,
    /// Who looked at what: questions are as personal as what was said.
    ReadTrail,
    /// What is counted and measured of the whole service, for who runs it.
    ReadMetrics,
}

/// One line of the table.
struct Right {
    action: Action,
    roles: &'static [TokenRole],
    /// The action, to complete "may not …".
    phrase: &'static str,
}

const fn right(action: Action, roles: &'static [TokenRole], phrase: &'static str) -> Right {
    Right { action, roles, phrase }
}

/// Every action, and the roles that may do it. An admin may do everything.
#[rustfmt::skip]
const RIGHTS: &[Right] = &[
    right(Action::SendAsCustomer, &[Customer], "send as a customer"),
    right(Action::SendAsHuman, &[Human], "send as a human"),
    right(Action::SendAsBot, &[Bot], "send as a bot"),
    right(Action::SendAsAnyone, &[Importer], "send as anybody else"),
    right(Action::Import, &[Importer], "import old transcripts"),
    right(Action::Administer, &[], "administer the shop"),
    right(Action::Hold, &[Dispute], "hold conversations, and see what is held and erased"),
    right(Action::SendAttachments, &[Customer, Human, Bot, Importer], "send attachments"),
    right(Action::ListenAnywhere, &[Human, Bot, Importer, Dispute, Analyst], "listen where it takes no part"),
    right(Action::ReadPrivate, &[Human, Importer, Dispute, Analyst], "read private notes"),
    right(Action::SeeOffsets, &[Human, Bot, Importer, Dispute, Analyst], "see offsets"),
    right(Action::ReadLedger, &[Human, Bot, Importer, Dispute, Analyst], "read the ledger"),
    right(Action::StreamRecords, &[Importer, Dispute, Analyst], "read the whole shop"),
    right(Action::ReadConversations, &[Dispute, Analyst], "read conversations"),
    right(Action::Search, &[Dispute, Analyst], "search"),
    right(Action::ReadReports, &[Analyst], "read reports"),
    right(Action::ReadRules, &[Analyst], "read the shop's rules"),
    right(Action::AskSql, &[Analyst], "ask in SQL"),
    right(Action::Export, &[Analyst], "export"),
    right(Action::ExportEvidence, &[Dispute], "export evidence"),
    right(Action::ReadStatus, &[Human, Bot, Importer, Dispute, Analyst], "see the status"),
    right(Action::ReadTrail, &[], "read who looked at what"),
    right(Action::ReadMetrics, &[], "read the service's metrics"),
];

impl Action {
    fn right(self) -> Option<&'static Right> {
        RIGHTS.iter().find(|right| right.action == self)
    }

    /// The action, to complete "may …".
    pub fn phrase(self) -> &'static str {
        self.right().map_or("do this", |right| right.phrase)
    }

    /// The roles that may do this; an admin may do it too.
    pub fn roles(self) -> &'static [TokenRole] {
        self.right().map_or(&[], |right| right.roles)
    }
}

/// The table as Markdown, for `docs/rights.md`.
pub fn rights_table() -> String {
    let roles = TokenRole::VARIANTS;
    let heads: Vec<&str> = roles.iter().map(|role| role.into()).collect();
    let mut text =
        format!("| may | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(roles.len()));
    for right in RIGHTS {
        let may = |role: &TokenRole| *role == TokenRole::Admin || right.roles.contains(role);
        let cells: Vec<&str> =
            roles.iter().map(|role| if may(role) { "yes" } else { "" }).collect();
        text.push_str(&format!("| {} | {} |\n", right.phrase, cells.join(" | ")));
    }
    text
}

impl Identity {
    /// Whether the token allows `action`.
    pub fn may(&self, action: Action) -> bool {
        self.roles.iter().any(|role| *role == TokenRole::Admin || action.roles().contains(role))
    }

    /// Refuses unless the token allows `action`.
    pub fn require(&self, action: Action) -> Result<(), AccessError> {
        if self.may(action) {
            return Ok(());
        }
        Err(self.denied(action.phrase()))
    }

    pub(super) fn denied(&self, action: impl Into<String>) -> AccessError {
        AccessError::Denied { subject: self.subject.clone(), action: action.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(role: TokenRole) -> Identity {
        Identity { subject: "u1".to_string(), shop: "s".to_string(), roles: vec![role] }
    }

    #[test]
    fn every_action_has_one_row_and_an_admin_may_do_it() {
        for action in Action::VARIANTS {
            let rows = RIGHTS.iter().filter(|right| right.action == *action).count();
            assert_eq!(rows, 1, "{action:?}");
            assert!(identity(TokenRole::Admin).may(*action), "{action:?}");
        }
    }

    #[test]
    fn a_customer_sends_and_nothing_else() {
        let allowed: Vec<Action> = RIGHTS
            .iter()
            .map(|right| right.action)
            .filter(|action| identity(Customer).may(*action))
            .collect();
        assert_eq!(allowed, [Action::SendAsCustomer, Action::SendAttachments]);
    }

    /// Rows, hits and files of the whole shop are not told apart by their visibility.
    #[test]
    fn whoever_reads_the_whole_shop_may_read_its_private_notes() {
        use Action::{
            AskSql, Export, ExportEvidence, ReadConversations, ReadReports, Search, StreamRecords,
        };
        for role in TokenRole::VARIANTS {
            let reads = [
                AskSql,
                Export,
                ExportEvidence,
                ReadConversations,
                ReadReports,
                Search,
                StreamRecords,
            ];
            if reads.iter().any(|action| identity(*role).may(*action)) {
                assert!(identity(*role).may(Action::ReadPrivate), "{role:?}");
            }
        }
    }

    #[test]
    fn a_refusal_names_the_token_and_the_action() {
        let error = identity(Customer).require(Action::Search).unwrap_err();
        assert_eq!(error.to_string(), "the token of `u1` may not search");
    }
}
