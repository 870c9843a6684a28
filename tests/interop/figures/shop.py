"""Writes chats of a shop that does not exist, chosen by a seed, with all that makes figures hard.

    import-1.ndjson …   transcripts with times of their own, around nights on which clocks are changed: a file for each of `RULES`,
                        which are to be set before it is imported
    live-1.ndjson …     live chat without times of its own: a file for each of `SESSIONS`, which say how many hours later it is sent
    other-4.ndjson …    a few transcripts of another shop, to be imported before the session of that number
"""

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

SEED = 20260329
CONVERSATIONS = 2_400
# One conversation in so many is live.
LIVE_SHARE = 6
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

BERLIN = {
    "zone": "Europe/Berlin",
    "week": {
        "mon": ["09:00-12:00", "13:00-18:00"],
        "tue": ["09:00-18:00", "16:30-19:15"],
        "wed": ["09:00-18:00"],
        "thu": ["09:00-18:00"],
        "fri": ["09:00-18:00", "21:00-02:00"],
        "sat": ["22:00-04:00"],
        "sun": ["00:00-24:00"],
    },
    "dates": {"2026-03-25": [], "2026-03-26": ["10:00-11:30", "23:30-00:30"]},
}
NIGHT = {"zone": "America/New_York", "week": {day: ["20:00-04:30"] for day in ("mon", "tue", "wed", "thu", "sat")}}
SHANGHAI = {"zone": "Asia/Shanghai", "week": {day: ["09:00-23:00"] for day in ("mon", "tue", "wed", "thu", "fri")}}
CHATHAM = {"zone": "Pacific/Chatham", "week": {"sun": ["01:15-05:45"], "mon": ["00:00-24:00"], "fri": ["07:05-07:06"]}}
RULES = [
    {},
    {"hours": SHANGHAI, "teams": {"day": ["agent-1", "agent-2"], "night": ["agent-3", "agent-4"]}},
    {
        "hours": BERLIN,
        "team_hours": {"night": NIGHT},
        "sla": {"first_reply_s": 180, "next_reply_s": 600, "resolution_s": 86_400, "clock": "calendar"},
    },
    {
        "teams": {"day": ["agent-1", "agent-3"], "night": ["agent-2"], "weekend": ["agent-5"]},
        "team_hours": {"night": NIGHT, "weekend": CHATHAM},
        "sla": {"first_reply_s": 300, "resolution_s": 28_800, "clock": "business"},
        "idle_hours": 5,
    },
    {"hours": None, "sla": {"next_reply_s": 900, "clock": "business"}, "idle_hours": 48},
    {"hours": CHATHAM, "team_hours": {}, "sla": {"first_reply_s": 60, "next_reply_s": 60, "clock": "business"}},
]
# How many hours after the one before each session of live chat begins, and the rules that are set before it.
SESSIONS: list[tuple[float, dict]] = [
    (17.9, {}),
    (3.1, {"idle_hours": 24}),
    (0.4, {}),
    (26.2, {"hours": BERLIN, "team_hours": {"day": NIGHT}}),
    (23.7, {"sla": {"first_reply_s": 30, "next_reply_s": 7_200, "resolution_s": 40_000}}),
    (49.3, {"idle_hours": 2}),
    (2.6, {}),
    (0.9, {"teams": {"day": ["agent-6", "agent-2"]}}),
    (1.4, {"sla": None}),
    (6.3, {"sla": {"first_reply_s": 5_400, "clock": "business"}, "idle_hours": 9}),
    (3.3, {"hours": None}),
    (11.7, {"hours": SHANGHAI}),
]
# Around the nights on which Berlin, New York and the Chatham Islands change their clocks.
WEEKS = ["2026-03-23", "2026-03-05", "2025-10-22", "2025-11-01", "2026-04-02", "2025-09-25"]
AGENTS = [f"agent-{number}" for number in range(1, 7)]
GAPS_S = [(0, 0.001), (0.5, 5), (5, 90), (60, 900), (600, 7_200), (7_200, 90_000), (90_000, 400_000)]
GAP_WEIGHTS = [2, 12, 45, 28, 8, 4, 1]
KINDS = [
    ("customer", 30), ("bot", 9), ("reply", 26), ("other_reply", 3), ("note", 2), ("automatic", 3), ("system", 2), ("assign", 6),
    ("handoff", 4), ("transfer", 2), ("transfer_to", 2), ("queue", 5), ("pause", 3), ("resume", 3), ("join", 1), ("leave", 2),
    ("customer_leave", 1), ("resolve", 5), ("customer_reopen", 2), ("reopen", 1), ("open", 1), ("tag", 3), ("untag", 1), ("rate_request", 2),
    ("rate", 3), ("read", 1), ("call", 1), ("edit", 1),
]  # fmt: skip
STORIES = [
    "open automatic customer customer bot handoff queue assign reply customer reply resolve rate_request rate",
    "open customer bot customer bot resolve rate_request customer_reopen customer handoff queue reply assign reply resolve rate",
    "open customer bot handoff queue customer_leave",
    "open customer handoff queue assign reply customer transfer_to customer customer other_reply resolve rate",
    "open customer handoff queue assign reply pause customer resume reply resolve rate_request",
    "open customer queue assign customer pause customer resume reply leave customer queue assign reply resolve",
    "reply customer reply customer reply resolve rate",
    "open customer bot tag customer bot",
    "handoff queue assign reply customer reply resolve customer reply resolve rate_request rate_request rate rate",
]  # fmt: skip


