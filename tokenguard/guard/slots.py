"""Slots where they meet the world: the budgets in force, time zones, the ledger's rows, the agents' sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from tokenguard.config.zones import local_zone
from tokenguard.ledger import Where
from tokenguard.policy.budgets import Slot, Standing, slots_ahead, slots_of
from tokenguard.records import Budget, Call, Session

_Wanted = Callable[[Budget, Call], bool]


class Slots:
    """The slots of all budgets in force, also of those that count for the sessions in which one was started."""

    def __init__(
        self,
        budgets_of: Callable[[str, str | None], Iterable[Budget]],
        above: Callable[[str], Iterable[tuple[str, Iterable[Budget]]]],
    ) -> None:
        """`budgets_of` gives the budgets for calls of a session, by its id, in a repository.

        `above` gives the sessions in which it was started, with the budgets that count there by session.
        """
        self._budgets_of = budgets_of
        self._above = above

    def of(self, call: Call) -> list[Slot]:
        """Those that a call meets."""
        return [slot for budgets, seen in self._seen(call) for slot in slots_of(budgets, seen, zone_of)]

    def ahead(self, call: Call, wanted: _Wanted = lambda _budget, _call: True) -> list[Slot]:
        """Those of wanted budgets that calls like this one can meet: an empty field may still become anything."""
        return [
            slot
            for budgets, seen in self._seen(call)
            for slot in slots_ahead([one for one in budgets if wanted(one, seen)], seen, zone_of)
        ]

    def _seen(self, call: Call) -> Iterator[tuple[Iterable[Budget], Call]]:
        """Budgets, and the call as they see it."""
        yield self._budgets_of(call.session, call.repo), call
        for outer, budgets in self._above(call.session):
            yield budgets, replace(call, session=outer)


@lru_cache(maxsize=64)
def zone_of(name: str | None) -> tzinfo:
    """A budget's time zone; None is the machine's."""
    return ZoneInfo(name) if name else local_zone()


def call_of(session: Session, now_us: int) -> Call:
    """A call as this session would make it, its model, provider and billing still open."""
    return Call(
        0,
        session.id,
        session.agent,
        "",
        "",
        "",
        now_us,
        repo=session.repo,
        branch=session.branch,
        task=session.task,
        billing="",
    )


def where_of(slot: Slot) -> Where:
    """The ledger's calls that a slot counts."""
    where = Where(match=slot.budget.match)
    scope, key = slot.budget.scope, slot.key
    if scope in ("user", "global"):
        return where
    if scope == "branch":
        repo, _, branch = key.partition("\0")
        return replace(where, repo=repo, branch=branch)
    # What was started in a session counts in it.
    return replace(where, **{"family" if scope == "session" else scope: key})


def resets_at(standing: Standing) -> datetime | None:
    """When a slot starts anew, in its budget's zone; None if it does not, or moves along."""
    if standing.resets_us is None:
        return None
    return datetime.fromtimestamp(standing.resets_us / 1_000_000, zone_of(standing.slot.budget.timezone))
