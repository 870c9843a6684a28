"""How the named queries are asked of verbatim, and whether each of them is computed again."""

import re
from collections import Counter
from datetime import date
from pathlib import Path

from asked import UNTAGGED, Asked

QUERIES = Path(__file__).parents[3] / "queries"
# What goes on now, whatever the range.
OF_NOW = ("longest_waits", "sla_open", "waiting_now")


def moment(start: str, end: str) -> str:
    """The day amid a range, with whose first instant what is asked of one instant is asked."""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    return (first + (last - first) / 2).isoformat()


def choices(report: str) -> list[dict[str, str]]:
    """What a report may be asked for: nothing more, and each value of each parameter that lists its values, but the usual one."""
    header = (QUERIES / f"{report}.sql").read_text()
    listed = re.findall(r"^-- parameter: (\w+) (\w+(?:\|\w+)+) = (\w+)", header, re.MULTILINE)
    return [{}] + [{name: value} for name, values, usual in listed for value in values.split("|") if value != usual]


def filters(asked: Asked) -> list[tuple[str, str]]:
    """Of each filter a value that some rows have and others have not: the second most frequent, where there are two."""
    turns, episodes = asked.rows["turns"], asked.rows["episodes"]
    values = {name: Counter(turn[name] for turn in turns if turn[name]) for name in ("agent", "team")}
    values |= {name: Counter(episode[name] for episode in episodes if episode[name]) for name in ("channel", "language")}
    values["category"] = Counter(name for standing in asked.categories().values() for name in standing)
    found = [(name, [value for value, _ in counted.most_common(2)][-1]) for name, counted in values.items() if counted]
    return [*found, ("category", UNTAGGED)]


def words(report: str, start: str, end: str, zone: str, more: dict[str, str] | None = None) -> list[str]:
    """The arguments of `verbatim` that ask for a report over a range of days, with these parameters."""
    if report in OF_NOW:
        span = []
    elif report == "backlog_at":
        span = ["--set", f"moment={moment(start, end)}"]
    else:
        span = ["--from", start, "--to", end]
    for name, value in (more or {}).items():
        span += ["--set", f"{name}={value}"]
    return ["report", report, *span, "--zone", zone, "--format", "json"]


def are_all(computed: dict, where: str) -> bool:
    """Whether the queries that are computed are those that there are: a new one must not be forgotten."""
    there = {path.stem for path in QUERIES.glob("*.sql")}
    for name in sorted(there - computed.keys()):
        print(f"FORGOTTEN {where} does not compute `{name}`")
    for name in sorted(computed.keys() - there):
        print(f"FORGOTTEN there is no query `{name}` that {where} computes")
    return there == computed.keys()
