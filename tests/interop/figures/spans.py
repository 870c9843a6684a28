"""Moments, and the spans between two of them."""

from dataclasses import dataclass

from records import Record
from rules import Rules

UNTIMED = "untimed"
CLOCK_BACKWARDS = "clock_backwards"


@dataclass(frozen=True)
class Moment:
    at: int
    timed: bool
    offset: int | None = None
    origin: str | None = None

    @staticmethod
    def of(record: Record) -> "Moment":
        return Moment(record.occurred_at, record.timed, record.offset, "imported" if record.imported else "live")


def why_not(start: Moment, end: Moment) -> str | None:
    """Why this span has no length and never will have."""
    if not (start.timed and end.timed):
        return UNTIMED
    return CLOCK_BACKWARDS if end.at < start.at else None


def length_ms(start: Moment | None, end: Moment | None) -> int | None:
    """Calendar time in whole milliseconds; None while an end is missing or where `why_not` says so."""
    if start is None or end is None or why_not(start, end):
        return None
    return (end.at - start.at) // 1_000


def business_ms(start: Moment | None, end: Moment | None, team: str | None, rules: Rules) -> int | None:
    """The same within opening hours; None where there are none."""
    if length_ms(start, end) is None:
        return None
    return rules.business_ms(start.at, end.at, team)
