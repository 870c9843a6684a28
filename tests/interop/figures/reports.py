"""What the named queries answer, from the rows of this folder: each report is a function from rows to rows, named as the query is.

Figures are not rounded here; a comparison allows for the rounding of the other side and for nothing else.
"""

from collections import defaultdict

from asked import DAY_US, Asked, counted, grouped, mean, percentiles, share
from report_places import agents, backlog_at, backlog_by_day, queue_by_day, sla_by_day, sla_open
from report_waits import (
    business_by_day,
    customers_answered_by_day,
    longest_waits,
    waiting_by_agent,
    waiting_by_category,
    waiting_by_day,
    waiting_by_hour,
    waiting_by_weekday,
    waiting_now,
    waits_histogram,
    weekday_and_hour,
    within_seconds_by_day,
)


def first_response_by_day(asked: Asked) -> list[dict]:
    answer = []
    for day, episodes in grouped(asked.first_replies(), lambda episode: asked.day(episode["started_at"])).items():
        total, human, bot = ([episode[f"frt_{name}_ms"] for episode in episodes] for name in ("total", "human", "bot"))
        why = [no_first_reply(episode) for episode in episodes]
        answer.append(
            {
                "day": day,
                **percentiles(total, "total_median_s", "total_p90_s"),
                **percentiles(human, "human_median_s", "human_p90_s"),
                **percentiles(bot, "bot_median_s"),
                "n": counted(total),
                "n_human": counted(human),
                "n_bot": counted(bot),
                **{name: why.count(name) for name in ("n_pending", "n_abandoned", "answered_by_bot", "n_excluded")},
            }
        )
    return answer


def no_first_reply(episode: dict) -> str | None:
    """Why an episode has no first reply of a human."""
    if episode["frt_total_ms"] is not None:
        return None
    if episode["frt_excluded"] not in (None, "no_reply"):
        return "n_excluded"
    if episode["abandoned"]:
        return "n_abandoned"
    if episode["frt_excluded"] == "no_reply" and episode["first_bot_at"] and not episode["unanswered"]:
        return "answered_by_bot"
    return "n_excluded" if episode["frt_excluded"] else "n_pending"


def resolution_by_day(asked: Asked, by: str = "start") -> list[dict]:
    column = {"start": "started_at", "end": "ended_at"}[by]
    answer = []
    for day, episodes in grouped(asked.of("episodes", column), lambda episode: asked.day(episode[column])).items():
        total, human, business = (
            [episode[name] for episode in episodes]
            for name in ("episode_resolution_ms", "resolution_human_ms", "episode_resolution_business_ms")
        )
        answer.append(
            {
                "day": day,
                **percentiles(total, "median_s", "p90_s"),
                **percentiles(human, "human_median_s", "human_p90_s"),
                **percentiles(business, "business_median_s"),
                "n": counted(total),
                "n_human": counted(human),
                "n_business": counted(business),
                "n_pending": sum(episode["ended_at"] is None for episode in episodes),
                "n_abandoned": sum(episode["abandoned"] for episode in episodes),
                "n_excluded": sum(
                    episode["ended_at"] is not None and episode["episode_resolution_ms"] is None and not episode["abandoned"]
                    for episode in episodes
                ),
            }
        )
    return answer


def volume_by_day(asked: Asked) -> list[dict]:
    groups = defaultdict(int)
    for record in asked.messages():
        groups[(asked.day(record.occurred_at), record.role)] += 1
    return [{"day": day, "role": role, "messages": count} for (day, role), count in groups.items()]


def volume_by_weekday(asked: Asked) -> list[dict]:
    groups = defaultdict(int)
    for record in asked.messages():
        if record.role == "customer":
            groups[weekday_and_hour(asked, record.occurred_at)] += 1
    return [{"weekday": weekday, "hour": hour, "messages": count} for (weekday, hour), count in groups.items()]


def categories_by_day(asked: Asked) -> list[dict]:
    groups = defaultdict(lambda: defaultdict(lambda: True))
    for record in asked.records:
        if record.kind == "tag" and record.timed and asked.start <= record.occurred_at < asked.end:
            group = groups[(asked.day(record.occurred_at), record.category)]
            group[record.conversation] = group[record.conversation] and record.automatic
    return [
        {"day": day, "category": category, "conversations": len(group), "automatic": sum(group.values())}
        for (day, category), group in groups.items()
    ]


def bot_handoffs(asked: Asked) -> list[dict]:
    answer = []
    for day, episodes in grouped(with_bot(asked.episodes()), lambda episode: asked.day(episode["started_at"])).items():
        became = [became_of(episode) for episode in episodes]
        names = ("handed_off_answered", "handed_off_unanswered", "joined", "contained", "n_pending")
        answer.append(
            {
                "day": day,
                "n": len(episodes),
                **{name: became.count(name) for name in names},
                "handoff_rate": share(sum(episode["handoffs"] > 0 for episode in episodes), len(episodes)),
            }
        )
    return answer


def with_bot(episodes: list[dict]) -> list[dict]:
    """Those of transcripts without times are of no day."""
    return [episode for episode in episodes if episode["bot_messages"] and episode["timed"]]


def became_of(episode: dict) -> str:
    if episode["human_messages"]:
        return "handed_off_answered" if episode["handoffs"] else "joined"
    if episode["ended_at"] is None:
        return "n_pending"
    return "handed_off_unanswered" if episode["handoffs"] else "contained"


