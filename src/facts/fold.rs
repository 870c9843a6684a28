//! The fold of one conversation: a record changes its state and settles rows; so does the log's
//! clock when it passes the conversation's deadline.
//!
//! Invariants: offsets decide the order, `occurred_at` the times; a turn is open only inside an
//! open episode; rows are pushed only when final, the turn before the episode that ends with it;
//! every record is counted in one episode or is a stray.
//! It does not know other conversations: [`super::log_fold`] tells it when the clock has passed a
//! deadline. No figure in it depends on what comes later.
//!
//! What begins, ends and counts is said in `docs/METRICS.md`.

use super::activity::Activity;
use super::closer::Closer;
use super::due::{self, Promise};
use super::episode::OpenEpisode;
use super::episode_row::EpisodeClose;
use super::labels::{EpisodeEnd, EpisodeStart, Move, Outcome, SlaTarget, TurnStart};
use super::moment::Moment;
use super::moves::{Mover, end_stint};
use super::rating_row::RatingRow;
use super::rows::{EpisodeRow, Facts, TurnRow};
use super::state::ConversationState;
use super::stint_row::StintClose;
use super::stray_row::StrayRow;
use super::tag_row::TagRow;
use super::turn::OpenTurn;
use super::turn_row::TurnClose;
use super::whose::Whose;
use crate::model::{Event, Kind, Record, Role, Rules, Visibility};

/// Folds the next record of a conversation into its `state`, under the shop's rules of now, and
/// pushes the rows it settles to `facts`. Records of one conversation must come in offset order.
pub fn fold(state: &mut ConversationState, record: &Record, rules: &Rules, facts: &mut Facts) {
    if state.deadline().is_some_and(|(deadline, _)| record.received_at > deadline) {
        close_idle(state, &Whose::of(record, rules), Closer::of(record), facts);
    }
    let activity = Activity::of(record, rules);
    let whose = Whose::of(record, rules);
    Step { state, record, whose, here: activity.moment, activity, facts }.take();
}

/// Ends the episode of a conversation that the log's clock has found idle, and abandons the turn in
/// it. `by` is the record that passed the deadline.
pub(crate) fn close_idle(
    state: &mut ConversationState,
    whose: &Whose<'_>,
    by: Closer,
    facts: &mut Facts,
) {
    let Some(episode) = &state.episode else { return };
    let at = episode.last_activity.idle_at();
    let turn = state.turn.take();
    if let Some(turn) = &turn {
        let outcome = Outcome::Abandoned;
        let close = TurnClose { at, outcome, closed_by: by, replier: None };
        facts.turns.push(TurnRow::of(turn, state, whose, Some(&close)));
    }
    let close = EpisodeClose {
        at,
        by: EpisodeEnd::Idle,
        closed_by: by,
        resolver: None,
        unanswered: turn.is_some(),
    };
    end_episode(state, whose, &close, facts);
}

fn end_episode(
    state: &mut ConversationState,
    whose: &Whose<'_>,
    close: &EpisodeClose<'_>,
    facts: &mut Facts,
) {
    if state.episode.is_none() {
        return;
    }
    let by = match close.by {
        EpisodeEnd::Resolve => Move::Resolve,
        EpisodeEnd::Idle => Move::Idle,
    };
    let end = StintClose { at: close.at, by, closed_by: close.closed_by };
    end_stint(state, whose, &end, &mut facts.stints);
    let Some(episode) = state.episode.take() else { return };
    facts.episodes.push(EpisodeRow::of(&episode, state, whose, Some(close)));
    state.ended_by = Some(close.by);
    if close.by == EpisodeEnd::Resolve {
        state.resolved = Some(close.at);
    }
}

fn is_said_in_public(event: &Event) -> bool {
    event.visibility == Visibility::Public && !event.automatic
}

/// One record meeting the state of its conversation.
struct Step<'a> {
    state: &'a mut ConversationState,
    record: &'a Record,
    whose: Whose<'a>,
    here: Moment,
    activity: Activity,
    facts: &'a mut Facts,
}

