"""The golden cases of docs/METRICS.md, by the program of this folder: an opinion that gets these wrong is not worth asking for."""

from log import Log
from records import Record, time_us

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
ROLES = {"c": "customer", "b": "bot", "a": "human", "A": "human", "B": "human", "s": "system"}
# Each: what the figure is, how it is read from the rows, the right value, and the timeline: `time who what`, with `@agent` for an assignee.
CASES = [
    (
        "G1: resolved by the bot on Monday, reopened on Friday, answered ten minutes later",
        lambda rows: rows["episodes"][1]["frt_human_ms"],
        10 * MINUTE_MS,
        "2026-01-05T09:00 c says, 2026-01-05T09:01 b says, 2026-01-05T09:05 b resolve, 2026-01-09T14:00 c reopen, 2026-01-09T14:10 a says",
    ),
    (
        "G2: the bot answers, two weeks pass, it hands over in the evening, a human answers next morning",
        lambda rows: rows["turns"][-1]["nrt_ms"],
        9 * HOUR_MS + 10 * MINUTE_MS + 53_000,
        "2025-12-12T16:20:14 c says, 2025-12-12T16:20:17 b says, 2025-12-26T22:25:45 c says, 2025-12-26T22:25:50 b says, "
        "2025-12-26T22:26:00 b handoff, 2025-12-27T07:36:53 a says",
    ),
    (
        "G3: customer, bot, handoff, human",
        lambda rows: [turn["nrt_ms"] for turn in rows["turns"]],
        [None, MINUTE_MS],
        "2026-01-05T09:00 c says, 2026-01-05T09:01 b says, 2026-01-05T09:02 b handoff, 2026-01-05T09:03 a says",
    ),
    (
        "G4: resolved, days later the customer writes, an agent answers",
        lambda rows: rows["turns"][-1]["nrt_ms"],
        5 * MINUTE_MS,
        "2026-01-05T09:00 c says, 2026-01-05T09:03 a says, 2026-01-05T09:04 a resolve, 2026-01-16T18:00 c says, 2026-01-16T18:05 a says",
    ),
    (
        "G5: the customer stays away for a week and comes back",
        lambda rows: [episode["resolution_human_ms"] for episode in rows["episodes"]],
        [None, 20 * MINUTE_MS],
        "2026-01-05T09:00 c says, 2026-01-05T09:01 b says, 2026-01-12T09:00 c says, 2026-01-12T09:10 a says, 2026-01-12T09:20 a resolve",
    ),
    (
        "G6: an agent answers before being assigned",
        lambda rows: (rows["turns"][0]["replier"], rows["turns"][0]["replier_assignee"]),
        ("A", None),
        "2026-01-05T09:00 c says, 2026-01-05T09:02 A says, 2026-01-05T09:03 s assign@A",
    ),
    (
        "G7: A answers and hands over to B, who is silent",
        lambda rows: (
            rows["episodes"][0]["first_replier"],
            rows["turns"][-1]["agent"],
            [(stint["agent"], stint["outcome"]) for stint in rows["stints"] if stint["place"] == "agent"],
        ),
        ("A", "B", [("A", "replied"), ("B", "no_reply")]),
        "2026-01-05T09:00 c says, 2026-01-05T09:01 s assign@A, 2026-01-05T09:02 A says, 2026-01-05T09:03 A handoff@B, "
        "2026-01-05T09:30 c says, 2026-01-05T10:00 s resolve",
    ),
    (
        "G8: resolved, reopened, still open",
        lambda rows: [episode["ended_by"] for episode in rows["episodes"]],
        ["resolve", None],
        "2026-01-05T09:00 c says, 2026-01-05T09:01 a says, 2026-01-05T09:02 a resolve, 2026-01-05T10:00 c reopen",
    ),
    (
        "G9: a greeting and an away text come before the human",
        lambda rows: (rows["turns"][0]["nrt_ms"], rows["episodes"][0]["frt_bot_ms"]),
        (5 * MINUTE_MS, None),
        "2026-01-05T09:00 c says, 2026-01-05T09:00 b automatic, 2026-01-05T09:01 a automatic, 2026-01-05T09:05 a says",
    ),
    (
        "G16: the answer is stored before its question",
        lambda rows: [(turn["outcome"], turn["nrt_ms"], turn["excluded"]) for turn in rows["turns"]],
        [("replied", None, "clock_backwards")],
        "2026-01-05T09:05 c says, 2026-01-05T09:01 a says",
    ),
]


def record(offset: int, text: str) -> Record:
    at, who, what = text.split()
    what, _, assignee = what.partition("@")
    said = what in ("says", "automatic")
    time = time_us(f"{at}+00:00")
    return Record(
        offset=offset,
        received_at=time_us("2026-06-01T00:00+00:00"),
        occurred_at=time,
        imported=True,
        timed=True,
        shop="main",
        conversation="c-1",
        kind="message" if said else what,
        sender=who,
        role=ROLES[who],
        automatic=what == "automatic",
        public=True,
        assignee=assignee or None,
        category=None,
        rating=None,
        customer=None,
        order=None,
        channel=None,
        language=None,
    )


def hold() -> bool:
    wrong = 0
    for what, figure, right, timeline in CASES:
        log = Log()
        for offset, text in enumerate(timeline.split(", ")):
            log.take(record(offset, text))
        got = figure(log.rows("main"))
        if got != right:
            wrong += 1
            print(f"WRONG {what}: {got!r}, not {right!r}")
    print(f"  {len(CASES)} golden cases, {wrong} wrong")
    return not wrong
