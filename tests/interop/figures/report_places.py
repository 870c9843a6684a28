"""Reports of where conversations lay, of what was promised, and of what was open."""

from datetime import timedelta

from asked import HOUR_US, Asked, class_of, counted, elapsed_ms, grouped, mean, midnight, percentiles, seconds, share

# For how long something lasts: what each class is called, and the seconds at which it ends.
AGES = [("under 15 min", 900), ("15–60 min", 3_600), ("1–8 h", 28_800), ("8–24 h", 86_400), ("over 24 h", float("inf"))]
DUE_NEXT = 20
# When it was answered, nobody can say.
UNKNOWN = ("untimed", "clock_backwards")


def queue_by_day(asked: Asked) -> list[dict]:
    queued = [stint for stint in asked.of("stints", "started_at") if stint["place"] == "queue"]
    answer = []
    for day, stints in grouped(queued, lambda stint: asked.day(stint["started_at"])).items():
        taken = [stint for stint in stints if stint["outcome"] in ("assigned", "answered")]
        times = [stint["duration_ms"] for stint in taken]
        abandoned = sum(stint["outcome"] == "abandoned" and not stint["excluded"] for stint in stints)
        pending = sum(stint["outcome"] == "open" and not stint["excluded"] for stint in stints)
        answer.append(
            {
                "day": day,
                **percentiles(times, "median_s", "p90_s", "p95_s"),
                "mean_s": seconds(mean(times)),
                "n": counted(times),
                "n_pending": pending,
                "n_abandoned": abandoned,
                "n_excluded": len(stints) - counted(times) - abandoned - pending,
                "abandonment_rate": share(abandoned, abandoned + counted(times)),
            }
        )
    return answer


def agents(asked: Asked) -> list[dict]:
    held = [stint for stint in asked.of("stints", "started_at") if stint["place"] == "agent"]
    owed = [stint for stint in asked.of("stints", "pending_since") if stint["place"] == "agent"]
    waits = grouped([wait for wait in asked.waits() if wait["agent"]], lambda wait: wait["agent"])
    stints, owed = (grouped(rows, lambda stint: stint["agent"]) for rows in (held, owed))
    answer = []
    for agent in waits.keys() | stints.keys() | owed.keys():
        times = [wait["nrt_ms"] for wait in waits[agent]]
        first = [stint["frt_agent_ms"] for stint in owed[agent]]
        known = [stint for stint in stints[agent] if stint["duration_ms"] is not None]
        spans = [(stint["started_at"], stint["ended_at"]) for stint in known]
        handling_ms = sum(stint["duration_ms"] for stint in known)
        answer.append(
            {
                "agent": agent,
                "replies": counted(times),
                **percentiles(times, "median_s", "p90_s"),
                **percentiles(first, "frt_agent_median_s"),
                "n_frt_agent": counted(first),
                "assigned_no_reply": sum(stint["outcome"] == "no_reply" for stint in owed[agent]),
                "conversations_held": len({stint["conversation"] for stint in stints[agent]}),
                "handling_s": seconds(handling_ms) if known else None,
                "concurrency": share(handling_ms * 1_000, union_us(spans)),
                "occupancy_rate": occupancy(asked, spans),
            }
        )
    return answer


def union_us(spans: list[tuple[int, int]]) -> int:
    """How long at least one of these spans went on."""
    total, reached = 0, None
    for start, end in sorted(spans):
        start = start if reached is None else max(start, reached)
        if end > start:
            total, reached = total + end - start, end
    return total


def occupancy(asked: Asked, spans: list[tuple[int, int]]) -> float | None:
    """Of each local day, from the first conversation to the end of the last that began on it, the share in which any was theirs."""
    days = grouped(spans, lambda span: asked.day(span[0])).values()
    covered = sum(union_us(of_day) for of_day in days)
    return share(covered, sum(max(end for _, end in of_day) - min(start for start, _ in of_day) for of_day in days))


