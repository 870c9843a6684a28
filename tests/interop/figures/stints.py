"""A stint: a stretch of an episode in which the conversation lay in one place."""

from dataclasses import dataclass

from rules import Rules
from spans import UNTIMED, Moment, business_ms, length_ms, why_not

NOBODY, BOT, QUEUE, AGENT, PAUSED = "nobody", "bot", "queue", "agent", "paused"


@dataclass
class Stint:
    number: int
    episode: int
    place: str
    agent: str | None
    started: Moment
    started_by: str
    ended: Moment | None = None
    ended_by: str | None = None
    # From when the agent owed a first reply, and that reply.
    pending_since: Moment | None = None
    first_reply: Moment | None = None
    messages: int = 0
    outcome: str | None = None

    def row(self, team: str | None, rules: Rules) -> dict:
        return {
            "stint": self.number,
            "episode": self.episode,
            "origin": self.started.origin,
            "place": self.place,
            "agent": self.agent,
            "team": team,
            "started_at": self.started.at,
            "started_offset": self.started.offset,
            "started_by": self.started_by,
            "ended_at": self.ended and self.ended.at,
            "ended_by": self.ended_by,
            "duration_ms": length_ms(self.started, self.ended),
            "business_ms": business_ms(self.started, self.ended, team, rules),
            "pending_since": self.pending_since and self.pending_since.at,
            "first_reply_at": self.first_reply and self.first_reply.at,
            "first_reply_offset": self.first_reply and self.first_reply.offset,
            "frt_agent_ms": length_ms(self.pending_since, self.first_reply),
            "frt_agent_business_ms": business_ms(self.pending_since, self.first_reply, team, rules),
            "outcome": self.outcome_now(),
            "messages": self.messages,
            "excluded": self.excluded(),
        }

    def outcome_now(self) -> str | None:
        if self.place == AGENT:
            if self.first_reply:
                return "replied"
            if self.ended is None:
                return "open"
            if self.pending_since is None:
                return "nothing_owed"
            return "paused" if self.ended_by == "pause" else "no_reply"
        if self.place == QUEUE:
            return self.outcome if self.ended else "open"
        return None

    def excluded(self) -> str | None:
        """Why one of its times will never be known, which may be known from the start."""
        if not self.started.timed:
            return UNTIMED
        spans = [(self.started, self.ended), (self.pending_since, self.first_reply)]
        reasons = [why_not(start, end) for start, end in spans if start and end]
        return next((reason for reason in reasons if reason), None)
