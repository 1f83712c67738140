"""What a team has spent, for a pipeline: no daemon, no membership, and nothing is written."""

from __future__ import annotations

import time
from typing import Any

from msgspec import Struct

from tokenguard.cli.team.databases import way_to_admin
from tokenguard.cli.team.here import find_here, with_team
from tokenguard.policy import money
from tokenguard.records import Unit


class Spent(Struct, frozen=True):
    """A limit of the team in the window that runs, in nanodollars."""

    team: str
    name: str
    limit: int
    spent: int
    held: int
    presumed: int

    @property
    def used_up(self) -> bool:
        """Whether it is at its limit, or over it."""
        return self.spent >= self.limit

    def sentence(self) -> str:
        """`team:web/month: $205.00 of $500.00, 41%`."""
        spent, limit = money.usd(self.spent), money.limit(self.limit, Unit.USD)
        used = "used up" if self.used_up else f"{money.percent(self.spent, self.limit)}%"
        return f"team:{self.team}/{self.name}: {spent} of {limit}, {used}"

    def as_json(self) -> dict[str, Any]:
        """Every field, and whether it is used up."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return {**fields, "used_up": self.used_up}


def spent_by_team(login: str) -> list[Spent]:
    """The limits of the team that is checked out. Trust is not asked for: whoever checks named the repository.

    Raises `UsageError` if there is no team, and `TeamError` if it cannot be read.
    """
    here = find_here()
    policy = with_team(here)
    if policy.backend == "postgres":
        admin, dsn = way_to_admin(policy, login)
        return [
            Spent(policy.name, one.budget.name, one.budget.limit, one.spent, one.held, one.presumed)
            for one in admin.totals(dsn, policy.name)
        ]
    from tokenguard.team.gitrefs.looking import look

    heard = look(policy, here.worktree, time.time_ns() // 1000)
    return [
        Spent(policy.name, one.budget.name, one.budget.limit, one.others, one.held, one.presumed)
        for one in heard.shares
    ]
