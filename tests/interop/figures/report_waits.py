"""Reports of waits: what the named queries answer about `turns`."""

from collections import defaultdict

from asked import Asked, class_of, counted, elapsed_ms, grouped, mean, percentiles, seconds, share

# How long customers waited, and wait: what each class is called, and the seconds at which it ends.
LENGTHS = [
    ("up to 10 s", 10), ("10–30 s", 30), ("30–60 s", 60), ("1–3 min", 180), ("3–5 min", 300), ("5–15 min", 900), ("15–60 min", 3_600),
    ("1–4 h", 14_400), ("4–8 h", 28_800), ("8–24 h", 86_400), ("over 24 h", float("inf")),
]  # fmt: skip
AGES = [("under 5 min", 300), ("5–15 min", 900), ("15–60 min", 3_600), ("1–4 h", 14_400), ("over 4 h", float("inf"))]
LONGEST = 20


def left_out(wait: dict) -> str | None:
    """Why a wait is not among the figures of human replies. No wait is counted twice."""
    if wait["nrt_ms"] is not None:
        return None
    if wait["excluded"]:
        return "n_excluded"
    return {"open": "n_pending", "abandoned": "n_abandoned", "bot": "answered_by_bot"}[wait["outcome"]]


def wait_figures(waits: list[dict]) -> dict:
    times = [wait["nrt_ms"] for wait in waits]
    why = [left_out(wait) for wait in waits]
    return {
        **percentiles(times, "median_s", "p90_s", "p95_s"),
        "mean_s": seconds(mean(times)),
        "n": counted(times),
        **{name: why.count(name) for name in ("n_pending", "n_abandoned", "answered_by_bot", "n_excluded")},
    }


def waiting_by_day(asked: Asked) -> list[dict]:
    days = grouped(asked.waits(), lambda wait: asked.day(wait["waiting_since"]))
    return [{"day": day, **wait_figures(waits)} for day, waits in days.items()]


def waiting_by_hour(asked: Asked) -> list[dict]:
    hours = grouped(asked.waits(), lambda wait: asked.local(wait["waiting_since"]).hour)
    return [{"hour": hour, **wait_figures(waits)} for hour, waits in hours.items()]


def waiting_by_weekday(asked: Asked) -> list[dict]:
    hours = grouped(asked.waits(), lambda wait: weekday_and_hour(asked, wait["waiting_since"]))
    return [{"weekday": weekday, "hour": hour, **wait_figures(waits)} for (weekday, hour), waits in hours.items()]


def weekday_and_hour(asked: Asked, at: int) -> tuple[int, int]:
    """Monday is 1."""
    local = asked.local(at)
    return local.isoweekday(), local.hour


def waiting_by_agent(asked: Asked) -> list[dict]:
    agents = grouped(asked.waits(), lambda wait: wait["agent"])
    return [{"agent": agent, **wait_figures(waits)} for agent, waits in agents.items()]


def waiting_by_category(asked: Asked, given_by: str = "anybody") -> list[dict]:
    categories, groups = asked.categories(), defaultdict(list)
    counts = {"anybody": (False, True), "people": (False,), "model": (True,)}[given_by]
    for wait in asked.waits():
        theirs = [name for name, is_automatic in categories[wait["conversation"]].items() if is_automatic in counts]
        for category in theirs or ["untagged"]:
            groups[category].append(wait)
    return [{"category": category, **wait_figures(waits)} for category, waits in groups.items()]


def business_by_day(asked: Asked) -> list[dict]:
    answer = []
    for day, waits in grouped(asked.waits(), lambda wait: asked.day(wait["waiting_since"])).items():
        times, within = ([wait[name] for wait in waits] for name in ("nrt_ms", "nrt_business_ms"))
        answer.append(
            {
                "day": day,
                **percentiles(times, "median_s", "p90_s"),
                **percentiles(within, "business_median_s", "business_p90_s"),
                "n": counted(times),
                "n_business": counted(within),
            }
        )
    return answer


