#!/usr/bin/env python3
"""Takes up what `verbatim export TABLE --state FILE --out DIR --format jsonl` left, into a table of SQLite.

    take_up.py DIR TABLE DATABASE

Each run of the export is a manifest. They are taken in order of their names, each once and as a whole: its files are compared with
their hashes, the rows of the conversations that it replaces are deleted, its own are inserted. What has no manifest is no export.
"""

import csv
import hashlib
import io
import json
import sqlite3
import sys
from pathlib import Path


def main() -> int:
    folder, table, database = Path(sys.argv[1]), sys.argv[2], sqlite3.connect(sys.argv[3])
    database.execute("CREATE TABLE IF NOT EXISTS taken (manifest TEXT PRIMARY KEY)")
    database.execute(f'CREATE TABLE IF NOT EXISTS "{table}" (conversation TEXT NOT NULL, row TEXT NOT NULL)')
    database.execute(f'CREATE INDEX IF NOT EXISTS "{table}_by_conversation" ON "{table}" (conversation)')
    for path in sorted(folder.glob(f"{table}-v*.manifest.json")):
        if database.execute("SELECT 1 FROM taken WHERE manifest = ?", (path.name,)).fetchone():
            continue
        manifest = json.loads(path.read_text(encoding="utf-8"))
        with database:
            if manifest["asked"].get("after") is None:
                # The first run, and one after the meaning of figures has changed, has all rows.
                database.execute(f'DELETE FROM "{table}"')
            if replaced := manifest.get("replaced"):
                _, *names = csv.reader(io.StringIO(whole(folder, replaced).decode(), newline=""))
                database.executemany(f'DELETE FROM "{table}" WHERE conversation = ?', names)
            for file in manifest["files"]:
                rows = (line for line in whole(folder, file).decode().split("\n") if line)
                database.executemany(f'INSERT INTO "{table}" VALUES (?, ?)', ((json.loads(row)["conversation"], row) for row in rows))
            database.execute("INSERT INTO taken VALUES (?)", (path.name,))
        print(f"{path.name}: {manifest['rows']} rows")
    return 0


def whole(folder: Path, file: dict) -> bytes:
    """A file's bytes, which must be those that were written."""
    content = (folder / file["name"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != file["sha256"]:
        sys.exit(f"`{file['name']}` is not what its manifest says")
    return content


if __name__ == "__main__":
    sys.exit(main())
