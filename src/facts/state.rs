//! What the fold remembers of one conversation between two records. Everything needed to go on, and
//! nothing else: it is stored for every conversation, and read again when the conversation goes on.
//! One in which nothing is open takes about 100 bytes there.

use serde::{Deserialize, Serialize};

use super::episode::OpenEpisode;
use super::labels::EpisodeEnd;
use super::moment::Moment;
use super::stint::OpenStint;
use super::turn::OpenTurn;
use crate::model::{Event, Micros, Offset, Role};

/// Most categories that stand on one conversation at a time: × 128 characters of up to 4 bytes =
/// 128 KiB. Further tags stay in the events.
const CATEGORIES_MAX: usize = 256;

/// The fold's memory of one conversation. Starts as `default()`; changed only by [`super::fold()`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationState {
    /// Turns begun: the number of the open turn, or of the last one.
    pub(crate) turns: u32,
    /// Episodes begun: the number of the open episode, or of the last one.
    pub(crate) episodes: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<OpenTurn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) episode: Option<OpenEpisode>,
    /// Stints begun: the number of the open stint, or of the last one.
    #[serde(default)]
    pub(crate) stints: u32,
    /// There exactly while an episode is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stint: Option<OpenStint>,
    /// What ended the last episode, when none is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended_by: Option<EpisodeEnd>,
    /// The last resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resolved: Option<Moment>,
    /// The last human who replied: to whom a rating is credited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_replier: Option<String>,
    /// The last question for a rating, while nobody has answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rating_requested: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) assignee: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) customer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<String>,
    /// Tags of people that stand, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) categories: Vec<String>,
}

impl ConversationState {
    /// Whether an episode is open, and perhaps a turn in it.
    pub fn is_open(&self) -> bool {
        self.episode.is_some()
    }

    /// Whether only a human can answer the customer now.
    pub(crate) fn waits_for_a_human(&self) -> bool {
        self.turn.as_ref().is_some_and(OpenTurn::waits_for_a_human)
            || self.stint.as_ref().is_some_and(|stint| stint.lies_with_people())
    }

    /// What the log's clock will close this conversation by: no two have the same, since the offset
    /// is that of its last activity. `None` where nothing is open.
    pub(crate) fn deadline(&self) -> Option<(Micros, Offset)> {
        let last = self.episode.as_ref()?.last_activity;
        Some((last.deadline(), last.moment.offset))
    }

    /// The rules under which the open episode last showed life; the shop's first ones where none is
    /// open.
    pub(crate) fn rules_version(&self) -> u32 {
        self.episode.as_ref().map_or(0, |episode| episode.last_activity.rules_version)
    }

    /// Takes over what any event can tell of its conversation. The customer is the first one to be
    /// named or to write, order, channel and language are as last told.
    pub(crate) fn learn(&mut self, event: &Event) {
        if self.customer.is_none() {
            let wrote = (event.sender.role == Role::Customer).then_some(&event.sender.id);
            self.customer = event.customer.as_ref().or(wrote).cloned();
        }
        keep_latest(&mut self.order, event.order.as_deref());
        keep_latest(&mut self.channel, event.channel.as_deref());
        keep_latest(&mut self.language, event.language.as_deref());
    }

    /// A handoff to nobody in particular leaves nobody assigned.
    pub(crate) fn assign(&mut self, assignee: Option<&str>) {
        match assignee {
            Some(_) => keep_latest(&mut self.assignee, assignee),
            None => self.assignee = None,
        }
        if let Some(episode) = &mut self.episode {
            keep_latest(&mut episode.last_assignee, assignee);
        }
    }

    /// A human has said something in public.
    pub(crate) fn credit(&mut self, human: &str) {
        keep_latest(&mut self.last_replier, Some(human));
    }

    pub(crate) fn tag(&mut self, category: &str) {
        if let Err(index) =
            self.categories.binary_search_by(|standing| standing.as_str().cmp(category))
            && self.categories.len() < CATEGORIES_MAX
        {
            self.categories.insert(index, category.to_string());
        }
    }

    pub(crate) fn untag(&mut self, category: &str) {
        self.categories.retain(|standing| standing != category);
    }
}

/// Allocates only when something new is told, which is rare: most events repeat the conversation's
/// channel.
fn keep_latest(known: &mut Option<String>, told: Option<&str>) {
    if let Some(told) = told
        && known.as_deref() != Some(told)
    {
        *known = Some(told.to_string());
    }
}
