"""Asks DuckDB what verbatim was asked: duck.py VERBATIM DATA SHOP FROM TO ZONE

1. The rows that verbatim exports as Parquet are those of its Delta tables' live files, as the `deltalake` package lists them: as many,
   and the same in each column. What is still open is exported and not yet in a table.
2. Each named query is answered once more by SQL of this file over the exported Parquet files, figure by figure.

Exits 1 on any difference.
"""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
from deltalake import DeltaTable

import answers
import asking
from duck_queries import QUERIES, VIEWS

DELTA = ("events", "turns", "episodes", "stints", "ratings", "tags", "changes", "strays")
EXPORTED = (*DELTA, "messages")
MACROS = """
CREATE MACRO nearest_rank(v, share) AS list_sort(list(v) FILTER (v IS NOT NULL))[greatest(ceil(share * count(v)), 1)::INT];
CREATE MACRO local_day(t) AS strftime(timezone(getvariable('zone'), t), '%Y-%m-%d');
CREATE MACRO local_hour(t) AS hour(timezone(getvariable('zone'), t));
CREATE MACRO local_weekday(t) AS isodow(timezone(getvariable('zone'), t));
CREATE MACRO is_asked(t) AS t >= getvariable('from') AND t < getvariable('to');
CREATE MACRO lasts_at(since, until, t) AS since < t AND (until IS NULL OR until >= t);
CREATE MACRO elapsed_ms(since, until) AS floor((epoch_us(until) - epoch_us(since)) / 1000)::BIGINT;
"""


class Asker:
    def __init__(self, verbatim: str, data: str, shop: str):
        self.verbatim, self.data, self.shop = verbatim, data, shop
        self.duck = duckdb.connect()
        self.duck.execute("SET TimeZone = 'UTC'")
        self.duck.execute(MACROS)

    def run(self, *words: str) -> str:
        command = [self.verbatim, *words, "--data", self.data, "--shop", self.shop]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def export(self) -> None:
        for table in EXPORTED:
            path = f"{self.data}-{self.shop}-{table}.parquet"
            self.run("export", table, "--format", "parquet", "--out", path)
            self.duck.execute(f"CREATE VIEW {table} AS FROM read_parquet('{path}')")

    def delta_differs(self, table: str) -> bool:
        """Whether a Delta table's rows are others than those that were exported from it."""
        delta = DeltaTable(f"{self.data}/archive/{table}")
        files = delta.file_uris()
        if files:
            self.duck.execute(f"CREATE VIEW delta_{table} AS FROM read_parquet({files!r}, union_by_name = true, hive_partitioning = false)")
        else:
            self.duck.execute(f"CREATE VIEW delta_{table} AS FROM {table} WHERE false")
        theirs = {row[0] for row in self.duck.execute(f"DESCRIBE delta_{table}").fetchall()}
        ours = [row[0] for row in self.duck.execute(f"DESCRIBE {table}").fetchall()]
        columns = ", ".join(f'"{name}"' for name in ours if name in theirs)
        closed = "closed_offset IS NOT NULL" if "closed_offset" in ours else "true"
        exported = f"SELECT {columns} FROM {table} WHERE {closed}"
        stored = f"SELECT {columns} FROM delta_{table} WHERE shop = '{self.shop}'"
        counts = [
            self.duck.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]
            for query in (exported, stored, f"{exported} EXCEPT ALL {stored}", f"{stored} EXCEPT ALL {exported}")
        ]
        missing = sorted(set(ours) - theirs - {"day"})
        differs = counts[0] != counts[1] or counts[2] or counts[3] or missing
        if differs:
            print(f"DIFFERS delta {table}: exported {counts[0]}, stored {counts[1]}, exported alone {counts[2]}, stored alone {counts[3]}, "
                  f"columns that are not stored {missing}")  # fmt: skip
        else:
            print(f"  delta {table}: {counts[0]} rows, {columns.count(',') + 1} columns, the same")
        return bool(differs)

    def answer(self, query: str) -> list[dict]:
        rows = self.duck.execute(query)
        names = [column[0] for column in rows.description]
        return [dict(zip(names, row)) for row in rows.fetchall()]


def main() -> int:
    verbatim, data, shop, start, end, zone = sys.argv[1:]
    asker = Asker(verbatim, data, shop)
    asker.export()
    days = {"from": start, "to": end, "moment": asking.moment(start, end)}
    for name, value in {"zone": f"'{zone}'", **{name: instant(day, zone) for name, day in days.items()}}.items():
        asker.duck.execute(f'SET VARIABLE "{name}" = {value}')
    asker.duck.execute(VIEWS)
    stored = [folder.name for folder in Path(data, "archive").iterdir()]
    differ = [table for table in stored if table not in DELTA or asker.delta_differs(table)]
    compared = answers.Compared()
    for name, query in QUERIES.items():
        compared.report(name, json.loads(asker.run(*asking.words(name, start, end, zone))), asker.answer(query))
    return 0 if asking.are_all(QUERIES, "DuckDB") & compared.verdict("DuckDB") and not differ else 1


def instant(day: str, zone: str) -> str:
    return f"timezone('{zone}', TIMESTAMP '{day}')"


if __name__ == "__main__":
    sys.exit(main())
