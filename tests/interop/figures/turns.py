"""A turn: a run of the customer's messages that waits for its answer, or a handoff after which they wait."""

from dataclasses import dataclass

from records import Record
from rules import Rules
from spans import UNTIMED, Moment, business_ms, length_ms, why_not


@dataclass
class Turn:
    number: int
    episode: int
    started_by: str
    since: Moment
    target: str | None
    due_at: int | None
    customer_messages: int = 0
    handed_off: bool = False
    any_response: Moment | None = None
    outcome: str = "open"
    ended: Moment | None = None
    reply: Record | None = None
    agent: str | None = None
    assignee_at_reply: str | None = None

    def row(self, team: str | None, rules: Rules) -> dict:
        """The figures of it, by the rules that were in force when it was settled, or are now."""
        replied = Moment.of(self.reply) if self.reply else None
        return {
            "turn": self.number,
            "episode": self.episode,
            "origin": self.since.origin,
            "started_by": self.started_by,
            "waiting_since": self.since.at,
            "waiting_offset": self.since.offset,
            "customer_messages": self.customer_messages,
            "ended_at": self.ended and self.ended.at,
            "outcome": self.outcome,
            "replied_at": replied and replied.at,
            "replier": self.reply and self.reply.sender,
            "replier_assignee": self.assignee_at_reply,
            "reply_offset": replied and replied.offset,
            "nrt_ms": length_ms(self.since, replied),
            "nrt_business_ms": business_ms(self.since, replied, team, rules),
            "response_any_ms": length_ms(self.since, self.any_response),
            "response_any_business_ms": business_ms(self.since, self.any_response, team, rules),
            "handed_off": self.handed_off,
            "excluded": self.excluded(),
            "agent": self.agent,
            "team": team,
            "sla_target": self.target,
            "due_at": self.due_at,
        }

    def excluded(self) -> str | None:
        """Why there is no figure and never will be, which may be known from the start."""
        if not self.since.timed:
            return UNTIMED
        if self.outcome == "closed":
            return "unanswered_at_close"
        if self.outcome in ("replied", "bot"):
            return why_not(self.since, self.ended)
        return None
