#!/usr/bin/env python3
"""What `cargo bench --bench numbers` measures verbatim beside: DuckDB and ClickHouse (chdb), on the same rows.

    analytics.py duckdb|clickhouse FOLDER SHOP FROM TO ZONE

Says `{"version"}`. Then for each question on stdin, `{"question", "of"}`, it says `{"rows", "ms"}`: the median of TIMES_ASKED
after one to warm up, or `{"rows": null}` where it has no such question. `of` is `facts`, the tables in which verbatim keeps
turns, episodes and tags; or `events`, the records as they came, from which the waits are then to be found first. It ends with
its stdin.

Percentiles are such that somebody had the wait. ClickHouse counts ranks another way: it computes them, and its rows have none.
"""

import json
import os
import statistics
import sys
import time

TIMES_ASKED = 5

# What makes somebody wait, and what ends it, in the chat that the benchmark makes: customers write (C), bots hand over (D),
# customers reopen what was resolved or lay idle for a day (O); bots (B) and humans (H) answer, a resolve (X) cuts.
STEPS = """
    SELECT conversation, "offset" AS o, occurred_at AS t,
        CASE WHEN kind = 'message' AND sender_role = 'customer' THEN 'C' WHEN kind = 'message' AND sender_role = 'human' THEN 'H'
            WHEN kind = 'message' THEN 'B' WHEN kind = 'handoff' THEN 'D' WHEN kind = 'reopen' THEN 'O' ELSE 'X' END AS k
    FROM events
    WHERE shop = {shop}
        AND ((kind = 'message' AND visibility = 'public' AND NOT automatic AND sender_role IN ('customer', 'human', 'bot'))
            OR kind IN ('handoff', 'resolve') OR (kind = 'reopen' AND sender_role = 'customer'))
"""
# Waits between one end and the next are one.
NUMBERED = """
    SELECT conversation, o, t, k,
        sum(CASE WHEN k IN ('H', 'B', 'X') THEN 1 ELSE 0 END)
            OVER (PARTITION BY conversation ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
            - CASE WHEN k IN ('H', 'B', 'X') THEN 1 ELSE 0 END AS wait,
        {lag_k} AS before, {lag_t} AS last
    FROM steps
"""
BEGINS = "(k IN ('C', 'D') OR (k = 'O' AND (before = 'X' OR {seconds} > 86400)))"


class DuckDb:
    def __init__(self, folder):
        import duckdb

        self.version = duckdb.__version__
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        for table, files in tables(folder):
            self.db.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files!r})")

    def rows(self, sql):
        answer = self.db.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row)) for row in answer.fetchall()]

    def day(self, column, zone):
        return f"CAST({column} AT TIME ZONE '{zone}' AS DATE)"

    def hour(self, column, zone):
        return f"hour({column} AT TIME ZONE '{zone}')"

    def percentiles(self, value, names):
        return ", ".join(f"round(quantile_disc({value}, {share}) / 1000.0, 3) AS {name}" for name, share in names.items())

    def count(self, value):
        return f"count({value}) AS n"

    standing = 'SELECT conversation, category FROM tags WHERE shop = {shop} GROUP BY ALL HAVING arg_max(tagged, "offset")'
    distinct = "count(DISTINCT conversation)"

    def found(self, shop):
        window = "OVER (PARTITION BY conversation ORDER BY o)"
        numbered = NUMBERED.format(lag_k=f"lag(k) {window}", lag_t=f"lag(t) {window}")
        begins = BEGINS.format(seconds="epoch(t - last)")
        return f"""
            steps AS ({STEPS.format(shop=shop)}), numbered AS ({numbered}),
            waits AS (
                SELECT conversation, min(t) FILTER (WHERE {begins}) AS waiting_since, max(t) FILTER (WHERE k = 'H') AS replied_at
                FROM numbered GROUP BY conversation, wait HAVING waiting_since IS NOT NULL
            ),
            turns AS (SELECT waiting_since, (epoch_us(replied_at) - epoch_us(waiting_since)) // 1000 AS nrt_ms FROM waits)"""