def within_seconds_by_day(asked: Asked, within_s: int = 180, from_hour: int = 8, to_hour: int = 23) -> list[dict]:
    """Of waits that a human answered or was to answer, those included that go on for longer than that already."""
    answer = []
    waits = [wait for wait in asked.waits() if from_hour <= asked.local(wait["waiting_since"]).hour < to_hour]
    for day, waits in grouped(waits, lambda wait: asked.day(wait["waiting_since"])).items():
        within = sum(wait["nrt_ms"] is not None and wait["nrt_ms"] <= within_s * 1_000 for wait in waits)
        why = [left_out(wait) for wait in waits]
        overdue = sum(
            reason == "n_pending" and asked.now - wait["waiting_since"] > within_s * 1_000_000 for wait, reason in zip(waits, why)
        )
        judged = why.count(None) + why.count("n_abandoned") + overdue
        answer.append(
            {
                "day": day,
                "within_rate": share(within, judged),
                "within": within,
                "n": judged,
                "n_pending": why.count("n_pending") - overdue,
                "answered_by_bot": why.count("answered_by_bot"),
                "n_excluded": why.count("n_excluded"),
            }
        )
    return answer


def customers_answered_by_day(asked: Asked, minutes: int = 60) -> list[dict]:
    """A customer counts as answered whose every wait of the day was answered within so many minutes."""
    customer_of = {(row["conversation"], row["episode"]): row["customer"] for row in asked.whole["episodes"]}
    days = defaultdict(lambda: defaultdict(list))
    for wait in asked.waits():
        if left_out(wait) in (None, "n_abandoned", "n_pending"):
            customer = customer_of[(wait["conversation"], wait["episode"])]
            if customer:
                days[asked.day(wait["waiting_since"])][customer].append(wait["nrt_ms"])
    answer = []
    for day, customers in days.items():
        answered = sum(all(ms is not None and ms <= minutes * 60_000 for ms in waits) for waits in customers.values())
        answer.append({"day": day, "answered_rate": share(answered, len(customers)), "answered": answered, "n": len(customers)})
    return answer


def waits_histogram(asked: Asked, by: str = "start") -> list[dict]:
    """A class holds the time at which it ends, and all are shown."""
    found = [class_of(wait["nrt_ms"], LENGTHS, holds_its_end=True) for wait in chosen(asked, by) if wait["nrt_ms"] is not None]
    answer, at_most = [], 0
    for name, _ in LENGTHS:
        count = found.count(name)
        at_most += count
        answer.append({"wait": name, "n": count, "at_most_rate": share(at_most, len(found))})
    return answer


def chosen(asked: Asked, by: str) -> list[dict]:
    """Waits that began in the range, ended in it, or went on at an instant of it."""
    if by != "overlap":
        return asked.of("turns", {"start": "waiting_since", "end": "ended_at"}[by])
    spans = [(wait, wait["waiting_since"], wait["ended_at"]) for wait in asked.rows["turns"] if wait["ended_at"] is not None]
    return [wait for wait, start, end in spans if start < asked.end and (end > asked.start or start >= asked.start)]


def open_waits(asked: Asked) -> list[tuple[int, dict]]:
    """What goes on since a time that is known, and for how many milliseconds."""
    waits = [wait for wait in asked.rows["turns"] if wait["outcome"] == "open" and not wait["excluded"]]
    return [(elapsed_ms(wait["waiting_since"], asked.now), wait) for wait in waits]


def waiting_now(asked: Asked) -> list[dict]:
    """A class holds the time at which it begins, and those without a wait are not shown."""
    ages = grouped([ms for ms, _ in open_waits(asked)], lambda ms: class_of(ms, AGES, holds_its_end=False))
    return [{"waited": age, "waiting": len(all_ms), "oldest_wait_s": seconds(max(all_ms))} for age, all_ms in ages.items()]


def longest_waits(asked: Asked) -> list[dict]:
    longest = sorted(open_waits(asked), key=lambda open_wait: (-open_wait[0], open_wait[1]["waiting_offset"]))
    return [
        {
            "at_offset": wait["waiting_offset"],
            "waited_s": seconds(ms),
            **{name: wait[name] for name in ("conversation", "waiting_since", "agent", "team", "channel", "due_at")},
        }
        for ms, wait in longest[:LONGEST]
    ]
