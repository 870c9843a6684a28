"""One conversation, record by record, in the order of the log. Nothing is looked up ahead, nothing is changed afterwards."""

from dataclasses import dataclass, field

from episodes import Episode
from places import Places
from records import Record
from rules import Rules
from spans import Moment
from stints import Stint
from turns import Turn

METRIC_VERSION = 4


@dataclass
class Conversation:
    shop: str
    name: str
    customer: str | None = None
    order: str | None = None
    channel: str | None = None
    language: str | None = None
    assignee: str | None = None
    last_replier: str | None = None
    tags: set[str] = field(default_factory=set)
    # The last request for a rating, until one answers it.
    request: Record | None = None
    # Numbers given so far.
    turns: int = 0
    episodes: int = 0
    resolved: Moment | None = None
    ended_by: str | None = None
    # The rules in force, and the last activity, and the rules in force then.
    rules: Rules | None = None
    activity: Record | None = None
    activity_rules: Rules | None = None
    episode: Episode | None = None
    turn: Turn | None = None
    places: Places = None
    rows: dict[str, list[dict]] = field(
        default_factory=lambda: {"turns": [], "episodes": [], "stints": [], "ratings": []}
    )

    def __post_init__(self) -> None:
        self.places = Places(self.settle_stint)

    def take(self, record: Record, rules: Rules) -> None:
        self.rules = rules
        self.close_by_own_times(record, rules)
        self.tell(record)
        if self.episode is None:
            self.begin(record, rules)
        if self.episode:
            self.episode.count(record)
        if record.is_activity and self.episode:
            self.activity, self.activity_rules = record, rules
        if record.kind == "resolve":
            self.activity_rules = rules
        self.happen(record, rules)

    def tell(self, record: Record) -> None:
        self.customer = self.customer or (record.sender if record.role == "customer" else record.customer)
        self.order = record.order or self.order
        self.channel = record.channel or self.channel
        self.language = record.language or self.language

    # How episodes begin and end.

    def begin(self, record: Record, rules: Rules) -> None:
        if not record.is_activity or (record.typed and record.role == "system"):
            return
        after_resolve = self.ended_by == "resolve"
        if after_resolve and record.typed and record.role != "customer":
            return
        started_by = record.kind
        if self.ended_by == "idle" and record.kind not in ("open", "reopen"):
            started_by = "idle"
        self.episodes += 1
        started = Moment.of(record)
        self.episode = Episode(
            self.episodes,
            started,
            started_by,
            reopened=after_resolve or record.kind == "reopen",
            since_resolve=self.resolved,
            resolution_due_at=rules.due_at("resolution", started.at, rules.team(self.assignee)) if record.timed else None,
            last_assignee=self.assignee,
        )
        self.places.begin(record, started_by, self.episodes, self.assignee)

    def close_by_own_times(self, record: Record, rules: Rules) -> None:
        """A transcript is silent for longer than the idle time, and nobody waits: whatever comes next, the episode is over."""
        last = self.activity
        if self.episode is None or self.turn or not (record.timed and last.timed):
            return
        if record.occurred_at - last.occurred_at > self.activity_rules.idle_us:
            self.go_idle(record, rules)

    def idle_deadline(self) -> int:
        """The first record received later than this ends the episode."""
        return self.activity.received_at + self.activity_rules.idle_us

    def go_idle(self, closing: Record, rules: Rules) -> None:
        self.rules = rules
        last = self.activity
        ended = Moment(last.occurred_at + self.activity_rules.idle_us, last.timed)
        if self.turn:
            self.episode.abandoned = True
            self.end_turn("abandoned", ended, closing, rules)
        self.places.end(ended, "idle", closing)
        self.end_episode(ended, "idle", closing, rules)

    def end_episode(self, ended: Moment, by: str, closing: Record, rules: Rules) -> None:
        self.episode.ended, self.episode.ended_by = ended, by
        self.episode.categories = sorted(self.tags)
        self.ended_by = by
        self.rows["episodes"].append(self.episode_row(closing, rules))
        self.episode = None

    # What happens in one.

    def happen(self, record: Record, rules: Rules) -> None:
        if record.automatic and record.kind in ("tag", "untag"):
            # What a model says is no category of an episode.
            return
        if record.kind == "tag":
            self.tags.add(record.category)
        elif record.kind == "untag":
            self.tags.discard(record.category)
        elif record.kind in ("rate_request", "rate"):
            self.rate(record, rules)
        elif record.kind == "assign":
            self.assign(record.assignee)
            if self.episode:
                self.places.assigned(record.assignee, record, "assign", waits=self.turn is not None)
        elif self.episode is None:
            pass
        elif record.typed:
            self.said(record, rules)
        elif record.kind == "handoff":
            self.hand_over(record, rules)
        elif record.kind == "reopen" and self.episode.started.offset == record.offset and record.role == "customer":
            self.episode.first_customer = Moment.of(record)
            self.wait(record, "reopen", rules)
        elif record.kind == "queue":
            self.places.queued(record, "queue")
        elif record.kind == "pause":
            self.places.paused(record)
        elif record.kind == "resume":
            self.places.resumed(record)
        elif record.kind == "leave":
            self.places.left(record)
        elif record.kind == "resolve":
            self.resolve(record, rules)

    def assign(self, agent: str) -> None:
        self.assignee = agent
        if self.episode:
            self.episode.last_assignee = agent

    def said(self, record: Record, rules: Rules) -> None:
        now = Moment.of(record)
        if record.role == "customer":
            self.episode.first_customer = self.episode.first_customer or now
            self.episode.last_customer = now
            if self.turn is None:
                self.wait(record, "customer", rules)
            self.turn.customer_messages += 1
            self.places.owe(now)
            return
        if self.turn and self.turn.any_response is None:
            self.turn.any_response = now
        if record.role == "bot":
            if self.episode.first_customer and self.episode.first_bot is None:
                self.episode.first_bot = now
            is_peoples = self.places.lie_with_people()
            self.places.bot_spoke(record)
            if self.turn and not (is_peoples or self.turn.handed_off or self.turn.started_by == "handoff"):
                self.end_turn("bot", now, record, rules)
        elif record.role == "human":
            self.replied(record, rules)

    def replied(self, record: Record, rules: Rules) -> None:
        now = Moment.of(record)
        episode = self.episode
        self.last_replier = episode.last_replier = record.sender
        episode.human_part = True
        self.places.replied(record, self.assignee)
        if episode.first_customer and episode.first_human is None:
            episode.first_human, episode.first_replier = now, record.sender
        if self.turn:
            self.turn.reply, self.turn.assignee_at_reply = record, self.assignee
            self.end_turn("replied", now, record, rules)

    def hand_over(self, record: Record, rules: Rules) -> None:
        now = Moment.of(record)
        episode = self.episode
        episode.first_handoff = episode.first_handoff or now
        episode.human_part = True
        if episode.first_human is None:
            episode.handoff_to_humans = episode.handoff_to_humans or now
            episode.handoff_before_reply = now
        if record.assignee:
            self.assign(record.assignee)
            self.places.assigned(record.assignee, record, "handoff", waits=True)
        else:
            self.assignee = None
            self.places.queued(record, "handoff")
        if self.turn is None:
            self.wait(record, "handoff", rules)
        else:
            self.turn.handed_off = True

    def resolve(self, record: Record, rules: Rules) -> None:
        now = Moment.of(record)
        self.episode.resolver = record
        self.episode.human_part |= record.role == "human"
        if self.turn:
            self.end_turn("closed", now, record, rules)
        self.places.end(now, "resolve", record)
        self.resolved = now
        self.end_episode(now, "resolve", record, rules)

    # Waiting.

    def wait(self, record: Record, started_by: str, rules: Rules) -> None:
        self.turns += 1
        target = "next_reply" if self.episode.first_human else "first_reply"
        due_at = rules.due_at(target, record.occurred_at, rules.team(self.assignee)) if record.timed else None
        self.turn = Turn(
            self.turns,
            self.episode.number,
            started_by,
            Moment.of(record),
            target if rules.sla.get(f"{target}_s") else None,
            due_at,
        )
        self.places.owe(Moment.of(record))

    def end_turn(self, outcome: str, ended: Moment, closing: Record, rules: Rules) -> None:
        turn = self.turn
        turn.outcome, turn.ended = outcome, ended
        self.episode.last_outcome = outcome
        self.rows["turns"].append(self.turn_row(closing, rules))
        self.turn = None

    # Ratings.

    def rate(self, record: Record, rules: Rules) -> None:
        is_rating = record.kind == "rate"
        requested = self.request if is_rating else None
        self.request = None if is_rating else record
        if is_rating and self.episode:
            self.episode.rating = record.rating
        self.rows["ratings"].append(
            {
                "shop": self.shop,
                "conversation": self.name,
                "episode": self.episodes or None,
                "kind": "rating" if is_rating else "request",
                "offset": record.offset,
                "occurred_at": record.occurred_at,
                "received_at": record.received_at,
                "rating": record.rating if is_rating else None,
                "requested_at": requested and requested.occurred_at,
                "requested_offset": requested and requested.offset,
                "agent": self.last_replier,
                "team": rules.team(self.last_replier),
                "channel": self.channel,
                "language": self.language,
                "customer": self.customer,
            }
        )

    # Rows.

    def turn_row(self, closing: Record | None, rules: Rules) -> dict:
        self.turn.agent = self.turn.reply.sender if self.turn.reply else self.assignee
        team = rules.team(self.turn.agent)
        return {**self.turn.row(team, rules), **self.common(closing, team, rules)}

    def episode_row(self, closing: Record | None, rules: Rules) -> dict:
        row = self.episode.row(rules)
        row |= {"customer": self.customer, "order": self.order}
        return row | self.common(closing, row["team"], rules)

    def settle_stint(self, stint: Stint, closing: Record | None) -> None:
        team = self.rules.team(stint.agent)
        self.rows["stints"].append({**stint.row(team, self.rules), **self.common(closing, team, self.rules)})

    def common(self, closing: Record | None, team: str | None, rules: Rules) -> dict:
        return {
            "shop": self.shop,
            "conversation": self.name,
            "channel": self.channel,
            "language": self.language,
            "closed_offset": closing and closing.offset,
            "closed_at": closing and closing.received_at,
            "metric_version": METRIC_VERSION,
            "rules_version": self.activity_rules.version,
            "schedule_version": rules.schedule_version(team),
        }

    def open_rows(self, rules: Rules) -> None:
        """The rows of what goes on, as they are now."""
        if self.episode is None:
            return
        self.episode.categories = sorted(self.tags)
        if self.turn:
            self.rows["turns"].append(self.turn_row(None, rules))
        self.rules = rules
        self.settle_stint(self.places.stint, None)
        self.rows["episodes"].append(self.episode_row(None, rules))
