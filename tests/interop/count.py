"""Counts a Delta table's rows with deltalake and with DuckDB; exits 1 unless both equal the number given."""

import sys

import duckdb
from deltalake import DeltaTable


def duckdb_count(root: str, table: DeltaTable) -> tuple[str, int]:
    """DuckDB's own Delta reader where its extension can be installed, else its Parquet reader over the live files."""
    connection = duckdb.connect()
    try:
        connection.execute("INSTALL delta; LOAD delta;")
        rows = connection.execute("SELECT count(*) FROM delta_scan(?)", [root]).fetchone()[0]
        return "delta_scan", rows
    except duckdb.Error:
        files = table.file_uris()
        rows = connection.execute("SELECT count(*) FROM read_parquet(?)", [files]).fetchone()[0] if files else 0
        return "read_parquet over the table's live files", rows


def main() -> int:
    root, expected = sys.argv[1], int(sys.argv[2])
    table = DeltaTable(root)
    by_deltalake = table.to_pyarrow_dataset().count_rows()
    reader, by_duckdb = duckdb_count(root, table)
    name = root.rsplit("/", 1)[-1]
    print(f"{name}: verbatim {expected}, deltalake {by_deltalake}, duckdb {by_duckdb} ({reader})")
    return 0 if by_deltalake == by_duckdb == expected else 1


if __name__ == "__main__":
    sys.exit(main())