def containment_by_day(asked: Asked, days: int = 7) -> list[dict]:
    begun = defaultdict(list)
    for episode in asked.whole["episodes"]:
        if episode["timed"]:
            begun[episode["customer"]].append(episode["started_at"])
    answer = []
    ended = with_bot(asked.of("episodes", "ended_at"))
    for day, episodes in grouped(ended, lambda episode: asked.day(episode["ended_at"])).items():
        naive = [episode for episode in episodes if not episode["human_messages"] and not episode["handoffs"]]
        net = [episode for episode in naive if not episode["unanswered"] and episode["rating"] not in (1, 2)]
        known = lambda episode: begun[episode["customer"]] if episode["customer"] else []
        durable = [episode for episode in net if not came_back(known(episode), episode["ended_at"], days)]
        answer.append(
            {
                "day": day,
                "contained_naive_rate": share(len(naive), len(episodes)),
                "contained_net_rate": share(len(net), len(episodes)),
                "contained_durable_rate": share(len(durable), len(episodes)),
                "n": len(episodes),
                "contained_naive": len(naive),
                "contained_net": len(net),
                "contained_durable": len(durable),
                "n_durable": len(episodes),
            }
        )
    return answer


def came_back(starts: list[int], since: int, days: int) -> bool:
    return any(since < start <= since + days * DAY_US for start in starts)


def csat(ratings: list[dict]) -> dict:
    satisfied = sum(rating["rating"] >= 4 for rating in ratings)
    return {"csat_rate": share(satisfied, len(ratings)), "satisfied": satisfied, "ratings": len(ratings)}


def csat_by_agent(asked: Asked) -> list[dict]:
    ratings = [rating for rating in asked.of("ratings", "occurred_at") if rating["kind"] == "rating"]
    return [
        {"agent": agent, **csat(rated), "mean_rating": mean([rating["rating"] for rating in rated])}
        for agent, rated in grouped(ratings, lambda rating: rating["agent"]).items()
    ]


def csat_by_day(asked: Asked) -> list[dict]:
    answered = {
        (row["conversation"], row["requested_offset"]) for row in asked.whole["ratings"] if row["requested_at"] is not None
    }
    answer = []
    for day, rows in grouped(asked.of("ratings", "occurred_at"), lambda row: asked.day(row["occurred_at"])).items():
        requests = [row for row in rows if row["kind"] == "request"]
        responses = sum((row["conversation"], row["offset"]) in answered for row in requests)
        answer.append(
            {
                "day": day,
                **csat([row for row in rows if row["kind"] == "rating"]),
                "response_rate": share(responses, len(requests)),
                "responses": responses,
                "requests": len(requests),
            }
        )
    return answer


def reopen_rate_by_day(asked: Asked, days: int = 7) -> list[dict]:
    # Where clocks do not say how long after the resolve it was, it was not within some days.
    later = {}
    for episode in asked.whole["episodes"]:
        if episode["since_resolve_ms"] is not None:
            later[(episode["conversation"], episode["episode"] - 1)] = episode["since_resolve_ms"]
    resolved = [episode for episode in asked.of("episodes", "ended_at") if episode["ended_by"] == "resolve" and episode["timed"]]
    answer = []
    for day, episodes in grouped(resolved, lambda episode: asked.day(episode["ended_at"])).items():
        gaps = [later.get((episode["conversation"], episode["episode"])) for episode in episodes]
        reopened = sum(gap is not None and gap * 1000 <= days * DAY_US for gap in gaps)
        answer.append(
            {"day": day, "reopen_rate": share(reopened, len(episodes)), "reopened": reopened, "n": len(episodes), "n_pending": 0}
        )
    return answer


def summary(asked: Asked) -> list[dict]:
    times = [wait["nrt_ms"] for wait in asked.waits()]
    first = [episode["frt_total_ms"] for episode in asked.first_replies()]
    open_waits = [wait["waiting_since"] for wait in asked.rows["turns"] if wait["outcome"] == "open" and not wait["excluded"]]
    of_bots = with_bot(asked.episodes())
    return [
        {
            **percentiles(times, "median_wait_s", "p90_wait_s"),
            **percentiles(first, "first_response_median_s"),
            "first_responses": counted(first),
            "replies": counted(times),
            "waiting_now": len(open_waits),
            "oldest_wait_s": (asked.now - min(open_waits)) / 1_000_000 if open_waits else None,
            "conversations": len({episode["conversation"] for episode in asked.first_replies() if episode["timed"]}),
            "messages": len(asked.messages()),
            "handoff_rate": share(sum(episode["handoffs"] > 0 for episode in of_bots), len(of_bots)),
        }
    ]


def categories(asked: Asked) -> list[dict]:
    of_each = grouped([row for row in asked.whole["episodes"] if row["timed"]], lambda episode: episode["conversation"])
    first = {name: min(episodes, key=lambda episode: episode["episode"])["started_at"] for name, episodes in of_each.items()}
    begun = [name for name in {row["conversation"] for row in asked.rows["episodes"]} & first.keys() if asked.start <= first[name] < asked.end]
    standing, groups = asked.categories(), defaultdict(list)
    for conversation in begun:
        for category, is_automatic in (standing[conversation] or {"untagged": False}).items():
            groups[category].append(is_automatic)
    return [
        {"category": category, "conversations": len(given), "automatic": sum(given)} for category, given in groups.items()
    ]


REPORTS = {
    function.__name__: function
    for function in (
        agents, backlog_at, backlog_by_day, bot_handoffs, business_by_day, categories, categories_by_day, containment_by_day, csat_by_agent, csat_by_day,
        customers_answered_by_day, first_response_by_day, longest_waits, queue_by_day, reopen_rate_by_day, resolution_by_day, sla_by_day,
        sla_open, summary, volume_by_day, volume_by_weekday, waiting_by_agent, waiting_by_category, waiting_by_day, waiting_by_hour, waiting_by_weekday,
        waiting_now, waits_histogram, within_seconds_by_day,
    )
}  # fmt: skip
