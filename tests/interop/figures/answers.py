"""Compares answers of named queries, row by row and figure by figure."""

from collections import Counter

from compare import as_here

# The columns by which rows of an answer are told apart; all others are figures.
KEYS = (
    "day", "hour", "agent", "category", "role", "team", "channel", "language", "place", "target", "at", "at_offset", "age", "weekday", "kind",
    "rating", "wait", "waited",
)  # fmt: skip
# Half of the last digit that is shown, by what a column's name ends with; what goes on, as far as it may while we ask.
ROUNDING = {
    "oldest_wait_s": 600, "waited_s": 600, "overdue_s": 600, "concurrency": 0.005, "_s": 0.000_5, "mean_rating": 0.005, "_rate": 0.000_05, "_share": 0.000_05,
}  # fmt: skip
ROUNDING_ELSE = 0.000_5
SHOWN = 5


def key_of(row: dict) -> tuple:
    return tuple(str(row[name]) for name in KEYS if name in row and row[name] is not None)


def same(name: str, theirs, ours) -> bool:
    """Whether a figure that was rounded may have been this one before."""
    if isinstance(theirs, float) or isinstance(ours, float):
        if theirs is None or ours is None:
            return theirs is ours
        allowed = next((half for ending, half in ROUNDING.items() if name.endswith(ending)), ROUNDING_ELSE)
        return abs(theirs - ours) <= allowed + 1e-9 * max(1, abs(theirs))
    return theirs == ours


# More than any rounding, and than what goes on may have grown.
LIE = 1_000_000


def lied(rows: list[dict]) -> list[dict] | None:
    """The same answer with one figure of its last row altered; none where it has no number."""
    for name, value in (rows[-1] if rows else {}).items():
        if name not in KEYS and isinstance(value, (int, float)) and not isinstance(value, bool):
            return [*rows[:-1], {**rows[-1], name: value + LIE}]
    return None


class Compared:
    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.rows = self.figures = 0
        self.differences: Counter[str] = Counter()

    def differ(self, what: str, detail: str) -> None:
        self.differences[what] += 1
        if self.differences[what] <= SHOWN and not self.quiet:
            print(f"DIFFERS {what}: {detail}")

    def report(self, name: str, theirs: list[dict], ours: list[dict]) -> None:
        theirs = [{column: as_here(column, value) for column, value in row.items()} for row in theirs]
        # Of a list of records the order says something too.
        if ours and "at_offset" in ours[0] and [key_of(row) for row in theirs] != [key_of(row) for row in ours]:
            self.differ(name, "the rows are others, or in another order")
        theirs_by_key, ours_by_key = ({key_of(row): row for row in rows} for rows in (theirs, ours))
        if len(theirs_by_key) != len(theirs) or len(ours_by_key) != len(ours):
            self.differ(name, "two rows have the same keys")
        for key in sorted(theirs_by_key.keys() ^ ours_by_key.keys()):
            who = "verbatim" if key in theirs_by_key else "this folder"
            self.differ(name, f"only {who} has {key}: {theirs_by_key.get(key) or ours_by_key.get(key)}")
        for key in theirs_by_key.keys() & ours_by_key.keys():
            self.rows += 1
            theirs_row, ours_row = theirs_by_key[key], ours_by_key[key]
            for column in sorted((theirs_row.keys() | ours_row.keys()) - set(KEYS)):
                self.figures += 1
                values = theirs_row.get(column), ours_row.get(column)
                if not same(column, *values):
                    self.differ(f"{name}.{column}", f"{key}: verbatim {values[0]!r}, here {values[1]!r}")

    def verdict(self, who: str) -> bool:
        print(f"  {who}: compared {self.rows} rows, {self.figures} figures of reports: {sum(self.differences.values())} differ")
        for what, count in self.differences.most_common():
            print(f"  {count} × {what}")
        return self.rows > 0 and not self.differences
