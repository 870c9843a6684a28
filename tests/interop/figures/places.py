"""Where a conversation lies, record by record: with nobody, a bot, in the queue, with an agent, or paused."""

from dataclasses import dataclass

from records import Record
from spans import Moment
from stints import AGENT, BOT, NOBODY, PAUSED, QUEUE, Stint

# What became of waiting in the queue, by what moved the conversation on.
QUEUE_OUTCOMES = {
    "reply": "answered",
    "assign": "assigned",
    "handoff": "assigned",
    "pause": "paused",
    "leave": "abandoned",
    "idle": "abandoned",
    "resolve": "resolved",
}


@dataclass
class Debt:
    """What an agent owes who has the conversation: a first reply, from when the customer waits. A pause changes nothing of it."""

    agent: str
    since: Moment | None = None
    # The first reply was given, or they took the conversation by one.
    paid: bool = False


class Places:
    """The stints of a conversation. `settle` is told each that ended."""

    def __init__(self, settle):
        self.settle = settle
        self.numbers = 0
        self.stint: Stint | None = None
        self.debt: Debt | None = None
        # Whether the agent has it only because they were assigned before the episode began.
        self.from_before = False
        # Whether any human has said anything since.
        self.spoken = False
        # Where it lay when it was paused.
        self.before_pause = NOBODY

    def begin(self, record: Record, started_by: str, episode: int, assignee: str | None) -> None:
        """Where an episode lies that this record begins."""
        place, agent = NOBODY, None
        if record.kind == "handoff":
            place, agent = (AGENT, record.assignee) if record.assignee else (QUEUE, None)
        elif record.kind == "message" and record.role == "bot":
            place = BOT
        elif assignee:
            place, agent = AGENT, assignee
        elif record.is_reply:
            place, agent = AGENT, record.sender
        self.from_before = place == AGENT and record.kind != "handoff"
        self.spoken = False
        self.debt = Debt(agent, paid=record.is_reply and agent != assignee) if agent else None
        self.start(place, agent, record, started_by, episode)

    def start(self, place: str, agent: str | None, record: Record, by: str, episode: int) -> None:
        self.numbers += 1
        self.stint = Stint(self.numbers, episode, place, agent, Moment.of(record), by)
        if place == AGENT and not self.debt.paid:
            self.stint.pending_since = self.debt.since

    def end(self, ended: Moment, by: str, closing: Record) -> None:
        self.stint.ended, self.stint.ended_by = ended, by
        if self.stint.place == QUEUE:
            self.stint.outcome = QUEUE_OUTCOMES.get(by, by)
        self.settle(self.stint, closing)
        self.stint = None

    def move(self, place: str, agent: str | None, record: Record, by: str) -> None:
        """From here on it lies there; nothing changes where it did already."""
        if (self.stint.place, self.stint.agent) == (place, agent):
            return
        episode = self.stint.episode
        self.end(Moment.of(record), by, record)
        self.start(place, agent, record, by, episode)

    # What moves it.

    def assigned(self, agent: str, record: Record, by: str, waits: bool) -> None:
        """An assignment, by a handoff too. A pause goes on: it ends when somebody resumes, replies, hands over or queues."""
        self.from_before = False
        is_new = by == "handoff" and self.stint.place == PAUSED
        if self.debt is None or self.debt.agent != agent or is_new:
            self.debt = Debt(agent)
            self.owe(Moment.of(record), waits)
        if self.stint.place != PAUSED or by == "handoff":
            self.move(AGENT, agent, record, by)

    def queued(self, record: Record, by: str) -> None:
        """Put into the queue, or handed to nobody: it waits for whoever takes it, whether or not a record calls that a queue."""
        self.debt = None
        self.move(QUEUE, None, record, by)

    def paused(self, record: Record) -> None:
        if self.stint.place != PAUSED:
            self.before_pause = self.stint.place
            self.move(PAUSED, None, record, "pause")

    def resumed(self, record: Record) -> None:
        if self.stint.place == PAUSED:
            place, agent = (AGENT, self.debt.agent) if self.debt else (self.before_pause, None)
            self.move(place, agent, record, "resume")

    def left(self, record: Record) -> None:
        """A customer leaves the queue. An agent who leaves still has what they were assigned, until somebody else is."""
        if record.role != "customer":
            return
        if self.stint.place == QUEUE:
            self.move(NOBODY, None, record, "leave")
        elif self.stint.place == PAUSED and self.before_pause == QUEUE and not self.debt:
            self.before_pause = NOBODY

    def lie_with_people(self) -> bool:
        """An agent has it, or the queue, in a pause too. Whoever was assigned before the episode began need not be there."""
        place = self.before_pause if self.stint.place == PAUSED else self.stint.place
        if self.stint.place == PAUSED and self.debt:
            place = AGENT
        return place == QUEUE or (place == AGENT and not self.merely_left())

    def merely_left(self) -> bool:
        return self.from_before and not self.spoken

    def bot_spoke(self, record: Record) -> None:
        """A bot has it that speaks where nobody is, or only who had it before the episode: they owed nothing."""
        if self.stint.place == AGENT and self.merely_left():
            self.stint.pending_since = None
        elif self.stint.place != NOBODY:
            return
        self.debt = None
        self.move(BOT, None, record, "message")

    def replied(self, record: Record, assignee: str | None) -> None:
        """Whoever replies has it, unless it is assigned and lies with that other, or is paused."""
        self.spoken = True
        is_others = assignee not in (None, record.sender) and self.stint.place in (AGENT, PAUSED)
        if not is_others:
            if self.debt is None or self.debt.agent != record.sender:
                # Whoever takes it by a reply owes none.
                self.debt = Debt(record.sender, paid=True)
            self.move(AGENT, record.sender, record, "reply")
        if self.stint.place == AGENT and self.stint.agent == record.sender:
            self.stint.messages += 1
            if self.stint.pending_since and not self.debt.paid:
                self.stint.first_reply, self.debt.paid = Moment.of(record), True

    def owe(self, now: Moment, waits: bool = True) -> None:
        """The customer waits: whoever has the conversation, and has not answered yet, owes a first reply from now on."""
        if waits and self.debt and not self.debt.paid and self.debt.since is None:
            self.debt.since = now
            if self.stint.place == AGENT and self.stint.agent == self.debt.agent:
                self.stint.pending_since = now

