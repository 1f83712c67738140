"""Limits as they stand: with the raises in force, and without what is held back for landing. Both are on the record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tokenguard.errors import UsageError
from tokenguard.ledger import Decision, Raise, queries
from tokenguard.policy.budgets import Slot, ident
from tokenguard.policy.money import parse_amount
from tokenguard.policy.windows import rolling_us

if TYPE_CHECKING:
    from tokenguard.ledger import Ledger

RELEASE = "release"
"""Kind of the decision that opens a landing reserve."""


class Limits:
    """The limits of slots, at the time that `now` gives."""

    def __init__(self, ledger: Ledger, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._now = now
        self.sweep()

    def sweep(self) -> None:
        """Read again what is in force, and drop what has expired."""
        conn = self._ledger.read()
        self._raises = queries.raises(conn, self._now())
        self._releases = queries.decisions(conn, kind=RELEASE)
        self._next_expiry()

    def _next_expiry(self) -> None:
        ends = (one.expires_us for one in self._raises)
        self.until_us = min((end for end in ends if end is not None), default=math.inf)
        """Until then nothing changes by itself."""

    def limit(self, slot: Slot) -> int:
        """With the raises that are in force."""
        return limit_of(slot, self._raises, self._now())

    def held_back(self, slot: Slot) -> int:
        """The landing reserve, unless it was released in this window."""
        return held_back(slot, self._releases, self._now())

    async def raise_by(
        self, slot: Slot, value: int, *, reason: str, who: str, ends_us: int | None, ttl_us: int | None = None
    ) -> None:
        """Raise a limit until its window ends (`ends_us`; None: never), or for `ttl_us`. Raises `LedgerError`."""
        now = self._now()
        budget = slot.budget
        raised = Raise(
            budget=ident(budget),
            key=slot.key,
            amount=value,
            unit=budget.unit,
            reason=reason,
            who=who,
            created_us=now,
            expires_us=now + ttl_us if ttl_us else _end_of(slot, ends_us, now),
        )
        await self._ledger.raise_budget(raised)
        self._raises.append(raised)
        self._next_expiry()

    async def release(self, slot: Slot, *, reason: str, who: str) -> None:
        """Give out the landing reserve of a slot, for this window. Raises `LedgerError`."""
        budget = slot.budget
        decision = Decision(
            at_us=self._now(),
            kind=RELEASE,
            who=who,
            budget=ident(budget),
            key=slot.key,
            amount=budget.landing,
            unit=budget.unit,
            reason=reason,
        )
        self._releases.append(decision)
        await self._ledger.decide(decision)


def amount_for(slot: Slot, text: str) -> int:
    """An amount that somebody wrote, in the slot's unit. Raises `UsageError`."""
    try:
        value, unit = parse_amount(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if unit is not slot.budget.unit:
        raise UsageError(
            f"{slot.label} counts {slot.budget.unit.value}, not {unit.value}", "give the amount in its unit"
        )
    return value


def limit_of(slot: Slot, raises: Iterable[Raise], now_us: int) -> int:
    """A slot's limit, with the raises that are in force."""
    name = ident(slot.budget)
    ours = (one for one in raises if (one.budget, one.key) == (name, slot.key))
    return slot.budget.limit + sum(one.amount for one in ours if _in_force(one, slot, now_us))


def held_back(slot: Slot, releases: Iterable[Decision], now_us: int) -> int:
    """The landing reserve of a slot, unless one of these decisions released it in this window."""
    budget = slot.budget
    if not budget.landing:
        return 0
    span_us = rolling_us(budget.window)
    name, since_us = ident(budget), slot.window.start_us if span_us is None else now_us - span_us
    released = any((one.budget, one.key) == (name, slot.key) and one.at_us >= since_us for one in releases)
    return 0 if released else budget.landing


def _in_force(raised: Raise, slot: Slot, now_us: int) -> bool:
    """A raise without an expiry belongs to the window in which it was made."""
    return slot.window.start_us <= raised.created_us and (raised.expires_us is None or now_us < raised.expires_us)


def _end_of(slot: Slot, ends_us: int | None, now_us: int) -> int | None:
    """When a raise ends that is made now: a rolling window has forgotten by then what it was made for."""
    span_us = rolling_us(slot.budget.window)
    return ends_us if span_us is None else now_us + span_us
