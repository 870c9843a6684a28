//! The fold: one record changes the state of its conversation and may close a turn, an episode, or
//! both.
//!
//! Invariants: offsets decide the order, `occurred_at` the times; a turn is open only inside an
//! open episode; rows are pushed only when final, the turn before the episode that ends with it.
//! Records already folded change nothing, so that a stretch of the log can be read again over a
//! newer state.
//! It does not know other conversations, and no figure in it depends on what comes later.
//!
//! What docs/METRICS.md leaves open is settled so:
//! - Only public messages that somebody typed count: private notes, automatic texts, edits,
//!   retractions, joins and reads begin and end nothing and keep no episode from going idle. A
//!   message of the system is an answer of sorts (`response_any_ms`) and keeps the episode awake,
//!   but begins none and ends no turn.
//! - After a resolve the shop's own messages, and further resolves, belong to what has ended and
//!   change nothing. A message of the customer, a handoff, an open or a reopen begins the next
//!   episode.
//! - A bot's message answers a customer until the bot hands over. After a handoff the customer
//!   waits for a human, and a bot's "one moment please" ends no wait.
//! - A reopen while an episode is open changes nothing: it was said twice, and the customer has
//!   waited since the first.
//! - An episode goes idle only when nobody waits, and only by the next activity: an idle
//!   conversation that nobody touches again stays open, as it may still be resolved.

use std::time::Duration;

use super::episode::OpenEpisode;
use super::episode_row::EpisodeClose;
use super::labels::{EpisodeEnd, EpisodeStart, Outcome, TurnStart};
use super::moment::Moment;
use super::rows::{EpisodeRow, Facts, TurnRow};
use super::state::ConversationState;
use super::turn::OpenTurn;
use super::turn_row::TurnClose;
use crate::model::{Event, Kind, Record, Role, Visibility};

/// What a shop may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldConfig {
    /// An episode in which nobody waits ends when more than this passes without activity.
    pub idle: Duration,
}

impl Default for FoldConfig {
    fn default() -> FoldConfig {
        FoldConfig { idle: Duration::from_hours(24) }
    }
}

/// Folds the next record of a conversation into its `state` and pushes the rows it closes to
/// `facts`. Records of one conversation must come in offset order; those below
/// [`ConversationState::next_offset`] are passed over.
pub fn fold(
    state: &mut ConversationState,
    record: &Record,
    config: &FoldConfig,
    facts: &mut Facts,
) {
    if record.offset < state.next {
        return;
    }
    state.next = record.offset.next();
    let event = &record.event;
    state.learn(event);
    let mut step = Step { state, record, here: Moment::of(record), idle: config.idle, facts };
    match event.kind {
        Kind::Open => step.open(),
        Kind::Message if is_said_in_public(event) => step.message(),
        Kind::Handoff => step.handoff(),
        Kind::Reopen => step.reopen(),
        Kind::Resolve => step.resolve(),
        Kind::Rate => step.rate(),
        Kind::Assign => step.state.assign(event.assignee.as_deref()),
        Kind::Tag => event.category.iter().for_each(|category| step.state.tag(category)),
        Kind::Untag => event.category.iter().for_each(|category| step.state.untag(category)),
        Kind::Message
        | Kind::Edit
        | Kind::Retract
        | Kind::Queue
        | Kind::Pause
        | Kind::Resume
        | Kind::RateRequest
        | Kind::Read
        | Kind::Join
        | Kind::Leave
        | Kind::Call
        | Kind::Rules
        | Kind::Hold
        | Kind::Release
        | Kind::Erase
        | Kind::Access => {}
    }
}

fn is_said_in_public(event: &Event) -> bool {
    event.visibility == Visibility::Public && !event.automatic
}

/// One record meeting the state of its conversation.
struct Step<'a> {
    state: &'a mut ConversationState,
    record: &'a Record,
    here: Moment,
    idle: Duration,
    facts: &'a mut Facts,
}