class Chat:
    """One conversation that grows by a step at a time, each a while after the one before."""

    def __init__(self, chance: random.Random, name: str, start: datetime):
        self.chance, self.name, self.now = chance, name, start
        self.customer = f"customer-{chance.randrange(900)}"
        self.agent = chance.choice(AGENTS)
        self.events: list[dict] = []
        # Most transcripts have all of their times and no clock that runs backwards.
        self.untimed_share = chance.choices([0, 0.2, 1], [90, 6, 4])[0]
        self.backwards_share = chance.choices([0, 0.2], [93, 7])[0]

    def step(self, what: str) -> None:
        self.now += timedelta(seconds=self.chance.uniform(*self.chance.choices(GAPS_S, GAP_WEIGHTS)[0]))
        event = {"id": f"e-{len(self.events) + 1}", "conversation": self.name, **self.event(what)}
        if self.chance.random() >= self.untimed_share:
            at = self.now
            if self.chance.random() < self.backwards_share:
                at -= timedelta(seconds=self.chance.uniform(0, 3_000))
            event["sent_at"] = at.isoformat(timespec=self.chance.choice(["seconds", "milliseconds", "microseconds"]))
        if self.chance.random() < 0.03:
            event["channel"] = self.chance.choice(["app", "web", "mini-program"])
        if self.chance.random() < 0.03:
            event["language"] = self.chance.choice(["en", "zh", "de"])
        if self.chance.random() < 0.03:
            event["order"] = f"order-{self.chance.randrange(500)}"
        self.events.append(event)

    @property
    def messages(self) -> list[dict]:
        """What can be read or edited."""
        return [event for event in self.events if event["kind"] == "message" and "visibility" not in event]

    def event(self, what: str) -> dict:
        customer = {"id": self.customer, "role": "customer"}
        bot, system = {"id": "bot-1", "role": "bot"}, {"id": "system", "role": "system"}
        agent, other = ({"id": name, "role": "human"} for name in (self.agent, self.chance.choice(AGENTS)))
        anyone = self.chance.choice([bot, system, agent, other])
        said = {"kind": "message", "text": what}
        match what:
            case "customer":
                return {"sender": customer, **said}
            case "bot":
                return {"sender": bot, **said}
            case "reply":
                return {"sender": agent, **said}
            case "other_reply":
                return {"sender": other, **said}
            case "system":
                return {"sender": system, **said}
            case "note":
                return {"sender": agent, **said, "visibility": "private"}
            case "automatic":
                return {"sender": self.chance.choice([bot, system, agent]), **said, "automatic": True}
            case "assign":
                self.agent = self.chance.choice([self.agent, *AGENTS])
                return {"sender": system, "kind": "assign", "assignee": self.agent}
            case "handoff":
                return {"sender": bot, "kind": "handoff"}
            case "transfer":
                return {"sender": agent, "kind": "handoff"}
            case "transfer_to":
                self.agent = self.chance.choice(AGENTS)
                return {"sender": agent, "kind": "handoff", "assignee": self.agent}
            case "queue":
                return {"sender": system, "kind": "queue"}
            case "open":
                return {"sender": self.chance.choice([customer, customer, agent]), "kind": "open"}
            case "customer_leave":
                return {"sender": customer, "kind": "leave"}
            case "customer_reopen":
                return {"sender": customer, "kind": "reopen"}
            case "reopen" | "resolve":
                return {"sender": anyone, "kind": what}
            case "tag" | "untag":
                by_model = {"automatic": True} if self.chance.random() < 0.2 else {}
                return {"sender": anyone, "kind": what, "category": self.chance.choice(["refund", "size", "parcel"]), **by_model}
            case "rate":
                return {"sender": customer, "kind": "rate", "rating": self.chance.randint(1, 5)}
            case "rate_request":
                return {"sender": system, "kind": "rate_request", "automatic": True}
            case "read" if self.messages:
                return {"sender": customer, "kind": "read", "target": self.messages[-1]["id"]}
            case "edit" if self.messages:
                return {"sender": self.messages[0]["sender"], "kind": "edit", "target": self.messages[0]["id"], "text": "edited"}
            case "read" | "edit":
                return {"sender": agent, "kind": "join"}
            case _:
                return {"sender": agent, "kind": what}


