"""From a call and the budgets to a verdict.

A budget counts separately for each key of its scope and each window: such a count is a **slot**. A call meets one slot
for every budget that applies to it; all of them must agree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import tzinfo
from fnmatch import translate
from functools import lru_cache

from msgspec import Struct

from tokenguard.policy.forecast import Forecast
from tokenguard.policy.measure import is_notional
from tokenguard.policy.money import percent
from tokenguard.policy.windows import FOREVER, Window, rolling_us, window_at
from tokenguard.records import Budget, Call, Unit
from tokenguard.records.teams import Share

LEVELS = ("ok", "info", "warn", "soft", "hard")
"""How near a slot is to its limit, least first; `hard` is at or over it."""


REPOSITORY_FILE = "tokenguard.toml"
"""In which a repository sets budgets of its own."""

TEAM = "team"
"""Scope of budgets that several people share: whose repositories they are in, they count in."""

RUN = "run"
"""Source of the budget of a single run."""

ACTIONS = ("refuse", "hold", "downgrade", "warn")
"""What a budget can do at its limit, most severe first."""


class Slot(Struct, frozen=True):
    """One count: a budget, for one key of its scope, in one window."""

    budget: Budget
    key: str
    """Value of the scope: a repository's path, a session's id, a team; empty for `global` and `user`."""
    window: Window

    @property
    def label(self) -> str:
        """How people see and name it: `web/day`; the budget's name alone where there is no key.

        A repository's own budgets have its name before theirs, `web:day`, so that they are not taken for the user's.
        """
        name = self.budget.name
        if (owner := repository_of(self.budget)) is not None:
            name = f"{owner}:{name}"
            if self.budget.scope == "repo":
                return name
        return f"{short_key(self.budget.scope, self.key)}/{name}" if self.key else name

    @property
    def whole_label(self) -> str:
        """The label with the whole path of its repository, which tells it from another one of the same name."""
        name, key = self.budget.name, self.key.replace("\0", "/")
        if repository_of(self.budget) is not None:
            name = ident(self.budget)
            if self.budget.scope == "repo":
                return name
        return f"{key}/{name}" if key else name


class Standing(Struct, frozen=True):
    """What a slot holds at an instant, in the budget's unit."""

    slot: Slot
    limit: int
    """With temporary raises."""
    spent: int
    reserved: int
    held_back: int = 0
    """Of the limit, what is kept for landing."""
    overshoot: float = 0.0
    """In which share of its windows spending may pass the limit, at most."""
    resets_us: int | None = None
    """When it starts anew; None if it does not, or moves along."""
    forecast: Forecast | None = None
    share: Share | None = None
    """Of a team's budget: what is known of the others, whose part is in `spent`; `held_back` is what is not ours."""
    logged: int = 0
    """Of what is spent, what only agents' own logs tell of; known of strict budgets, which nobody asked before it."""

    @property
    def overrun(self) -> int:
        """How far a strict budget is overdrawn by what nobody could refuse."""
        return max(0, min(self.logged, self.spent - self.limit))

    @property
    def remaining(self) -> int:
        """What a new call may still take; negative when it is overdrawn."""
        return self.limit - self.held_back - self.spent - self.reserved

    @property
    def used_up(self) -> bool:
        """Whether nothing is left but what is kept for landing."""
        return self.spent >= self.limit - self.held_back

    @property
    def level(self) -> str:
        """One of `LEVELS`, by what is spent; at least `warn` where the forecast counts and passes the limit."""
        if self.spent >= self.limit and self.spent:
            return "hard"
        used = percent(self.spent, self.limit)
        reached = sum(used >= level for level in self.slot.budget.levels)
        if self.slot.budget.forecast and self.forecast and (self.forecast.likely or 0) > self.limit:
            reached = max(reached, LEVELS.index("warn"))
        return LEVELS[reached]

    @property
    def next_level(self) -> float:
        """What may be spent before it reaches another level; infinite at the last one."""
        marks = [-(-level * self.limit // 100) for level in self.slot.budget.levels]
        return min((mark for mark in (*marks, self.limit) if mark > self.spent), default=math.inf)


def slots_of(budgets: Iterable[Budget], call: Call, zone_of: Callable[[str | None], tzinfo]) -> list[Slot]:
    """The slots that a call meets. `zone_of` gives the zone of a budget's `timezone`."""
    return [slot for slot in slots_ahead(budgets, call, zone_of) if applies(slot.budget, call)]


def slots_ahead(budgets: Iterable[Budget], call: Call, zone_of: Callable[[str | None], tzinfo]) -> list[Slot]:
    """The slots that calls like this one can meet: an empty field of the call may still become anything."""
    found: list[Slot] = []
    for budget in budgets:
        key = _KEYS[budget.scope](call) if budget.scope != TEAM else budget.owner
        if key is not None and all(_matches(field, glob, call) for field, glob in budget.match if _value(call, field)):
            found.append(Slot(budget, key, _window(budget, call.started_us, zone_of)))
    return found


def _window(budget: Budget, at_us: int, zone_of: Callable[[str | None], tzinfo]) -> Window:
    """A rolling window is one for ever, whose far end moves along."""
    if rolling_us(budget.window) is not None:
        return FOREVER
    zone = zone_of(budget.timezone)
    return window_at(budget.window, at_us, zone, week_start=budget.week_start, month_start=budget.month_start)


def applies(budget: Budget, call: Call) -> bool:
    """Whether the budget counts this call: a field of its `match` that the call does not have never matches."""
    return _pays(budget, call) and all(
        _value(call, field) and _matches(field, glob, call) for field, glob in budget.match
    )


def _pays(budget: Budget, call: Call) -> bool:
    if budget.official is not None:
        return call.provider == budget.official.partition("/")[0] and call.billing in ("subscription", "credits")
    return budget.unit is not Unit.USD or budget.counts == "all" or not is_notional(call.billing)


def _matches(field: str, glob: str, call: Call) -> bool:
    return _glob(glob)(_value(call, field)) is not None


def _value(call: Call, field: str) -> str:
    return getattr(call, field) or ""


def severity(standing: Standing) -> tuple[int, float]:
    """Order of standings that cannot take a call: by what they then do, the tightest first."""
    return ACTIONS.index(standing.slot.budget.at_limit), standing.remaining / max(standing.limit, 1)


def repository_of(budget: Budget) -> str | None:
    """Name of the repository whose own file sets the budget; None where the user does."""
    folder, _, file = budget.source.rpartition("/")
    return folder.rpartition("/")[2] if file == REPOSITORY_FILE else None


def ident(budget: Budget) -> str:
    """Under which name its raises and levels are written: neither a run's nor a repository's budget is the user's."""
    if budget.source == RUN:
        return f"{RUN}:{budget.name}"
    if budget.scope == TEAM:
        return f"{budget.source}:{budget.name}"
    if repository_of(budget) is None:
        return budget.name
    # Every worktree of a repository has a file of its own, and all of them are one.
    repo = next((glob for field, glob in reversed(budget.match) if field == "repo"), budget.source)
    return f"{repo}:{budget.name}"


def short_key(scope: str, key: str) -> str:
    """The last part of a path for repositories (and of a repository's branch), the key itself otherwise."""
    if scope == "branch":
        repo, _, branch = key.partition("\0")
        return f"{repo.rstrip('/').rpartition('/')[2]}/{branch}"
    return key.rstrip("/").rpartition("/")[2] if scope == "repo" else key


def branch_key(repo: str, branch: str) -> str:
    """Key of a branch: the same name in two repositories is not the same branch."""
    return f"{repo}\0{branch}"


_KEYS: dict[str, Callable[[Call], str | None]] = {
    "session": lambda call: call.session,
    "repo": lambda call: call.repo,
    "branch": lambda call: branch_key(call.repo, call.branch) if call.repo and call.branch else None,
    "agent": lambda call: call.agent,
    "model": lambda call: call.model or None,
    "provider": lambda call: call.provider or None,
    "task": lambda call: call.task,
    "user": lambda call: "",
    "global": lambda call: "",
}
"""The key of a call in each scope; None where the call has none, and the budget does not count it."""


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(translate(pattern)).match
