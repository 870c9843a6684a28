//! A turn that waits for its answer.

use serde::{Deserialize, Serialize};

use super::due::Promise;
use super::labels::TurnStart;
use super::moment::Moment;
use crate::model::Origin;

/// The one turn of a conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenTurn {
    pub(crate) since: Moment,
    pub(crate) started_by: TurnStart,
    pub(crate) origin: Origin,
    pub(crate) customer_messages: u32,
    pub(crate) handed_off: bool,
    /// First message of anyone but the customer. Also set while the turn stays open: by the system,
    /// or by a bot after a handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_response: Option<Moment>,
    /// When the reply is due, by what the shop promised when the wait began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) promise: Option<Promise>,
}

impl OpenTurn {
    pub(crate) fn begin(
        since: Moment,
        started_by: TurnStart,
        origin: Origin,
        promise: Option<Promise>,
    ) -> OpenTurn {
        OpenTurn {
            since,
            started_by,
            origin,
            customer_messages: 0,
            handed_off: false,
            first_response: None,
            promise,
        }
    }

    /// Whether the bot has handed this customer over, so that only a human can answer.
    pub(crate) fn waits_for_a_human(&self) -> bool {
        self.handed_off || self.started_by == TurnStart::Handoff
    }
}
