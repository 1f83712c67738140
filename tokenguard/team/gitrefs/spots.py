"""What a state says of one budget in one period."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.rights import Cells, Holding
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.gitrefs.memory import State
from tokenguard.team.gitrefs.periods import Periods, periods_at
from tokenguard.team.shape import Demand, Taken

Spot = tuple[str, str]
"""A budget and a period."""


class Facts(Struct, frozen=True):
    """What this machine knows besides its state, at the beginning of a turn."""

    policy: TeamPolicy
    now_us: int
    taken: Mapping[Spot, Taken] = {}
    demand: Mapping[str, Demand] = {}
    told: Mapping[Spot, int] = {}
    """What this machine's calls are admitted by until they are told otherwise."""
    looked: bool = True
    """False where `taken` is the most that it can be, and not what the books say."""

    def periods(self, budget: TeamBudget) -> Periods:
        """At this moment."""
        return periods_at(budget, self.now_us)


def holding_of(state: State, spot: Spot) -> Holding | None:
    """What this machine has in a period; None: it has no place for it."""
    return state.holdings.get(spot[0], {}).get(spot[1])


def with_holding(state: State, spot: Spot, holding: Holding) -> State:
    """With another holding in a period."""
    periods = {**state.holdings[spot[0]], spot[1]: holding}
    return replace(state, holdings={**state.holdings, spot[0]: periods})


def rivals(state: State, spot: Spot) -> list[str]:
    """Who else claims to be the treasurer of a period: with another policy it may be, so that nobody else begins it."""
    return sorted(who for who, cells in others(state, spot).items() if cells.allot)


def givers(state: State, spot: Spot) -> dict[str, Cells]:
    """What the treasurers say from whom rights are taken: those that the policy named, and that kept to their word."""
    return {
        who: cells
        for who, cells in others(state, spot).items()
        if who in state.treasurers and spot not in state.seen[who].doubted
    }


def others(state: State, spot: Spot) -> dict[str, Cells]:
    """What everybody else says of a period."""
    found = {who: seen.budgets.get(spot[0], {}).get(spot[1]) for who, seen in state.seen.items()}
    return {who: cells for who, cells in found.items() if cells is not None}


def limit_for(state: State, budget: TeamBudget, period: str) -> int:
    """What the treasurer stands for: the policy's limit, and what was changed in this period."""
    spot = budget.name, period
    return max(0, budget.limit + sum(c.amount for c in state.changes if (c.budget, c.period) == spot))
