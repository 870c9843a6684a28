//! The rows of the tables `turns`, `episodes` and `stints`, and what one step of the fold may come to. What
//! each column means is said in [`super::columns`].
//!
//! A row with a `closed_offset` is final. A row without one shows how an open turn, episode or stint
//! stands now.

use super::change_row::ChangeRow;
use super::labels::{
    EpisodeEnd, EpisodeStart, Excluded, Move, Outcome, Place, SlaTarget, StintOutcome, TurnStart,
};
use super::rating_row::RatingRow;
use super::stray_row::StrayRow;
use super::tag_row::TagRow;
use crate::model::{Micros, Offset, Origin, Role};

/// Version of the rules in docs/METRICS.md that these rows follow. A change of meaning raises it;
/// stored states of another version are rebuilt, not continued.
pub const METRIC_VERSION: i32 = 4;

/// Final rows, in the order in which records settled them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub turns: Vec<TurnRow>,
    pub episodes: Vec<EpisodeRow>,
    pub changes: Vec<ChangeRow>,
    pub tags: Vec<TagRow>,
    pub strays: Vec<StrayRow>,
    pub stints: Vec<StintRow>,
    pub ratings: Vec<RatingRow>,
}

/// A run of customer messages, from the first one to its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRow {
    pub shop: String,
    pub conversation: String,
    pub turn: u32,
    pub episode: u32,
    pub started_by: TurnStart,
    pub waiting_since: Micros,
    pub waiting_offset: Offset,
    pub customer_messages: u32,
    pub ended_at: Option<Micros>,
    pub outcome: Outcome,
    pub replied_at: Option<Micros>,
    pub replier: Option<String>,
    pub replier_assignee: Option<String>,
    pub reply_offset: Option<Offset>,
    pub nrt_ms: Option<i64>,
    pub nrt_business_ms: Option<i64>,
    pub response_any_ms: Option<i64>,
    pub response_any_business_ms: Option<i64>,
    pub agent: Option<String>,
    pub team: Option<String>,
    pub sla_target: Option<SlaTarget>,
    pub due_at: Option<Micros>,
    pub handed_off: bool,
    pub excluded: Option<Excluded>,
    pub closed_offset: Option<Offset>,
    pub closed_at: Option<Micros>,
    pub origin: Origin,
    pub channel: Option<String>,
    pub language: Option<String>,
    pub metric_version: i32,
    pub rules_version: u32,
    pub schedule_version: Option<i32>,
}

/// A conversation from an opening to its resolve, or to silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpisodeRow {
    pub shop: String,
    pub conversation: String,
    pub episode: u32,
    pub started_at: Micros,
    pub started_offset: Offset,
    pub started_by: EpisodeStart,
    /// It began by a record whose time means anything.
    pub timed: bool,
    pub first_customer_at: Option<Micros>,
    pub first_human_at: Option<Micros>,
    pub first_bot_at: Option<Micros>,
    pub frt_total_ms: Option<i64>,
    pub frt_total_business_ms: Option<i64>,
    pub frt_human_ms: Option<i64>,
    pub frt_human_business_ms: Option<i64>,
    pub frt_bot_ms: Option<i64>,
    pub frt_bot_business_ms: Option<i64>,
    pub frt_excluded: Option<Excluded>,
    pub first_replier: Option<String>,
    pub first_replier_team: Option<String>,
    pub agent: Option<String>,
    pub team: Option<String>,
    pub ended_at: Option<Micros>,
    pub ended_by: Option<EpisodeEnd>,
    pub resolved_by: Option<String>,
    pub resolver_role: Option<Role>,
    pub episode_resolution_ms: Option<i64>,
    pub episode_resolution_business_ms: Option<i64>,
    pub resolution_human_ms: Option<i64>,
    pub resolution_human_business_ms: Option<i64>,
    pub close_gap_ms: Option<i64>,
    pub close_gap_business_ms: Option<i64>,
    pub resolution_due_at: Option<Micros>,
    pub unanswered: bool,
    pub abandoned: bool,
    pub events: u32,
    pub messages: u32,
    pub earliest_at: Micros,
    pub latest_at: Micros,
    pub customer_messages: u32,
    pub human_messages: u32,
    pub bot_messages: u32,
    pub handoffs: u32,
    pub transfers: u32,
    pub first_handoff_at: Option<Micros>,
    pub reopened: bool,
    pub since_resolve_ms: Option<i64>,
    pub categories: Vec<String>,
    pub rating: Option<u8>,
    pub last_assignee: Option<String>,
    pub customer: Option<String>,
    pub order: Option<String>,
    pub channel: Option<String>,
    pub language: Option<String>,
    pub origin: Origin,
    pub closed_offset: Option<Offset>,
    pub closed_at: Option<Micros>,
    pub metric_version: i32,
    pub rules_version: u32,
    pub schedule_version: Option<i32>,
}

/// A stretch of an episode in which it lay in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StintRow {
    pub shop: String,
    pub conversation: String,
    pub episode: u32,
    pub stint: u32,
    pub place: Place,
    pub agent: Option<String>,
    pub team: Option<String>,
    pub started_at: Micros,
    pub started_offset: Offset,
    pub started_by: Move,
    pub ended_at: Option<Micros>,
    pub ended_by: Option<Move>,
    pub duration_ms: Option<i64>,
    pub business_ms: Option<i64>,
    pub pending_since: Option<Micros>,
    pub first_reply_at: Option<Micros>,
    pub first_reply_offset: Option<Offset>,
    pub frt_agent_ms: Option<i64>,
    pub frt_agent_business_ms: Option<i64>,
    pub outcome: Option<StintOutcome>,
    pub messages: u32,
    pub excluded: Option<Excluded>,
    pub closed_offset: Option<Offset>,
    pub closed_at: Option<Micros>,
    pub origin: Origin,
    pub channel: Option<String>,
    pub language: Option<String>,
    pub metric_version: i32,
    pub rules_version: u32,
    pub schedule_version: Option<i32>,
}
