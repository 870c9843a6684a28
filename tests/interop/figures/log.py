"""The log's clock: a record of any conversation ends what has gone idle before it was received, then enters its own."""

import heapq

from conversation import Conversation
from records import Record
from rules import Rules

# Most episodes that one record closes.
CLOSED_BY_ONE = 8_192
TABLES = ("turns", "episodes", "stints", "ratings")


class Log:
    def __init__(self) -> None:
        self.rules: dict[str, Rules] = {}
        self.conversations: dict[tuple[str, str], Conversation] = {}
        # (deadline, offset of the last activity, conversation); what is no longer so is passed over.
        self.deadlines: list[tuple[int, int, tuple[str, str]]] = []

    def rules_of(self, shop: str) -> Rules:
        return self.rules.setdefault(shop, Rules())

    def take(self, record: Record) -> None:
        key = (record.shop, record.conversation)
        own = self.conversations.get(key)
        if own and own.episode and own.idle_deadline() < record.received_at:
            own.go_idle(record, self.rules_of(record.shop))
        self.close_idle(record)
        if record.kind == "rules":
            self.rules[record.shop] = self.rules_of(record.shop).changed_by(record.data)
        if record.conversation.startswith("@"):
            return
        conversation = self.conversations.setdefault(key, Conversation(*key))
        conversation.take(record, self.rules_of(record.shop))
        if conversation.episode:
            heapq.heappush(self.deadlines, (conversation.idle_deadline(), conversation.activity.offset, key))

    def close_idle(self, record: Record) -> None:
        closed = 0
        while self.deadlines and self.deadlines[0][0] < record.received_at and closed < CLOSED_BY_ONE:
            deadline, activity, key = heapq.heappop(self.deadlines)
            conversation = self.conversations[key]
            if conversation.episode and conversation.activity.offset == activity:
                conversation.go_idle(record, self.rules_of(key[0]))
                closed += 1

    def rows(self, shop: str) -> dict[str, list[dict]]:
        """The rows of one shop, those of what goes on included."""
        rows = {table: [] for table in TABLES}
        for (of_shop, _), conversation in self.conversations.items():
            if of_shop == shop:
                conversation.open_rows(self.rules_of(shop))
                for table in TABLES:
                    rows[table] += conversation.rows[table]
        return rows


def folded(records: list[Record], shop: str) -> dict[str, list[dict]]:
    """The rows of this shop. The records are those of all shops of the log, since each moves its clock."""
    log = Log()
    for record in records:
        log.take(record)
    return log.rows(shop)
