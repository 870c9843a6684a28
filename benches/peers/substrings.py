#!/usr/bin/env python3
"""What `cargo bench --bench search` measures verbatim beside: substrings in SQLite FTS5 (trigram) and in PostgreSQL
(pg_trgm), on the same texts.

    substrings.py sqlite|postgres TEXTS.ndjson DIR

Builds the index from lines `[number, at, text]` and says `{"seconds", "bytes"}`. Then for each question on stdin,
`{"pieces": [...], "range": [from, to] | null}`, it says `{"total", "newest", "ms"}`: how many texts hold all pieces, and
the number of the newest. The newest twenty are fetched, as a page of results would need them. It ends with its stdin.

A trigram index knows nothing of one or two characters: SQLite then answers `LIKE` by reading all texts, PostgreSQL by its own
choice. A question that takes longer than TIME_MAX is given up and counts as found nothing.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

TIME_MAX = 20.0


class Sqlite:
    """One table of texts, and an FTS5 index of trigrams over it."""

    def __init__(self, texts, folder):
        import sqlite3

        self.path = os.path.join(folder, "texts.db")
        self.db = sqlite3.connect(self.path)
        self.db.execute("PRAGMA journal_mode = OFF")
        self.db.execute("PRAGMA cache_size = -1000000")
        self.db.execute("CREATE TABLE texts (number INTEGER PRIMARY KEY, at INTEGER, text TEXT)")
        self.db.executemany("INSERT INTO texts VALUES (?, ?, ?)", rows(texts))
        self.db.execute("CREATE VIRTUAL TABLE words USING fts5(text, content = 'texts', content_rowid = 'number', tokenize = 'trigram')")
        self.db.execute("INSERT INTO words (words) VALUES ('rebuild')")
        self.db.execute("INSERT INTO words (words) VALUES ('optimize')")
        self.db.execute("CREATE INDEX texts_at ON texts (at)")
        self.db.commit()

    def size(self):
        return os.path.getsize(self.path)

    def ask(self, pieces, range_):
        ends = time.monotonic() + TIME_MAX
        self.db.set_progress_handler(lambda: int(time.monotonic() > ends), 100_000)
        if all(len(piece) >= 3 for piece in pieces):
            found = "number IN (SELECT rowid FROM words WHERE words MATCH ?)"
            values = [" AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)]
        else:
            found = " AND ".join(["text LIKE ? ESCAPE '\\'"] * len(pieces))
            values = [like(piece) for piece in pieces]
        if range_:
            found += " AND at >= ? AND at < ?"
            values += range_
        total = self.db.execute(f"SELECT count(*) FROM texts WHERE {found}", values).fetchone()[0]
        newest = self.db.execute(
            f"SELECT number, text FROM texts WHERE {found} ORDER BY at DESC, number DESC LIMIT 20", values
        ).fetchall()
        return total, newest[0][0] if newest else None

    def close(self):
        self.db.close()


class Postgres:
    """One table of texts with a GIN index of trigrams, in a server of its own that ends with it."""

    def __init__(self, texts, _):
        import psycopg

        programs = "/usr/lib/postgresql"
        self.bin = os.path.join(programs, sorted(os.listdir(programs))[-1], "bin")
        # PostgreSQL does not run as root, and another user may not look into our folders.
        self.owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        folder = self.folder = tempfile.mkdtemp(prefix="verbatim-peer-")
        if self.owner:
            os.chown(folder, self.owner.pw_uid, self.owner.pw_gid)
        self.data = os.path.join(folder, "data")
        self.run("initdb", "-D", self.data, "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres")
        settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c shared_buffers=2GB -c maintenance_work_mem=2GB \
            -c max_wal_size=8GB"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(folder, "log"), "-o", settings, "start")
        self.db = psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True)
        self.db.execute("CREATE EXTENSION pg_trgm")
        self.db.execute("CREATE TABLE texts (number bigint PRIMARY KEY, at bigint, text text)")
        with self.db.cursor().copy("COPY texts FROM STDIN") as copy:
            for row in rows(texts):
                copy.write_row(row)
        self.db.execute("CREATE INDEX ON texts USING gin (text gin_trgm_ops)")
        self.db.execute("CREATE INDEX ON texts (at)")
        self.db.execute("VACUUM ANALYZE texts")
        self.db.execute(f"SET statement_timeout = {int(TIME_MAX * 1000)}")

    def run(self, program, *arguments):
        user = {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []} if self.owner else {}
        command = [os.path.join(self.bin, program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **user)

    def size(self):
        return self.db.execute("SELECT pg_total_relation_size('texts')").fetchone()[0]

    def ask(self, pieces, range_):
        found = " AND ".join(["text ILIKE %s"] * len(pieces))
        values = [like(piece) for piece in pieces]
        if range_:
            found += " AND at >= %s AND at < %s"
            values += range_
        total = self.db.execute(f"SELECT count(*) FROM texts WHERE {found}", values).fetchone()[0]
        newest = self.db.execute(
            f"SELECT number, text FROM texts WHERE {found} ORDER BY at DESC, number DESC LIMIT 20", values
        ).fetchall()
        return total, newest[0][0] if newest else None

    def close(self):
        self.db.close()
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)


def rows(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def like(piece):
    for special in "\\%_":
        piece = piece.replace(special, "\\" + special)
    return f"%{piece}%"


def main():
    kind, texts, folder = sys.argv[1:]
    started = time.monotonic()
    try:
        peer = {"sqlite": Sqlite, "postgres": Postgres}[kind](texts, os.path.abspath(folder))
    except (ImportError, FileNotFoundError) as missing:
        print(missing, file=sys.stderr)
        return
    try:
        say({"seconds": time.monotonic() - started, "bytes": peer.size()})
        for line in sys.stdin:
            question = json.loads(line)
            started = time.monotonic()
            try:
                total, newest = peer.ask(question["pieces"], question["range"])
            except Exception as error:  # Out of time, in the words of either library.
                print(error, file=sys.stderr)
                total, newest = 0, None
            say({"total": total, "newest": newest, "ms": (time.monotonic() - started) * 1000})
    finally:
        peer.close()


def say(answer):
    print(json.dumps(answer), flush=True)


main()
