"""What `verbatim export events --format jsonl` wrote, as records: times as microseconds since 1970, in the order of the log."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
US = timedelta(microseconds=1)


@dataclass
class Record:
    """One record, with those of its fields that some figure asks for."""

    offset: int
    received_at: int
    occurred_at: int
    imported: bool
    # Whether its own time is known: live chat has that of receipt, a transcript its own or none.
    timed: bool
    shop: str
    conversation: str
    kind: str
    sender: str
    role: str
    automatic: bool
    public: bool
    assignee: str | None
    category: str | None
    rating: int | None
    customer: str | None
    order: str | None
    channel: str | None
    language: str | None
    data: dict = field(default_factory=dict)

    @property
    def typed(self) -> bool:
        """A public message that somebody typed."""
        return self.kind == "message" and self.public and not self.automatic

    @property
    def is_reply(self) -> bool:
        return self.typed and self.role == "human"

    @property
    def is_activity(self) -> bool:
        return self.typed or self.kind in ("open", "handoff", "reopen")


def time_us(text: str | None) -> int | None:
    return None if text is None else (datetime.fromisoformat(text) - EPOCH) // US


def record_of(row: dict) -> Record:
    data = row.get("data")
    return Record(
        offset=row["offset"],
        received_at=time_us(row["received_at"]),
        occurred_at=time_us(row["occurred_at"]),
        imported=row["origin"] == "imported",
        timed=row["origin"] == "live" or row.get("sent_at") is not None,
        shop=row["shop"],
        conversation=row["conversation"],
        kind=row["kind"],
        sender=row["sender_id"],
        role=row["sender_role"],
        automatic=row["automatic"],
        public=row["visibility"] == "public",
        assignee=row.get("assignee"),
        category=row.get("category"),
        rating=row.get("rating"),
        customer=row.get("customer"),
        order=row.get("order"),
        channel=row.get("channel"),
        language=row.get("language"),
        data=json.loads(data) if isinstance(data, str) and row["kind"] in ("rules", "tag") else {},
    )


def read(paths: list[Path]) -> list[Record]:
    """The records of several shops' exports, together in the order of the log."""
    records = []
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            records += [record_of(json.loads(line)) for line in lines]
    return sorted(records, key=lambda record: record.offset)
