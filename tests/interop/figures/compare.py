"""Compares rows that verbatim exported with those that this folder computes, figure by figure, and prints what differs."""

import json
from collections import Counter
from pathlib import Path

from log import TABLES
from records import time_us

# What names a row, and the column whose offset says where to look.
KEYS = {
    "turns": (("conversation", "turn"), "waiting_offset"),
    "episodes": (("conversation", "episode"), "started_offset"),
    "stints": (("conversation", "stint"), "started_offset"),
    "ratings": (("offset",), "offset"),
}
SHOWN_OF_A_COLUMN = 5


def as_here(name: str, value):
    """A value of the export as this folder has it: a time is microseconds since 1970."""
    return time_us(value) if isinstance(value, str) and name.endswith(("_at", "since")) else value


def exported(path: Path) -> list[dict]:
    with open(path, encoding="utf-8") as lines:
        return [{name: as_here(name, value) for name, value in json.loads(line).items()} for line in lines]


class Comparison:
    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.rows = self.figures = 0
        self.differences: Counter[str] = Counter()

    def differ(self, what: str, detail: str) -> None:
        self.differences[what] += 1
        if not self.quiet and self.differences[what] <= SHOWN_OF_A_COLUMN:
            print(f"DIFFERS {what}: {detail}")

    def tables(self, theirs: dict[str, list[dict]], ours: dict[str, list[dict]]) -> None:
        for table in TABLES:
            self.table(table, theirs[table], ours[table])

    def table(self, table: str, theirs: list[dict], ours: list[dict]) -> None:
        keys, place = KEYS[table]
        ours_by_key = {tuple(row[key] for key in keys): row for row in ours}
        theirs_by_key = {tuple(row[key] for key in keys): row for row in theirs}
        if len(theirs_by_key) != len(theirs):
            self.differ(f"{table}: rows", f"{len(theirs) - len(theirs_by_key)} rows have the name of another")
        for key in sorted(ours_by_key.keys() ^ theirs_by_key.keys()):
            who, row = ("verbatim alone", theirs_by_key[key]) if key in theirs_by_key else ("we alone", ours_by_key[key])
            self.differ(f"{table}: rows", f"{who} have {key}, offset {row[place]}: {row}")
        self.columns(table, theirs, ours)
        for key in ours_by_key.keys() & theirs_by_key.keys():
            theirs_row, ours_row = theirs_by_key[key], ours_by_key[key]
            self.rows += 1
            for name in ours_row:
                self.figures += 1
                # What is NULL is left out of an export as JSON.
                value = theirs_row.get(name)
                if value != ours_row[name]:
                    values = f"verbatim {value!r}, here {ours_row[name]!r}"
                    self.differ(f"{table}.{name}", f"{key}, offset {ours_row[place]}: {values}")

    def columns(self, table: str, theirs: list[dict], ours: list[dict]) -> None:
        """No column of verbatim's goes uncompared in silence."""
        for name in sorted(set().union(*theirs) - set().union(*ours)):
            self.differ(f"{table}: columns", f"`{name}` is not computed here")

    def verdict(self) -> bool:
        """Says what was compared; whether nothing differs, and there was something."""
        print(f"  compared {self.rows} rows, {self.figures} figures: {sum(self.differences.values())} differ")
        for what, count in self.differences.most_common():
            print(f"  {count} × {what}")
        return self.rows > 0 and not self.differences
