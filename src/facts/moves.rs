//! What moves a conversation from one place to another while an episode is open, and the rows of the stints that
//! end by it.
//!
//! An agent has it who was assigned or handed it, or who answered where nobody had it. A colleague's answer does
//! not take it away; a bot takes it only where nobody is there, or from whom it was left with in an earlier
//! episode. A pause goes on until it is resumed, handed over, queued, or answered by whom it is paused for.

use super::closer::Closer;
use super::labels::{EpisodeStart, Move, Place};
use super::moment::Moment;
use super::rows::StintRow;
use super::state::ConversationState;
use super::stint::{OpenStint, Tenure};
use super::stint_row::StintClose;
use super::whose::Whose;
use crate::model::{Kind, Record, Role};

/// Ends the stint that goes on, with its episode or by a move.
pub(crate) fn end_stint(
    state: &mut ConversationState,
    whose: &Whose<'_>,
    close: &StintClose,
    stints: &mut Vec<StintRow>,
) {
    if let Some(stint) = state.stint.take() {
        stints.push(StintRow::of(&stint, state, whose, Some(close)));
    }
}

/// A record that may move its conversation.
pub(crate) struct Mover<'a> {
    pub(crate) state: &'a mut ConversationState,
    pub(crate) record: &'a Record,
    pub(crate) whose: Whose<'a>,
    pub(crate) here: Moment,
    pub(crate) stints: &'a mut Vec<StintRow>,
}