impl Step<'_> {
    fn take(mut self) {
        let event = &self.record.event;
        // Before anything of the record is learnt: what it tells belongs to what comes after.
        self.end_by_own_clock();
        self.state.learn(event);
        let was_open = self.count();
        self.facts.tags.extend(TagRow::of(self.record));
        match event.kind {
            Kind::Open => self.open(),
            Kind::Message if is_said_in_public(event) => self.message(),
            Kind::Handoff => self.handoff(),
            Kind::Reopen => self.reopen(),
            Kind::Resolve => self.resolve(),
            Kind::Rate => self.rate(),
            Kind::RateRequest => self.request_rating(),
            Kind::Assign => {
                self.state.assign(event.assignee.as_deref());
                self.mover().assign();
            }
            Kind::Queue => self.mover().queue(),
            Kind::Pause => self.mover().pause(),
            Kind::Resume => self.mover().resume(),
            Kind::Leave => self.mover().leave(),
            // What a model says stands beside what people say, and is none of it.
            Kind::Tag | Kind::Untag if event.automatic => {}
            Kind::Tag => event.category.iter().for_each(|category| self.state.tag(category)),
            Kind::Untag => event.category.iter().for_each(|category| self.state.untag(category)),
            Kind::Message
            | Kind::Edit
            | Kind::Retract
            | Kind::Read
            | Kind::Join
            | Kind::Call
            | Kind::Rules
            | Kind::Hold
            | Kind::Release
            | Kind::Erase
            | Kind::Access => {}
        }
        // A record that began an episode lies in it as well; any other lay in none.
        if !was_open && !self.count() {
            self.facts.strays.push(StrayRow::of(self.record, self.state));
        }
    }

    /// Counts this record in the open episode; false where none is open.
    fn count(&mut self) -> bool {
        let Some(episode) = &mut self.state.episode else { return false };
        episode.count(self.record);
        true
    }

    fn open(&mut self) {
        match &mut self.state.episode {
            Some(episode) => episode.last_activity = self.activity,
            None => self.begin_episode(EpisodeStart::Open),
        }
    }

    fn message(&mut self) {
        let sender = &self.record.event.sender;
        if self.state.episode.is_none() && !self.begin_episode_by_message(sender.role) {
            return;
        }
        let Some(episode) = &mut self.state.episode else { return };
        episode.last_activity = self.activity;
        match sender.role {
            Role::Customer => {
                episode.take_customer_message(self.here);
                self.open_or_begin_turn(TurnStart::Customer).customer_messages += 1;
                self.mover().wait();
            }
            Role::Human => {
                episode.take_human_message(self.here, &sender.id);
                self.state.credit(&sender.id);
                self.mover().reply();
                self.respond();
                self.end_turn(Outcome::Replied);
            }
            Role::Bot => {
                episode.take_bot_message(self.here);
                self.respond();
                if !self.state.waits_for_a_human() {
                    self.end_turn(Outcome::Bot);
                }
                self.mover().bot();
            }
            Role::System => self.respond(),
        }
    }

    fn handoff(&mut self) {
        if self.state.episode.is_none() {
            let after_idle = self.state.ended_by == Some(EpisodeEnd::Idle);
            self.begin_episode(if after_idle { EpisodeStart::Idle } else { EpisodeStart::Handoff });
        }
        let event = &self.record.event;
        if let Some(episode) = &mut self.state.episode {
            episode.last_activity = self.activity;
            episode.take_handoff(self.here, event.sender.role);
        }
        self.state.assign(event.assignee.as_deref());
        match &mut self.state.turn {
            Some(turn) => turn.handed_off = true,
            None => {
                self.open_or_begin_turn(TurnStart::Handoff);
            }
        }
        self.mover().handoff();
    }

    fn reopen(&mut self) {
        if let Some(episode) = &mut self.state.episode {
            episode.last_activity = self.activity;
            return;
        }
        self.begin_episode(EpisodeStart::Reopen);
        if self.record.event.sender.role == Role::Customer {
            if let Some(episode) = &mut self.state.episode {
                episode.first_customer = Some(self.here);
            }
            self.open_or_begin_turn(TurnStart::Reopen);
            self.mover().wait();
        }
    }

    fn resolve(&mut self) {
        if let Some(episode) = &mut self.state.episode {
            episode.last_activity = self.activity;
        }
        let unanswered = self.state.turn.is_some();
        self.end_turn(Outcome::Closed);
        let sender = &self.record.event.sender;
        self.end_episode(&EpisodeClose {
            at: self.here,
            by: EpisodeEnd::Resolve,
            closed_by: Closer::of(self.record),
            resolver: Some((sender.id.as_str(), sender.role)),
            unanswered,
        });
    }

    fn rate(&mut self) {
        if let Some(episode) = &mut self.state.episode {
            episode.rating = self.record.event.rating;
        }
        let requested = self.state.rating_requested.take();
        self.push_rating(requested);
    }

    fn request_rating(&mut self) {
        self.state.rating_requested = Some(self.here);
        self.push_rating(None);
    }

    fn push_rating(&mut self, requested: Option<Moment>) {
        let row = RatingRow::of(self.record, self.state, requested, self.whose.rules);
        self.facts.ratings.extend(row);
    }

    /// Ends an episode of a transcript that had fallen silent, by its own clock, before this record.
    fn end_by_own_clock(&mut self) {
        let Some(episode) = &self.state.episode else { return };
        let last = episode.last_activity;
        if self.state.turn.is_none() && last.is_idle_until(self.here) {
            self.end_episode(&EpisodeClose {
                at: last.idle_at(),
                by: EpisodeEnd::Idle,
                closed_by: Closer::of(self.record),
                resolver: None,
                unanswered: false,
            });
        }
    }

    fn end_episode(&mut self, close: &EpisodeClose<'_>) {
        end_episode(self.state, &self.whose, close, self.facts);
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
        let mut episode = OpenEpisode::begin(self.activity, started_by, self.record.origin);
        episode.reopened = after_resolve || started_by == EpisodeStart::Reopen;
        episode.last_assignee.clone_from(&self.state.assignee);
        let due_at =
            due::resolution_due_at(self.here, self.state.assignee.as_deref(), self.whose.rules);
        episode.resolution_due_us = due_at.map(|due| due.0);
        self.state.episodes += 1;
        self.state.episode = Some(episode);
        self.mover().begin(started_by);
    }

    fn open_or_begin_turn(&mut self, started_by: TurnStart) -> &mut OpenTurn {
        let ConversationState { turn, turns, episode, assignee, .. } = &mut *self.state;
        turn.get_or_insert_with(|| {
            *turns += 1;
            let has_replied = episode.as_ref().is_some_and(|episode| episode.first_reply.is_some());
            let target = if has_replied { SlaTarget::NextReply } else { SlaTarget::FirstReply };
            let rules = self.whose.rules;
            let promise = Promise::of(target, self.here, assignee.as_deref(), rules);
            OpenTurn::begin(self.here, started_by, self.record.origin, promise)
        })
    }

    fn mover(&mut self) -> Mover<'_> {
        Mover {
            state: self.state,
            record: self.record,
            whose: self.whose,
            here: self.here,
            stints: &mut self.facts.stints,
        }
    }

    /// Notes the first answer of any kind to the open turn.
    fn respond(&mut self) {
        if let Some(turn) = &mut self.state.turn {
            turn.first_response.get_or_insert(self.here);
        }
    }

    fn end_turn(&mut self, outcome: Outcome) {
        let Some(turn) = self.state.turn.take() else { return };
        let event = &self.record.event;
        let replier = (outcome == Outcome::Replied).then_some(event.sender.id.as_str());
        let closed_by = Closer::of(self.record);
        let close = TurnClose { at: self.here, outcome, closed_by, replier };
        let row = TurnRow::of(&turn, self.state, &self.whose, Some(&close));
        self.facts.turns.push(row);
    }
}
