"""Opening hours, counted minute by minute: slow, and plain enough to be read by whoever doubts the other count.

A minute of UTC is open where the clock on the shop's wall shows, during it, a time within the hours of its date, or within those of
the date before that run past midnight. What the clock skips in spring never shows, what it shows twice in autumn is counted twice:
both come from asking the clock, minute by minute, and from nothing else.
"""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MINUTE_US = 60_000_000
DAY_MINUTES = 1_440
DAY_US = DAY_MINUTES * MINUTE_US
CENTURY_US = 36_525 * DAY_US
# How far a due time is looked for; hours may be closed for good.
DUE_DAYS_MAX = 3_653
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours:
    """The hours that a shop or a team wrote down: `{"zone", "week", "dates"}`."""

    def __init__(self, written: dict):
        self.zone = ZoneInfo(written["zone"])
        self.week = {day: [span(text) for text in spans] for day, spans in (written.get("week") or {}).items()}
        self.dates = {day: [span(text) for text in spans] for day, spans in (written.get("dates") or {}).items()}
        self.open_minutes_of_day = {}

    def of_date(self, day: date) -> list[tuple[int, int]]:
        """The hours that begin on this date, as minutes after its midnight; an end may lie beyond 1,440."""
        if day.isoformat() in self.dates:
            return self.dates[day.isoformat()]
        return self.week.get(WEEKDAYS[day.weekday()], [])

    def is_open(self, instant: datetime) -> bool:
        wall = instant.astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        today, yesterday = wall.date(), wall.date() - timedelta(days=1)
        return any(start <= minute < end for start, end in self.of_date(today)) or any(
            start <= minute + DAY_MINUTES < end for start, end in self.of_date(yesterday)
        )

    def day(self, number: int) -> list[int]:
        """How many minutes of this UTC day (counted from 1970) were open before its minute 0, 1, … 1,440."""
        if number not in self.open_minutes_of_day:
            midnight = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)
            before = [0]
            for minute in range(DAY_MINUTES):
                before.append(before[-1] + self.is_open(midnight + timedelta(minutes=minute)))
            self.open_minutes_of_day[number] = before
        return self.open_minutes_of_day[number]

    def open_us_before(self, number: int, us: int) -> int:
        """How much of the UTC day was open before this microsecond of it."""
        before = self.day(number)
        minute, rest = divmod(us, MINUTE_US)
        if minute == DAY_MINUTES:
            return before[DAY_MINUTES] * MINUTE_US
        is_open = before[minute + 1] > before[minute]
        return before[minute] * MINUTE_US + (rest if is_open else 0)

    def open_us(self, start: int, end: int) -> int | None:
        """How much of [start, end) is open, in microseconds; None where it ends before it begins, or a century later."""
        if end < start or end - start > CENTURY_US:
            return None
        (first, from_us), (last, to_us) = divmod(start, DAY_US), divmod(end, DAY_US)
        whole = sum(self.day(number)[DAY_MINUTES] for number in range(first, last)) * MINUTE_US
        return whole + self.open_us_before(last, to_us) - self.open_us_before(first, from_us)

    def due(self, start: int, wanted_us: int) -> int | None:
        """The first moment by which the shop was open for so long since the start; None: not within ten years."""
        number, from_us = divmod(start, DAY_US)
        wanted_us += self.open_us_before(number, from_us)
        for number in range(number, number + DUE_DAYS_MAX):
            before = self.day(number)
            if wanted_us <= before[DAY_MINUTES] * MINUTE_US:
                minute = next(m for m in range(DAY_MINUTES) if before[m + 1] * MINUTE_US >= wanted_us)
                return max(start, number * DAY_US + minute * MINUTE_US + wanted_us - before[minute] * MINUTE_US)
            wanted_us -= before[DAY_MINUTES] * MINUTE_US
        return None


def span(text: str) -> tuple[int, int]:
    """`21:00-02:00` as minutes after midnight, (1260, 1560)."""
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return (start, end) if end > start else (start, end + DAY_MINUTES)