impl Mover<'_> {
    /// Begins the first stint of an episode.
    pub(crate) fn begin(&mut self, started_by: EpisodeStart) {
        let by = match started_by {
            EpisodeStart::Open => Move::Open,
            EpisodeStart::Message => Move::Message,
            EpisodeStart::Reopen => Move::Reopen,
            EpisodeStart::Idle => Move::Idle,
            EpisodeStart::Handoff => Move::Handoff,
        };
        let (place, tenure) = self.first_place();
        self.put(place, tenure, by);
    }

    fn first_place(&self) -> (Place, Option<Tenure>) {
        let event = &self.record.event;
        let role = (event.kind == Kind::Message).then_some(event.sender.role);
        let standing = self.state.assignee.as_deref();
        match (role, standing) {
            _ if event.kind == Kind::Handoff => match event.assignee.as_deref() {
                Some(assignee) => (Place::Agent, Some(Tenure::given(assignee))),
                None => (Place::Queue, None),
            },
            (Some(Role::Bot), _) => (Place::Bot, None),
            (_, Some(assignee)) => (Place::Agent, Some(Tenure::carried_over(assignee))),
            (Some(Role::Human), None) => (Place::Agent, Some(Tenure::taken(&event.sender.id))),
            _ => (Place::Nobody, None),
        }
    }

    /// The customer waits, by a word of theirs or a reopening.
    pub(crate) fn wait(&mut self) {
        let here = self.here;
        if let Some(stint) = &mut self.state.stint {
            stint.wait(here);
        }
    }

    /// A human has answered.
    pub(crate) fn reply(&mut self) {
        let sender = self.record.event.sender.id.as_str();
        let assignee = self.state.assignee.as_deref();
        let Some(stint) = &mut self.state.stint else { return };
        if let Some(tenure) = &mut stint.tenure {
            tenure.is_carried_over = false;
        }
        match stint.holder() {
            Some(holder) if holder == sender => {
                if stint.place == Place::Paused {
                    let tenure = stint.tenure.as_deref().map(Tenure::going_on);
                    self.go(Place::Agent, tenure, Move::Reply);
                }
            }
            // The agent owes a first reply of their own: whoever is assigned and silent is not to look busy.
            Some(holder) if assignee == Some(holder) => return,
            _ => self.go(Place::Agent, Some(Tenure::taken(sender)), Move::Reply),
        }
        let here = self.here;
        if let Some(tenure) = self.state.stint.as_mut().and_then(|stint| stint.tenure.as_mut()) {
            tenure.speak(here);
        }
    }

    /// A bot has said something. With whom the conversation was merely left, they owed nothing.
    pub(crate) fn bot(&mut self) {
        let Some(stint) = &mut self.state.stint else { return };
        let is_left = stint.place == Place::Agent && !stint.lies_with_people();
        if is_left {
            stint.owe_nothing();
        }
        if stint.place == Place::Nobody || is_left {
            self.go(Place::Bot, None, Move::Message);
        }
    }

    pub(crate) fn assign(&mut self) {
        let Some(agent) = self.record.event.assignee.as_deref() else { return };
        let is_waiting = self.state.turn.is_some();
        let here = self.here;
        let Some(stint) = &mut self.state.stint else { return };
        match &mut stint.tenure {
            Some(tenure) if tenure.agent == agent => tenure.is_carried_over = false,
            _ if stint.place == Place::Paused => {
                let mut tenure = Tenure::given(agent);
                if is_waiting {
                    tenure.wait(here);
                }
                stint.paused_in = Some(Place::Agent);
                stint.tenure = Some(Box::new(tenure));
            }
            _ => self.go(Place::Agent, Some(Tenure::given(agent)), Move::Assign),
        }
    }

    /// To somebody, or into the queue. The customer waits either way.
    pub(crate) fn handoff(&mut self) {
        let here = self.here;
        let Some(stint) = &mut self.state.stint else { return };
        match (self.record.event.assignee.as_deref(), &mut stint.tenure) {
            (Some(agent), Some(tenure)) if stint.place == Place::Agent && tenure.agent == agent => {
                tenure.is_carried_over = false;
                tenure.wait(here);
            }
            (Some(agent), _) => self.go(Place::Agent, Some(Tenure::given(agent)), Move::Handoff),
            (None, _) if stint.place == Place::Queue => {}
            (None, _) => self.go(Place::Queue, None, Move::Handoff),
        }
    }

    pub(crate) fn queue(&mut self) {
        if self.state.stint.as_ref().is_some_and(|stint| stint.place != Place::Queue) {
            self.go(Place::Queue, None, Move::Queue);
        }
    }

    pub(crate) fn pause(&mut self) {
        let Some(stint) = &self.state.stint else { return };
        let (place, tenure) = (stint.place, stint.tenure.as_deref().map(Tenure::going_on));
        if place != Place::Paused {
            self.go(Place::Paused, tenure, Move::Pause);
            if let Some(stint) = &mut self.state.stint {
                stint.paused_in = Some(place);
            }
        }
    }

    pub(crate) fn resume(&mut self) {
        let Some(OpenStint { paused_in: Some(place), tenure, .. }) = &self.state.stint else {
            return;
        };
        let (place, tenure) = (*place, tenure.as_deref().map(Tenure::going_on));
        self.go(place, tenure, Move::Resume);
    }

    /// A customer who leaves the queue waits in it no longer; whoever has the conversation keeps it.
    pub(crate) fn leave(&mut self) {
        if self.record.event.sender.role != Role::Customer {
            return;
        }
        match &mut self.state.stint {
            Some(stint) if stint.place == Place::Queue => {
                self.go(Place::Nobody, None, Move::Leave);
            }
            Some(stint) if stint.paused_in == Some(Place::Queue) => {
                stint.paused_in = Some(Place::Nobody);
            }
            _ => {}
        }
    }

    fn go(&mut self, place: Place, tenure: Option<Tenure>, by: Move) {
        let close = StintClose { at: self.here, by, closed_by: Closer::of(self.record) };
        end_stint(self.state, &self.whose, &close, self.stints);
        self.put(place, tenure, by);
    }

    /// A customer who waits is owed the first reply of whom it is given to from here on.
    fn put(&mut self, place: Place, tenure: Option<Tenure>, by: Move) {
        let mut stint = OpenStint::begin(self.here, by, self.record.origin, place, tenure);
        if self.state.turn.is_some() {
            stint.wait(self.here);
        }
        self.state.stints += 1;
        self.state.stint = Some(stint);
    }
}
