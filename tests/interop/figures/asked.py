"""What is asked about, and the arithmetic that all reports share. Nothing is rounded here."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from records import EPOCH, Record

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
UNTAGGED = "untagged"
MEDIAN, P90, P95 = Fraction(1, 2), Fraction(9, 10), Fraction(95, 100)


@dataclass
class Asked:
    """The rows of a shop, and what of them is asked about: `[start, end)` or the moment, in microseconds, days as in this zone."""

    rows: dict[str, list[dict]]
    records: list[Record]
    start: int
    end: int
    moment: int
    zone: ZoneInfo
    now: int
    # Every row, where the others are narrowed: what is asked about, and not counted.
    whole: dict[str, list[dict]]
    # By which agent or team it is narrowed.
    whose: tuple[str, str] | None = None
    # The tags that stand, where only some of them are asked about.
    standing: dict[str, dict[str, bool]] | None = None

    def narrowed(self, name: str, value: str) -> "Asked":
        """By a filter: the rows of tables with such a column, and of all others those of the conversations for which it holds."""
        standing = self.categories()
        if name != "category":
            conversations = {row["conversation"] for rows in self.rows.values() for row in rows if row[name] == value}
        else:
            everything = {record.conversation for record in self.records}
            has_it = lambda theirs: not theirs if value == UNTAGGED else value in theirs
            conversations = {conversation for conversation in everything if has_it(standing[conversation])}
        holds = lambda row: row[name] == value if name in row else row["conversation"] in conversations
        rows = {table: [row for row in rows if holds(row)] for table, rows in self.rows.items()}
        records = [record for record in self.records if record.conversation in conversations]
        if name == "category" and value != UNTAGGED:
            # Tags are those of this category, also where it no longer stands.
            is_tag = lambda record: record.kind in ("tag", "untag")
            said = lambda record: record.category == value if is_tag(record) else record.conversation in conversations
            records = [record for record in self.records if said(record)]
            only = {conversation: {value: standing[conversation][value]} for conversation in conversations}
            standing = defaultdict(dict, only)
        whose = (name, value) if name in ("agent", "team") else None
        return replace(self, rows=rows, records=records, standing=standing, whose=whose)

    def local(self, at: int) -> datetime:
        return (EPOCH + timedelta(microseconds=at)).astimezone(self.zone)

    def day(self, at: int) -> str:
        return self.local(at).date().isoformat()

    def of(self, table: str, column: str) -> list[dict]:
        """The rows whose time in this column lies in the range."""
        return [row for row in self.rows[table] if row[column] is not None and self.start <= row[column] < self.end]

    def waits(self) -> list[dict]:
        return self.of("turns", "waiting_since")

    def episodes(self) -> list[dict]:
        return self.of("episodes", "started_at")

    def first_replies(self) -> list[dict]:
        """Episodes for how long their first reply took: theirs who gave it, or else of whom they are."""
        if not self.whose:
            return self.episodes()
        name, value = self.whose
        column = {"agent": "first_replier", "team": "first_replier_team"}[name]
        is_theirs = lambda row: (row[column] if row["first_replier"] else row[name]) == value
        return [row for row in replace(self, rows=self.whole).episodes() if is_theirs(row)]

    def messages(self) -> list[Record]:
        """Those of transcripts without times are of no day."""
        return [
            record
            for record in self.records
            if record.kind == "message" and record.timed and self.start <= record.occurred_at < self.end
        ]

    def categories(self) -> dict[str, dict[str, bool]]:
        """The tags that stand now, by conversation, each with whether a model gave it: what people say wins."""
        if self.standing is not None:
            return self.standing
        people, models = defaultdict(set), defaultdict(set)
        for record in self.records:
            given = models if record.automatic else people
            if record.kind == "tag":
                given[record.conversation].add(record.category)
            elif record.kind == "untag":
                for theirs in (models,) if record.automatic else (models, people):
                    theirs[record.conversation].discard(record.category)
        standing = defaultdict(dict)
        for given, is_automatic in ((people, False), (models, True)):
            for conversation, names in given.items():
                if not standing[conversation]:
                    standing[conversation] = {name: is_automatic for name in names}
        return standing


def nearest_rank(values: list, share: Fraction):
    """The smallest value that at least this share of the values do not exceed."""
    values = sorted(value for value in values if value is not None)
    if not values:
        return None
    rank = -(-share * len(values) // 1)
    return values[max(int(rank), 1) - 1]


def elapsed_ms(start: int, end: int) -> int:
    return (end - start) // 1_000


def class_of(ms: int, classes: list[tuple[str, float]], holds_its_end: bool) -> str:
    """The first of these classes, each with its upper end in seconds, that such a time is in."""
    return next(name for name, end_s in classes if ms < end_s * 1_000 or (holds_its_end and ms == end_s * 1_000))


def seconds(ms) -> float | None:
    return None if ms is None else ms / 1_000


def mean(values: list) -> float | None:
    values = [value for value in values if value is not None]
    return sum(values) / len(values) if values else None


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def grouped(rows: list[dict], key) -> dict:
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def percentiles(times: list, *names: str) -> dict:
    """`median_s`, `p90_s`, … of these milliseconds, under these names."""
    shares = {"median": MEDIAN, "p90": P90, "p95": P95}
    return {name: seconds(nearest_rank(times, next(shares[part] for part in name.split("_") if part in shares))) for name in names}


def counted(values: list) -> int:
    return sum(value is not None for value in values)


def midnight(day, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000
