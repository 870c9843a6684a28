"""Computes every figure a second time and compares: run.py VERBATIM WORK [SEED [CONVERSATIONS]]

The records are exported, the code in this folder folds them into turns, episodes, stints and ratings, and each is compared with what
verbatim exports. Over the sample data, over real chats where they are, and over a made-up shop with all that makes figures hard. At
last single figures of a copy are changed, which must be noticed. Exits 1 on any difference.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import asking
import compare
import golden
import mutants
import shop
from answers import Compared, lied
from asked import Asked, midnight
from log import TABLES, folded
from records import Record, read
from reports import REPORTS

# Rules under which the sample data has every figure: hours, a team with hours of its own, targets.
SAMPLE_RULES = {
    "hours": {"zone": "Asia/Shanghai", "week": dict.fromkeys(shop.WEEK, ["09:00-23:00"]), "dates": {"2026-01-01": []}},
    "teams": {"zh": ["agent-lin", "agent-chen", "agent-zhao"], "en": ["agent-emma", "agent-sofia"]},
    "team_hours": {"en": {"zone": "Europe/London", "week": {"tue": ["20:00-06:30"], "sat": ["00:00-24:00"]}}},
    "sla": {"first_reply_s": 180, "next_reply_s": 600, "resolution_s": 86_400, "clock": "business"},
}


class Data:
    """A data directory, and the program that works on it; its clock may be put ahead."""

    def __init__(self, verbatim: str, folder: Path, clock: Path | None = None):
        self.verbatim, self.folder = verbatim, folder
        self.environment = dict(os.environ)
        self.ahead_s = 0
        if clock:
            self.environment["LD_PRELOAD"] = str(clock)

    def go_ahead(self, seconds: int) -> None:
        self.ahead_s += seconds
        self.environment["VERBATIM_INTEROP_AHEAD_S"] = str(self.ahead_s)

    def run(self, *words: str, of_shop: str = "main", may_fail: bool = False) -> str | None:
        command = [self.verbatim, *words, "--data", str(self.folder), "--shop", of_shop]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout
        print(f"{' '.join(command)}: {done.stderr}")
        return None if may_fail else sys.exit(1)

    def decide(self, rules: dict) -> None:
        if rules:
            self.run("rules", "set", *(f"{name}={json.dumps(value)}" for name, value in rules.items()))

    def export(self, table: str, of_shop: str = "main") -> Path:
        path = self.folder.with_name(f"{self.folder.name}-{of_shop}-{table}.jsonl")
        self.run("export", table, "--format", "jsonl", "--out", str(path), of_shop=of_shop)
        return path


@dataclass
class Case:
    """What is compared: the first of these shops, and the reports of these ranges of days."""

    what: str
    data: Data
    shops: list[str]
    ranges: list[tuple[str, str, str]]

    def holds(self, with_lies: bool = False) -> bool:
        """Whether nothing differs, and no lie is believed."""
        print(f"{self.what}:", flush=True)
        started = time.monotonic()
        shop = self.shops[0]
        records = read([self.data.export("events", of_shop) for of_shop in self.shops])
        exported = {table: compare.exported(self.data.export(table, shop)) for table in TABLES}
        ours = folded(records, shop)
        comparison = compare.Comparison()
        comparison.tables(exported, ours)
        same = comparison.verdict()
        if with_lies:
            same &= mutants.all_found(exported, ours)
        of_shop = [record for record in records if record.shop == shop and not record.conversation.startswith("@")]
        same &= all([self.reports_hold(ours, of_shop, *days) for days in self.ranges])
        print(f"  {time.monotonic() - started:.0f} s")
        return same

    def reports_hold(self, rows: dict[str, list[dict]], records: list[Record], start: str, end: str, name: str) -> bool:
        zone = ZoneInfo(name)
        now = (time.time_ns() // 1_000) + self.data.ahead_s * 1_000_000
        instants = [midnight(date.fromisoformat(day), zone) for day in (start, end, asking.moment(start, end))]
        asked = Asked(rows, records, *instants, zone, now, whole=rows)
        compared = Compared()
        for report, function in REPORTS.items():
            for choice in asking.choices(report):
                self.compare(compared, report, choice, asking.words(report, start, end, name, choice), function(asked, **choice))
        for filter_name, value in asking.filters(asked):
            narrowed = asked.narrowed(filter_name, value)
            for report, function in REPORTS.items():
                given = {filter_name: value}
                self.compare(compared, report, given, asking.words(report, start, end, name, given), function(narrowed))
        return compared.verdict(f"{start} to {end}, {name}")

    def compare(self, compared: Compared, report: str, given: dict[str, str], words: list[str], ours: list[dict]) -> None:
        what = " ".join([report, *(f"{name}={value}" for name, value in given.items())])
        answer = self.data.run(*words, of_shop=self.shops[0], may_fail=True)
        if answer is None:
            compared.differ(what, "verbatim gives no answer")
            return
        theirs = json.loads(answer)
        compared.report(what, theirs, ours)
        lie = lied(theirs)
        if lie is not None:
            believed = Compared(quiet=True)
            believed.report(what, lie, ours)
            if not believed.differences:
                compared.differ(what, "a figure that was altered is believed")


def sample(verbatim: str, work: Path) -> Data:
    data = Data(verbatim, work / "sample")
    # The rules are in force from the first record on, so that every figure is there.
    data.run("import", "sample_data/live.ndjson")
    data.decide(SAMPLE_RULES)
    data.run("import", "sample_data/history.ndjson")
    return data


def real(verbatim: str, work: Path, chats: Path) -> Data:
    data = Data(verbatim, work / "real")
    data.run("import", str(chats / "star_chat.jsonl"))
    return data


def clock_of(work: Path) -> Path | None:
    library = work / "clock.so"
    source = Path(__file__).with_name("clock.c")
    made = subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"], capture_output=True)
    return library if made.returncode == 0 else None


def made_up(verbatim: str, work: Path, seed: int, conversations: int) -> Data:
    files = work / "made-up"
    files.mkdir()
    shop.write_all(files, seed, conversations)
    clock = clock_of(work)
    data = Data(verbatim, work / "made-up-data", clock)
    for number, rules in enumerate(shop.RULES, 1):
        data.decide(rules)
        data.run("import", str(files / f"import-{number}.ndjson"))
    if clock is None:
        print("skipped: there is no C compiler, so live chat that goes idle is not tried")
        return data
    for number, (hours, rules) in enumerate(shop.SESSIONS, 1):
        data.go_ahead(round(hours * 3_600))
        if number % 4 == 0:
            # Another shop's records move the clock too.
            data.run("import", str(files / f"other-{number}.ndjson"), of_shop="other")
        data.decide(rules)
        data.run("replay", str(files / f"live-{number}.ndjson"), "--speed", "0")
    # So that what waits is of the same class of ages for as long as we ask.
    data.go_ahead(1_500)
    return data


def main() -> int:
    verbatim, work = sys.argv[1], Path(sys.argv[2])
    seed, conversations = (int(text) for text in (sys.argv[3:] + [str(shop.SEED), str(shop.CONVERSATIONS)][len(sys.argv[3:]) :]))
    work.mkdir(parents=True)
    same = asking.are_all(REPORTS, "this folder") & golden.hold()
    days = [("2026-01-01", "2026-01-16", "Asia/Shanghai")]
    same &= Case("the sample data", sample(verbatim, work), ["main"], days).holds(with_lies=True)
    if chats := os.environ.get("VERBATIM_CHATS"):
        days = [("2020-05-01", "2020-07-01", "UTC")]
        same &= Case("real chats", real(verbatim, work, Path(chats)), ["main"], days).holds()
    else:
        print("skipped: real chats, since VERBATIM_CHATS names no folder that has them")
    print(f"a made-up shop of {conversations} conversations, seed {seed}")
    days = [("2026-03-01", "2026-04-20", "Europe/Berlin"), ("2025-09-20", "2025-11-10", "Pacific/Chatham")]
    same &= Case("made up", made_up(verbatim, work, seed, conversations), ["main", "other"], days).holds()
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
