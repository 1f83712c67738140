"""How hooks take budgets: when they speak, and when they stop something; and which budgets they can speak of."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.policy.budgets import LEVELS, TEAM
from tokenguard.records import Budget

REACTIONS = ("off", "warn", "block")
"""What a hook can do, least first."""

_SCOPES = frozenset({"global", "user", TEAM, "repo", "branch"})


class Reaction(Struct, frozen=True):
    """How hooks take budgets; levels are of `LEVELS`."""

    commit: str = "warn"
    push: str = "warn"
    warn_at: str = "soft"
    """The level from which on they speak, and `block_at` that from which on they stop what they may stop."""
    block_at: str = "hard"


class Reactions(Struct, frozen=True):
    """How they take the user's own budgets, and those of a team."""

    own: Reaction = Reaction()
    team: Reaction = Reaction()

    def to(self, budget: Budget) -> Reaction:
        """The one that a budget meets."""
        return self.team if budget.scope == TEAM else self.own


def tightened(mine: Reaction, theirs: Reaction) -> Reaction:
    """The stricter of both, in every respect."""
    return Reaction(
        commit=max(mine.commit, theirs.commit, key=REACTIONS.index),
        push=max(mine.push, theirs.push, key=REACTIONS.index),
        warn_at=min(mine.warn_at, theirs.warn_at, key=LEVELS.index),
        block_at=min(mine.block_at, theirs.block_at, key=LEVELS.index),
    )


def speaks(budget: Budget) -> bool:
    """Whether it can have something to say of a commit at all: what it counts must belong to a place."""
    return budget.scope in _SCOPES


def depends_on_branch(budget: Budget) -> bool:
    """Whether it counts on some branches apart, or not at all."""
    return budget.scope == "branch" or any(field == "branch" for field, _ in budget.match)
