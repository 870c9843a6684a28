"""What SQLAlchemy and psycopg make of the Postgres wire. Arguments: host, port, user; the token is in PGPASSWORD."""
import datetime
import os
import sys

import psycopg
import sqlalchemy
from sqlalchemy import text

host, port, user = sys.argv[1:4]
token = os.environ["PGPASSWORD"]

for driver in ("psycopg", "psycopg2"):
    url = sqlalchemy.URL.create(f"postgresql+{driver}", user, token, host, int(port), "verbatim")
    engine = sqlalchemy.create_engine(url)
    inspector = sqlalchemy.inspect(engine)
    tables, views = inspector.get_table_names(), inspector.get_view_names()
    assert {"events", "turns", "episodes"} <= set(tables), tables
    assert "columns" not in tables, "those of information_schema are shown"
    assert {"messages", "conversations"} <= set(views), views
    columns = {column["name"]: str(column["type"]) for column in inspector.get_columns("turns")}
    assert columns["nrt_ms"] == "BIGINT" and columns["waiting_since"] == "TIMESTAMP", columns
    assert inspector.has_table("turns") and not inspector.has_table("nope")
    assert inspector.get_pk_constraint("turns")["constrained_columns"] == []
    assert inspector.get_foreign_keys("turns") == [] and inspector.get_indexes("turns") == []
    with engine.connect() as connection:
        # What Superset asks to test a connection.
        assert connection.execute(text("SELECT 1")).scalar() == 1
        count = connection.execute(
            text("SELECT count(*) FROM messages WHERE occurred_at > :since AND sender_role = :role"),
            {"since": datetime.datetime(2001, 1, 1), "role": "customer"},
        ).scalar()
        assert count > 0, count
        row = connection.execute(text("SELECT waiting_since, nrt_ms, local_day(waiting_since, 'UTC') FROM turns WHERE nrt_ms IS NOT NULL LIMIT 1")).one()
        assert row[0].tzinfo is not None and isinstance(row[1], int) and isinstance(row[2], datetime.date), row
    print(f"SQLAlchemy with {driver}: {len(tables)} tables, {len(views)} views, {count} messages of customers")

with psycopg.connect(host=host, port=port, user=user, password=token, dbname="verbatim") as connection:
    with connection.cursor(name="many") as cursor:
        cursor.itersize = 700
        cursor.execute("SELECT value FROM generate_series(1, 20000) WHERE value <= %s ORDER BY value", (10_000,))
        assert [row[0] for row in cursor] == list(range(1, 10_001))
    rows = connection.execute("SELECT count(*) FROM messages WHERE sender_role = ANY(%s)", (["customer", "human"],)).fetchone()
    assert rows[0] > 0
    attachments = connection.execute("SELECT attachments FROM messages WHERE attachments IS NOT NULL LIMIT 1").fetchone()
    assert attachments is None or isinstance(attachments[0], list), attachments
    try:
        connection.execute("DROP TABLE events")
        raise AssertionError("it was dropped")
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.rollback()
    with connection.cursor() as cursor, cursor.copy("COPY (SELECT 1, 'a') TO STDOUT") as copy:
        assert b"".join(copy) == b"1\ta\n"
print("psycopg: cursors, lists, JSON, copies")
