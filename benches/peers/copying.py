#!/usr/bin/env python3
"""What `cargo bench --bench batch` measures verbatim beside: DuckDB's COPY of the same rows to a file.

    copying.py duckdb ARCHIVE SHOP TABLE      a table of the archive's Parquet files
    copying.py duckdb FILE '' json            a file of JSON lines

Says `{"version"}`. Then for each `{"format", "out"}` on stdin it writes `out`, and says how long that took, by the clock and in CPU
time of all its threads. It ends with its stdin.
"""

import json
import os
import resource
import sys
import time

FORMS = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION zstd"}


def source(path, shop, table):
    if table == "json":
        return f"read_json('{path}', format = 'newline_delimited')"
    from deltalake import DeltaTable

    # Those of its newest version: others wait for their readers.
    files = [file.removeprefix("file://") for file in DeltaTable(os.path.join(path, table)).file_uris()]
    return f"(SELECT * EXCLUDE (shop) FROM read_parquet({files!r}, union_by_name = true) WHERE shop = '{shop}')"


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    _, path, shop, table = sys.argv[1:]
    try:
        import duckdb
    except ImportError as missing:
        print(missing, file=sys.stderr)
        return
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    rows = source(path, shop, table)
    say({"version": duckdb.__version__})
    for line in sys.stdin:
        asked = json.loads(line)
        started, cpu = time.monotonic(), cpu_seconds()
        db.execute(f"COPY (SELECT * FROM {rows}) TO '{asked['out']}' ({FORMS[asked['format']]})")
        say({"seconds": time.monotonic() - started, "cpu_seconds": cpu_seconds() - cpu})


def say(answer):
    print(json.dumps(answer), flush=True)


main()