def backlog_by_day(asked: Asked) -> list[dict]:
    """What was open, and what waited, at the end of each local day."""
    answer = []
    day = asked.local(asked.start).date()
    while midnight(day, asked.zone) < asked.end:
        at = min(midnight(day + timedelta(days=1), asked.zone), asked.now)
        turns = [wait for wait in asked.rows["turns"] if wait["excluded"] != "untimed"]
        episodes = [episode for episode in asked.rows["episodes"] if episode["timed"]]
        waited = [at - wait["waiting_since"] for wait in turns if lasts(wait["waiting_since"], wait["ended_at"], at)]
        answer.append(
            {
                "day": day.isoformat(),
                "open": sum(lasts(episode["started_at"], episode["ended_at"], at) for episode in episodes),
                "unattended": len(waited),
                "unattended_over_1_h": sum(us > HOUR_US for us in waited),
                "unattended_over_8_h": sum(us > 8 * HOUR_US for us in waited),
            }
        )
        day += timedelta(days=1)
    return answer


def backlog_at(asked: Asked) -> list[dict]:
    """What was open, and what waited, at one instant, by for how long already. A class holds the time at which it begins."""
    turns = [wait for wait in asked.rows["turns"] if wait["excluded"] != "untimed"]
    episodes = [episode for episode in asked.rows["episodes"] if episode["timed"]]
    waited = [wait["waiting_since"] for wait in turns if lasts(wait["waiting_since"], wait["ended_at"], asked.moment)]
    opened = [episode["started_at"] for episode in episodes if lasts(episode["started_at"], episode["ended_at"], asked.moment)]
    waited, opened = ([class_of(elapsed_ms(at, asked.moment), AGES, holds_its_end=False) for at in since] for since in (waited, opened))
    return [{"age": age, "open": opened.count(age), "unattended": waited.count(age)} for age, _ in AGES]


def lasts(start: int, end: int | None, at: int) -> bool:
    return start < at and (end is None or end >= at)


def sla_by_day(asked: Asked, target: str = "all") -> list[dict]:
    """Each wait that has a target, and each episode that has one for its resolution."""
    due = [
        (wait["waiting_since"], wait["due_at"], wait["ended_at"], wait["outcome"] in ("replied", "bot"), wait["excluded"] in UNKNOWN)
        for wait in asked.waits()
        if wait["due_at"] is not None and target in ("all", wait["sla_target"])
    ]
    due += [
        (
            episode["started_at"],
            episode["resolution_due_at"],
            episode["ended_at"],
            episode["ended_by"] == "resolve",
            episode["ended_by"] == "resolve" and episode["episode_resolution_ms"] is None,
        )
        for episode in asked.episodes()
        if episode["resolution_due_at"] is not None and target in ("all", "resolution")
    ]
    answer = []
    for day, rows in grouped(due, lambda row: asked.day(row[0])).items():
        states = [state_of(asked, *row[1:]) for row in rows]
        names = ("met", "breached", "cancelled", "n_pending", "n_excluded")
        met, breached, cancelled, pending, excluded = (states.count(name) for name in names)
        answer.append(
            {
                "day": day,
                "met": met,
                "breached": breached,
                "cancelled": cancelled,
                "n_pending": pending,
                "n_excluded": excluded,
                "met_rate": share(met, met + breached),
            }
        )
    return answer


def sla_open(asked: Asked) -> list[dict]:
    """What goes on and has a target, what was due first before the others."""
    due = [(wait["due_at"], wait["waiting_offset"], wait["waiting_since"], wait["sla_target"], wait) for wait in asked.rows["turns"]]
    due += [
        (episode["resolution_due_at"], episode["started_offset"], episode["started_at"], "resolution", episode)
        for episode in asked.rows["episodes"]
    ]
    due = [row for row in due if row[0] is not None and row[-1]["ended_at"] is None]
    return [
        {
            "at_offset": offset,
            "since": since,
            "target": target,
            "due_at": due_at,
            "overdue_s": seconds(elapsed_ms(due_at, asked.now)),
            **{name: row[name] for name in ("conversation", "agent", "team", "channel")},
        }
        for due_at, offset, since, target, row in sorted(due, key=lambda row: row[:2])[:DUE_NEXT]
    ]


def state_of(asked: Asked, due_at: int, ended_at: int | None, is_answered: bool, is_unknown: bool) -> str:
    if is_unknown:
        return "n_excluded"
    if ended_at is None:
        return "breached" if asked.now >= due_at else "n_pending"
    if ended_at <= due_at if is_answered else ended_at < due_at:
        return "met" if is_answered else "cancelled"
    return "breached"