impl Step<'_> {
    fn open(&mut self) {
        self.end_idle_episode();
        match &mut self.state.episode {
            Some(episode) => episode.last_activity = self.here,
            None => self.begin_episode(EpisodeStart::Open),
        }
    }

    fn message(&mut self) {
        self.end_idle_episode();
        let sender = &self.record.event.sender;
        if self.state.episode.is_none() && !self.begin_episode_by_message(sender.role) {
            return;
        }
        let Some(episode) = &mut self.state.episode else { return };
        episode.last_activity = self.here;
        match sender.role {
            Role::Customer => {
                episode.take_customer_message(self.here);
                self.open_or_begin_turn(TurnStart::Customer).customer_messages += 1;
            }
            Role::Human => {
                episode.take_human_message(self.here, &sender.id);
                self.respond();
                self.end_turn(Outcome::Replied);
            }
            Role::Bot => {
                episode.take_bot_message(self.here);
                self.respond();
                if !self.state.turn.as_ref().is_some_and(OpenTurn::waits_for_a_human) {
                    self.end_turn(Outcome::Bot);
                }
            }
            Role::System => self.respond(),
        }
    }

    fn handoff(&mut self) {
        self.end_idle_episode();
        if self.state.episode.is_none() {
            let after_idle = self.state.ended_by == Some(EpisodeEnd::Idle);
            self.begin_episode(if after_idle { EpisodeStart::Idle } else { EpisodeStart::Handoff });
        }
        let event = &self.record.event;
        if let Some(episode) = &mut self.state.episode {
            episode.last_activity = self.here;
            episode.take_handoff(self.here, event.sender.role);
        }
        self.state.assign(event.assignee.as_deref());
        match &mut self.state.turn {
            Some(turn) => turn.handed_off = true,
            None => {
                self.open_or_begin_turn(TurnStart::Handoff);
            }
        }
    }

    fn reopen(&mut self) {
        self.end_idle_episode();
        if let Some(episode) = &mut self.state.episode {
            episode.last_activity = self.here;
            return;
        }
        self.begin_episode(EpisodeStart::Reopen);
        if self.record.event.sender.role == Role::Customer {
            if let Some(episode) = &mut self.state.episode {
                episode.first_customer = Some(self.here);
            }
            self.open_or_begin_turn(TurnStart::Reopen);
        }
    }

    fn resolve(&mut self) {
        self.end_turn(Outcome::Closed);
        let sender = &self.record.event.sender;
        let resolver = Some((sender.id.as_str(), sender.role));
        self.end_episode(&EpisodeClose {
            at: self.here,
            by: EpisodeEnd::Resolve,
            closed_by: self.here,
            resolver,
        });
    }

    fn rate(&mut self) {
        if let Some(episode) = &mut self.state.episode {
            episode.rating = self.record.event.rating;
        }
    }

    /// Ends an episode that had fallen silent before this record. A waiting customer is never idled
    /// away.
    fn end_idle_episode(&mut self) {
        let Some(episode) = &self.state.episode else { return };
        let last = episode.last_activity;
        if self.state.turn.is_none() && last.is_idle_until(self.here, self.idle) {
            self.end_episode(&EpisodeClose {
                at: last,
                by: EpisodeEnd::Idle,
                closed_by: self.here,
                resolver: None,
            });
        }
    }

    fn end_episode(&mut self, close: &EpisodeClose<'_>) {
        let Some(episode) = self.state.episode.take() else { return };
        let Record { shop, event, .. } = self.record;
        let row = EpisodeRow::of(&episode, self.state, shop, &event.conversation, Some(close));
        self.facts.episodes.push(row);
        self.state.ended_by = Some(close.by);
    }

    /// Begins an episode where a message does so; false where the message changes nothing.
    fn begin_episode_by_message(&mut self, role: Role) -> bool {
        let started_by = match (role, self.state.ended_by) {
            (Role::System, _) => return false,
            (Role::Human | Role::Bot, Some(EpisodeEnd::Resolve)) => return false,
            (_, Some(EpisodeEnd::Idle)) => EpisodeStart::Idle,
            (_, None | Some(EpisodeEnd::Resolve)) => EpisodeStart::Message,
        };
        self.begin_episode(started_by);
        true
    }

    fn begin_episode(&mut self, started_by: EpisodeStart) {
        let after_resolve = self.state.ended_by.take() == Some(EpisodeEnd::Resolve);
        let mut episode = OpenEpisode::begin(self.here, started_by, self.record.origin);
        episode.reopened = after_resolve || started_by == EpisodeStart::Reopen;
        episode.last_assignee.clone_from(&self.state.assignee);
        self.state.episodes += 1;
        self.state.episode = Some(episode);
    }

    fn open_or_begin_turn(&mut self, started_by: TurnStart) -> &mut OpenTurn {
        let ConversationState { turn, turns, .. } = &mut *self.state;
        turn.get_or_insert_with(|| {
            *turns += 1;
            OpenTurn::begin(self.here, started_by, self.record.origin)
        })
    }

    /// Notes the first answer of any kind to the open turn.
    fn respond(&mut self) {
        if let Some(turn) = &mut self.state.turn {
            turn.first_response.get_or_insert(self.here);
        }
    }

    fn end_turn(&mut self, outcome: Outcome) {
        let Some(turn) = self.state.turn.take() else { return };
        let Record { shop, event, .. } = self.record;
        let replier = (outcome == Outcome::Replied).then_some(event.sender.id.as_str());
        let close = TurnClose { at: self.here, outcome, replier };
        let row = TurnRow::of(&turn, self.state, shop, &event.conversation, Some(&close));
        self.facts.turns.push(row);
    }
}
