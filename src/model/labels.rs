//! The labels in an event: each is spelled once, here, and read and written as `snake_case`
//! everywhere.

use serde::{Deserialize, Serialize};
use strum::{EnumString, FromRepr, IntoStaticStr, VariantNames};
use utoipa::ToSchema;

/// How the names of conversations begin that are about a shop and not a chat.
pub const RESERVED_PREFIX: char = '@';
/// Where a shop's rules stand.
pub const RULES_CONVERSATION: &str = "@rules";
/// Where it stands who looked at a shop's evidence.
pub const ACCESS_CONVERSATION: &str = "@access";

/// What happened. The numbers are part of the leaf and never change.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    FromRepr,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[repr(u8)]
pub enum Kind {
    Open = 1,
    Message = 2,
    Edit = 3,
    Retract = 4,
    Assign = 5,
    Handoff = 6,
    Queue = 7,
    Pause = 8,
    Resume = 9,
    Resolve = 10,
    Reopen = 11,
    Tag = 12,
    Untag = 13,
    RateRequest = 14,
    Rate = 15,
    Read = 16,
    Join = 17,
    Leave = 18,
    Call = 19,
    /// What the shop decides: idle time, opening hours, categories.
    Rules = 20,
    /// Nothing of this conversation is erased until it is released.
    Hold = 21,
    Release = 22,
    /// A message is to be forgotten.
    Erase = 23,
    /// Somebody searched, viewed or exported evidence.
    Access = 24,
}

/// Who speaks.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    FromRepr,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[repr(u8)]
pub enum Role {
    Customer = 1,
    Human = 2,
    Bot = 3,
    System = 4,
}

/// Whether the customer sees it. Private notes are for the shop's side only.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    FromRepr,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
#[repr(u8)]
pub enum Visibility {
    Public = 1,
    Private = 2,
}

/// Where a record comes from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Origin {
    /// Chat as it happens: `occurred_at` is `received_at`.
    Live,
    /// An imported transcript: `occurred_at` is the client's `sent_at`.
    Imported,
}

/// The right to name another as the sender.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Authority {
    Importer,
    Admin,
}

impl Kind {
    /// The kind as written in JSON, SQL and files.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Whether only the shop's administration sends it. Customers neither send nor hear it, and no
    /// figure counts it.
    pub const fn is_administrative(self) -> bool {
        matches!(self, Kind::Rules | Kind::Hold | Kind::Release | Kind::Erase | Kind::Access)
    }

    /// [`super::Event::is_aside`], of an event of this kind.
    pub const fn is_aside(self, automatic: bool) -> bool {
        self.is_administrative() || (automatic && matches!(self, Kind::Tag | Kind::Untag))
    }

    /// The reserved conversation in which every record of this kind stands; `None` for what is
    /// about a chat.
    pub const fn reserved_conversation(self) -> Option<&'static str> {
        match self {
            Kind::Rules => Some(RULES_CONVERSATION),
            Kind::Access => Some(ACCESS_CONVERSATION),
            _ => None,
        }
    }
}

impl Role {
    /// The role as written in JSON, SQL and files.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Visibility {
    /// The visibility as written in JSON, SQL and files.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Authority {
    /// The authority as written in JSON, SQL and files.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl Origin {
    /// The origin as written in JSON, SQL and files.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::str::FromStr;

    use serde::de::DeserializeOwned;

    use super::*;

    /// JSON is written by serde, everything else by strum: they must spell alike.
    fn check<L>(as_str: fn(L) -> &'static str)
    where
        L: VariantNames
            + FromStr<Err: Debug>
            + Serialize
            + DeserializeOwned
            + Copy
            + PartialEq
            + Debug,
    {
        for name in L::VARIANTS {
            let label: L = name.parse().unwrap();
            assert_eq!(as_str(label), *name);
            assert_eq!(serde_json::to_string(&label).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<L>(&format!("\"{name}\"")).unwrap(), label);
        }
    }

    #[test]
    fn every_label_survives_the_round_trip() {
        check(Kind::as_str);
        check(Role::as_str);
        check(Visibility::as_str);
        check(Origin::as_str);
        check(Authority::as_str);
        assert_eq!(Kind::RateRequest.as_str(), "rate_request");
    }

    #[test]
    fn numbers_are_dense_and_lead_back() {
        for number in 1..=24 {
            assert_eq!(Kind::from_repr(number).map(|kind| kind as u8), Some(number));
        }
        assert_eq!((Kind::from_repr(0), Kind::from_repr(25)), (None, None));
    }
}