class ClickHouse:
    def __init__(self, folder):
        import chdb
        from chdb import session

        self.version = chdb.__version__
        self.db = session.Session()
        self.db.query("SET join_use_nulls = 1")
        for table, files in tables(folder):
            self.db.query(f"CREATE VIEW {table} AS SELECT * FROM file('/{{{','.join(file[1:] for file in files)}}}', Parquet)")

    def rows(self, sql):
        answer = str(self.db.query(sql + " SETTINGS join_use_nulls = 1", "JSONEachRow"))
        rows = [json.loads(line) for line in answer.splitlines()]
        return [{name: value for name, value in row.items() if name != "ranks"} for row in rows]

    def day(self, column, zone):
        return f"toDate({column}, '{zone}')"

    def hour(self, column, zone):
        return f"toHour({column}, '{zone}')"

    def percentiles(self, value, names):
        return f"quantilesExact({', '.join(map(str, names.values()))})({value}) AS ranks"

    def count(self, value):
        return f"toInt64(count({value})) AS n"

    standing = 'SELECT conversation, category FROM tags WHERE shop = {shop} GROUP BY conversation, category HAVING argMax(tagged, "offset")'
    distinct = "toInt64(uniqExact(conversation))"

    def found(self, shop):
        window = "OVER (PARTITION BY conversation ORDER BY o ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING)"
        numbered = NUMBERED.format(lag_k=f"any(k) {window}", lag_t=f"any(t) {window}")
        begins = BEGINS.format(seconds="dateDiff('second', last, t)")
        return f"""
            steps AS ({STEPS.format(shop=shop)}), numbered AS ({numbered}),
            waits AS (
                SELECT conversation, minIf(t, {begins}) AS waiting_since, maxIf(t, k = 'H') AS replied_at,
                    countIf({begins}) AS starts, countIf(k = 'H') AS replies
                FROM numbered GROUP BY conversation, wait HAVING starts > 0
            ),
            turns AS (SELECT waiting_since, if(replies > 0, intDiv(toUnixTimestamp64Micro(replied_at) - toUnixTimestamp64Micro(waiting_since), 1000), NULL) AS nrt_ms FROM waits)"""


def tables(folder):
    """A file of each table."""
    for table in ("events", "turns", "episodes", "tags"):
        yield table, [os.path.join(folder, f"{table}.parquet")]


def question(peer, name, of, shop, from_, to, zone):
    """The SQL of a question; None where there is none."""
    shop = f"'{shop}'"

    def within(column):
        return f"{column} >= TIMESTAMP '{from_}' AND {column} < TIMESTAMP '{to}'" if isinstance(peer, DuckDb) else (
            f"{column} >= toDateTime64('{from_}', 6, 'UTC') AND {column} < toDateTime64('{to}', 6, 'UTC')"
        )

    def waits(keys, joined=""):
        percentiles = peer.percentiles("nrt_ms", {"median_s": 0.5, "p90_s": 0.9, "p95_s": 0.95})
        figures = f"{percentiles}, round(avg(nrt_ms) / 1000, 3) AS mean_s, {peer.count('nrt_ms')}"
        if of == "events":
            return f"WITH {peer.found(shop)} SELECT {keys}, {figures} FROM turns WHERE {within('waiting_since')} GROUP BY 1"
        return f"SELECT {keys}, {figures} FROM turns {joined} WHERE turns.shop = {shop} AND {within('waiting_since')} GROUP BY 1"

    if name == "waiting_by_day":
        return waits(f"{peer.day('waiting_since', zone)} AS day")
    if name == "waiting_by_hour":
        return waits(f"{peer.hour('waiting_since', zone)} AS hour")
    if of == "events":
        return None
    if name == "waiting_by_category":
        joined = f"LEFT JOIN ({peer.standing.format(shop=shop)}) standing ON standing.conversation = turns.conversation"
        return waits("coalesce(standing.category, 'untagged') AS category", joined)
    if name == "volume_by_day":
        return f"""SELECT {peer.day('occurred_at', zone)} AS day, sender_role AS role, count(*) AS messages FROM events
            WHERE shop = {shop} AND kind = 'message' AND {within('occurred_at')} GROUP BY 1, 2"""
    if name == "categories_by_day":
        return f"""SELECT {peer.day('occurred_at', zone)} AS day, category, {peer.distinct} AS conversations FROM tags
            WHERE shop = {shop} AND tagged AND {within('occurred_at')} GROUP BY 1, 2"""
    if name == "first_response_by_day":
        percentiles = peer.percentiles("frt_total_ms", {"total_median_s": 0.5, "total_p90_s": 0.9})
        return f"""SELECT {peer.day('started_at', zone)} AS day, {percentiles}, {peer.count('frt_total_ms')} FROM episodes
            WHERE shop = {shop} AND {within('started_at')} GROUP BY 1"""
    return None


def main():
    kind, folder, shop, from_, to, zone = sys.argv[1:]
    try:
        peer = {"duckdb": DuckDb, "clickhouse": ClickHouse}[kind](os.path.abspath(folder))
    except ImportError as missing:
        print(missing, file=sys.stderr)
        return
    say({"version": peer.version})
    for line in sys.stdin:
        asked = json.loads(line)
        sql = question(peer, asked["question"], asked["of"], shop, asked.get("from", from_), to, zone)
        if sql is None:
            say({"rows": None})
            continue
        rows, times = peer.rows(sql), []
        for _ in range(TIMES_ASKED):
            started = time.monotonic()
            peer.rows(sql)
            times.append((time.monotonic() - started) * 1000)
        say({"rows": rows, "ms": statistics.median(times)})


def say(answer):
    print(json.dumps(answer, default=str), flush=True)


main()
