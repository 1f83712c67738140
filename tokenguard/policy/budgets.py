"""From a call and the budgets to a verdict.

A budget counts separately for each key of its scope and each window: such a count is a **slot**. A call meets one slot
for every budget that applies to it; all of them must agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from fnmatch import translate
from functools import lru_cache

from msgspec import Struct

from tokenguard.policy.money import percent
from tokenguard.policy.windows import Window, window_at
from tokenguard.records import Amount, Budget, Call

LEVELS = ("ok", "info", "warn", "soft", "hard")
"""How near a slot is to its limit, least first; `hard` is at or over it."""


class Slot(Struct, frozen=True):
    """One count: a budget, for one key of its scope, in one window."""

    budget: Budget
    key: str
    """Value of the scope: a repository's path, a session's id; empty for `global` and `user`."""
    window: Window

    @property
    def label(self) -> str:
        """How people see and name it: `web/day`; the budget's name alone where there is no key."""
        if not self.key:
            return self.budget.name
        return f"{short_key(self.budget.scope, self.key)}/{self.budget.name}"


class Standing(Struct, frozen=True):
    """What a slot holds at an instant, in the budget's unit."""

    slot: Slot
    limit: int
    """With temporary raises."""
    spent: int
    reserved: int

    @property
    def remaining(self) -> int:
        """What a new call may still take; negative when it is overdrawn."""
        return self.limit - self.spent - self.reserved

    @property
    def level(self) -> str:
        """One of `LEVELS`, by what is spent."""
        if self.spent >= self.limit:
            return "hard"
        used = percent(self.spent, self.limit)
        return LEVELS[sum(used >= level for level in self.slot.budget.levels)]


def slots_of(budgets: Iterable[Budget], call: Call, zone_of: Callable[[str | None], tzinfo]) -> list[Slot]:
    """The slots that a call meets. `zone_of` gives the zone of a budget's `timezone`."""
    return [slot for slot in slots_ahead(budgets, call, zone_of) if applies(slot.budget, call)]


def slots_ahead(budgets: Iterable[Budget], call: Call, zone_of: Callable[[str | None], tzinfo]) -> list[Slot]:
    """The slots that calls like this one can meet: an empty field of the call may still become anything."""
    found: list[Slot] = []
    for budget in budgets:
        key = _KEYS[budget.scope](call)
        if key is not None and all(_matches(field, glob, call) for field, glob in budget.match if _value(call, field)):
            found.append(Slot(budget, key, window_at(budget.window, call.started_us, zone_of(budget.timezone))))
    return found


def applies(budget: Budget, call: Call) -> bool:
    """Whether the budget's `match` lets it count this call; a field that the call does not have never matches."""
    return all(_value(call, field) and _matches(field, glob, call) for field, glob in budget.match)


def _matches(field: str, glob: str, call: Call) -> bool:
    return _glob(glob)(_value(call, field)) is not None


def _value(call: Call, field: str) -> str:
    return getattr(call, field) or ""


def exceeded(standings: Sequence[Standing], need: Callable[[Budget], Amount | None]) -> list[Standing]:
    """The standings that cannot take a call, those that refuse first, then the tightest.

    `need` is what the call takes by a budget's mode; None is a call that the budget cannot bound, which never fits.
    """
    over = [standing for standing in standings if not _fits(standing, need(standing.slot.budget))]
    return sorted(over, key=_tightness)


def _fits(standing: Standing, need: Amount | None) -> bool:
    if need is None or standing.spent >= standing.limit:
        return False
    return need.of(standing.slot.budget.unit) <= standing.remaining


def _tightness(standing: Standing) -> tuple[bool, float]:
    return standing.slot.budget.at_limit != "refuse", standing.remaining / max(standing.limit, 1)


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
    "model": lambda call: call.model,
    "provider": lambda call: call.provider,
    "task": lambda call: call.task,
    "user": lambda call: "",
    "global": lambda call: "",
}
"""The key of a call in each scope; None where the call has none, and the budget does not count it."""


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(translate(pattern)).match
