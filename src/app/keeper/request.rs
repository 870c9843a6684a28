//! What people ask for, and what they are told of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Offset;

/// What a hold or a release is about: one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HoldRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Every conversation with this order number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Every conversation that this customer takes part in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is to be erased, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EraseRequest {
    /// One message, with all its versions, of `conversation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// What this customer said, and their id, in all of their conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    pub ground: String,
    /// Says what would be erased, and asks for nothing.
    pub dry_run: bool,
}

/// A conversation that a hold or a release was written into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Concerned {
    pub conversation: String,
    pub offset: Offset,
}

/// What is, or would be, erased of one conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasePlan {
    pub conversation: String,
    /// Records that lose their content.
    pub records: u64,
    pub attachments: u64,
    /// Cases that hold it: it waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskedErasure {
    /// By which it is listed; `None` of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub conversations: Vec<ErasePlan>,
}
