//! Who is asking: what a token carries.

use serde::{Deserialize, Serialize};

use super::Action;

/// What a token allows. What each role may do stands in `rights`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TokenRole {
    /// Writes as itself; sees the conversations it takes part in.
    Customer,
    /// Answers customers as itself.
    Human,
    /// Answers customers as itself.
    Bot,
    /// Imports old transcripts and may name any sender.
    Importer,
    /// Searches, reads and streams all conversations.
    Dispute,
    /// As dispute, and reads reports, SQL and exports.
    Analyst,
    /// All of the above.
    Admin,
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub subject: String,
    pub shop: String,
    pub roles: Vec<TokenRole>,
}

impl Identity {
    /// Holds a customer's rights alone: to a customer's bounds.
    pub fn is_customer(&self) -> bool {
        !self.may(Action::ListenAnywhere)
    }
}

/// The identity of commands that work in place: whoever may open the data directory may act for any
/// of its shops.
pub fn operator(shop: &str) -> Identity {
    Identity {
        subject: "operator".to_string(),
        shop: shop.to_string(),
        roles: vec![TokenRole::Admin],
    }
}