def chat(chance: random.Random, name: str, start: datetime) -> list[dict]:
    """A story with a few steps that do not belong, or steps without any story."""
    chat = Chat(chance, name, start)
    kinds, weights = zip(*KINDS)
    if chance.random() < 0.7:
        for what in chance.choice(STORIES).split():
            if chance.random() < 0.07:
                chat.step(chance.choices(kinds, weights)[0])
            if chance.random() > 0.04:
                chat.step(what)
    if not chat.events or chance.random() < 0.3:
        for what in chance.choices(kinds, weights, k=chance.randint(1, 40)):
            chat.step(what)
    return chat.events


def mixed(chance: random.Random, chats: list[list[dict]]) -> list[dict]:
    """All of them at once, each in its own order."""
    turns = [number for number, events in enumerate(chats) for _ in events]
    chance.shuffle(turns)
    rest = [iter(events) for events in chats]
    return [next(rest[number]) for number in turns]


def write(path: Path, events: list[dict]) -> None:
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")


def write_all(folder: Path, seed: int, count: int) -> None:
    chance = random.Random(seed)
    write_imports(folder, chance, count - count // LIVE_SHARE)
    write_sessions(folder, chance, count // LIVE_SHARE)


def write_imports(folder: Path, chance: random.Random, count: int) -> None:
    late: list[list[dict]] = []
    for number, week in enumerate(WEEKS, 1):
        start = datetime.fromisoformat(week).replace(tzinfo=timezone.utc)
        whole, first, second = [], [], []
        for one in range(count // len(RULES)):
            events = chat(chance, f"import-{number}-{one}", start + timedelta(seconds=chance.uniform(0, 6 * 86_400)))
            # The end of a few comes only after the rules were changed.
            if len(events) > 4 and chance.random() < 0.08:
                first.append(events[: len(events) // 2])
                second.append(events[len(events) // 2 :])
            else:
                whole.append(events)
        write(folder / f"import-{number}.ndjson", mixed(chance, whole + late + first))
        late = second


def write_sessions(folder: Path, chance: random.Random, count: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    sessions: list[list[list[dict]]] = [[] for _ in SESSIONS]
    for one in range(count):
        events = [without_time(event) for event in chat(chance, f"live-{one}", start)]
        session = chance.randrange(len(SESSIONS))
        while events and session < len(SESSIONS):
            part = chance.randint(1, 8)
            sessions[session].append(events[:part])
            events = events[part:]
            session += chance.choice([1, 1, 2])
    # Some transcripts go on as live chat.
    for number, session in enumerate(sessions, 1):
        for one in range(3):
            events = chat(chance, f"import-{chance.randint(1, len(RULES))}-{chance.randrange(200)}", start)[:6]
            # What names another event would name one of the transcript.
            events = [event for event in events if "target" not in event]
            session.append([{**without_time(event), "id": f"live-{number}-{one}-{event['id']}"} for event in events])
    for number, parts in enumerate(sessions, 1):
        write(folder / f"live-{number}.ndjson", mixed(chance, parts))
        if number % 4 == 0:
            write(folder / f"other-{number}.ndjson", mixed(chance, [chat(chance, f"other-{number}-{one}", start) for one in range(3)]))


def without_time(event: dict) -> dict:
    return {key: value for key, value in event.items() if key != "sent_at"}
