"""What a shop decided: its records of kind `rules`, folded in their order. Each is a version, from 1 on."""

import copy
from dataclasses import dataclass, field

from hours import Hours

HOUR_US = 3_600_000_000
IDLE_HOURS = 24


@dataclass
class Rules:
    version: int = 0
    idle_us: int = IDLE_HOURS * HOUR_US
    hours: Hours | None = None
    team_hours: dict[str, Hours] = field(default_factory=dict)
    team_of_agent: dict[str, str] = field(default_factory=dict)
    sla: dict = field(default_factory=dict)
    schedule_changed: int | None = None

    def changed_by(self, change: dict) -> "Rules":
        """The next version. What a record does not name stays; `null` takes back."""
        rules = copy.copy(self)
        rules.version += 1
        if "idle_hours" in change:
            rules.idle_us = (change["idle_hours"] or IDLE_HOURS) * HOUR_US
        if "hours" in change:
            rules.hours = Hours(change["hours"]) if change["hours"] else None
        if "team_hours" in change:
            rules.team_hours = {team: Hours(written) for team, written in (change["team_hours"] or {}).items()}
        if "teams" in change:
            teams = (change["teams"] or {}).items()
            rules.team_of_agent = {agent: team for team, agents in teams for agent in agents}
        if "sla" in change:
            rules.sla = change["sla"] or {}
        if change.keys() & {"hours", "team_hours", "teams"}:
            rules.schedule_changed = rules.version
        return rules

    def team(self, agent: str | None) -> str | None:
        return self.team_of_agent.get(agent)

    def hours_of(self, team: str | None) -> Hours | None:
        """Those of the team, else of the shop."""
        return self.team_hours.get(team, self.hours)

    def business_ms(self, start: int, end: int, team: str | None) -> int | None:
        hours = self.hours_of(team)
        open_us = hours.open_us(start, end) if hours else None
        return None if open_us is None else open_us // 1_000

    def schedule_version(self, team: str | None) -> int | None:
        return self.schedule_changed if self.hours_of(team) else None

    def due_at(self, target: str, start: int, team: str | None) -> int | None:
        """When what began at `start` is due; None where the policy names no such target, or there are no hours to count it by."""
        seconds = self.sla.get(f"{target}_s")
        if seconds is None:
            return None
        if self.sla.get("clock", "calendar") == "calendar":
            return start + seconds * 1_000_000
        hours = self.hours_of(team)
        return hours.due(start, seconds * 1_000_000) if hours else None
