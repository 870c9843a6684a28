"""An episode: from an open, a first message or a reopen to the resolve, or to the end of the idle time."""

from dataclasses import dataclass, field

from records import Record
from rules import Rules
from spans import CLOCK_BACKWARDS, UNTIMED, Moment, business_ms, length_ms, why_not


@dataclass
class Episode:
    number: int
    started: Moment
    started_by: str
    reopened: bool
    since_resolve: Moment | None
    resolution_due_at: int | None
    # Who was assigned when it began, or the last who was assigned in it.
    last_assignee: str | None
    first_customer: Moment | None = None
    last_customer: Moment | None = None
    first_human: Moment | None = None
    first_bot: Moment | None = None
    first_handoff: Moment | None = None
    # The first handoff, where no human had replied before it, and the last before the first reply to the customer.
    handoff_to_humans: Moment | None = None
    handoff_before_reply: Moment | None = None
    first_replier: str | None = None
    last_replier: str | None = None
    last_outcome: str | None = None
    ended: Moment | None = None
    ended_by: str | None = None
    resolver: Record | None = None
    abandoned: bool = False
    human_part: bool = False
    rating: int | None = None
    categories: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ["events", "messages", "customer_messages", "human_messages", "bot_messages", "handoffs", "transfers"], 0
        )
    )

    def count(self, record: Record) -> None:
        self.counts["events"] += 1
        is_aside = record.kind in ("hold", "release", "erase") or (record.automatic and record.kind in ("tag", "untag"))
        if not is_aside:
            self.times.append(record.occurred_at)
        if record.kind == "message":
            self.counts["messages"] += 1
            if record.public and (record.role == "customer" or record.typed) and record.role != "system":
                self.counts[f"{record.role}_messages"] += 1
        if record.kind == "handoff":
            self.counts["handoffs"] += 1
            self.counts["transfers"] += record.role == "human"

    def resolved(self) -> Moment | None:
        return self.ended if self.ended_by == "resolve" else None

    def human_began(self) -> Moment | None:
        """From when the first human reply is a human's to give."""
        handoff, customer = self.handoff_before_reply, self.first_customer
        return handoff if handoff and customer and handoff.offset > customer.offset else customer

    def row(self, rules: Rules) -> dict:
        agent = self.last_replier or self.last_assignee
        team = rules.team(agent)

        def span(name: str, start: Moment | None, end: Moment | None) -> dict:
            """A time of the row, in calendar and business milliseconds."""
            return {
                f"{name}_ms": length_ms(start, end),
                f"{name}_business_ms": business_ms(start, end, team, rules),
            }

        resolved = self.resolved()
        return {
            "episode": self.number,
            "started_at": self.started.at,
            "started_offset": self.started.offset,
            "started_by": self.started_by,
            "timed": self.started.timed,
            "first_customer_at": self.first_customer and self.first_customer.at,
            "first_human_at": self.first_human and self.first_human.at,
            "first_bot_at": self.first_bot and self.first_bot.at,
            **span("frt_total", self.first_customer, self.first_human),
            **span("frt_human", self.human_began(), self.first_human),
            **span("frt_bot", self.first_customer, self.first_bot),
            "frt_excluded": self.frt_excluded(),
            "first_replier": self.first_replier,
            "first_replier_team": rules.team(self.first_replier),
            "ended_at": self.ended and self.ended.at,
            "ended_by": self.ended_by,
            "resolved_by": self.resolver and self.resolver.sender,
            "resolver_role": self.resolver and self.resolver.role,
            **span("episode_resolution", self.started, resolved),
            **span("resolution_human", self.human_part and (self.handoff_to_humans or self.first_customer) or None, resolved),
            **span("close_gap", self.last_customer, resolved),
            "abandoned": self.abandoned,
            **self.counts,
            "earliest_at": min(self.times, default=None),
            "latest_at": max(self.times, default=None),
            "first_handoff_at": self.first_handoff and self.first_handoff.at,
            "reopened": self.reopened,
            "since_resolve_ms": length_ms(self.since_resolve, self.started) if self.reopened else None,
            "categories": self.categories,
            "rating": self.rating,
            "last_assignee": self.last_assignee,
            "agent": agent,
            "team": team,
            "unanswered": self.last_outcome in ("closed", "abandoned"),
            "resolution_due_at": self.resolution_due_at,
            "origin": self.started.origin,
        }

    def frt_excluded(self) -> str | None:
        if self.first_human:
            reasons = [why_not(start, self.first_human) for start in (self.first_customer, self.human_began())]
            return next((reason for reason in (UNTIMED, CLOCK_BACKWARDS) if reason in reasons), None)
        if self.first_customer and not self.first_customer.timed:
            return UNTIMED
        if self.ended is None:
            return None
        return "no_reply" if self.first_customer else "no_customer"
