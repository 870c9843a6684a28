"""Lies that the comparison must find: one figure of one row changed, a row taken away, a row twice, a row of nobody's."""

import copy

from compare import Comparison


def all_found(exported: dict[str, list[dict]], ours: dict[str, list[dict]]) -> bool:
    """Tells each lie about one row of each table, and says which were believed."""
    told, believed = 0, []
    truth = differences(exported, ours)
    for table, rows in exported.items():
        if not rows:
            continue
        for what, lie in lies(table, rows):
            told += 1
            if differences({**exported, table: lie}, ours) == truth:
                believed.append(what)
    print(f"  {told} lies told, {len(believed)} believed{': ' if believed else ''}{', '.join(believed)}")
    return told > 0 and not believed


def differences(exported: dict[str, list[dict]], ours: dict[str, list[dict]]) -> dict[str, int]:
    comparison = Comparison(quiet=True)
    comparison.tables(exported, ours)
    return comparison.differences


def lies(table: str, rows: list[dict]):
    row = max(rows, key=len)
    others = [other for other in rows if other is not row]
    for name, value in row.items():
        lie = copy.copy(row)
        lie[name] = other_than(value)
        yield f"{table}.{name}", [*others, lie]
    yield f"{table}: a row less", others
    yield f"{table}: a row twice", [*rows, row]


def other_than(value):
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value + "x"
        case list():
            return [*value, "x"]
        case _:
            return 1
