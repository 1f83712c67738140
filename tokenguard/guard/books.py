"""What is spent and reserved in every slot in use: the ledger's sums, in memory so that a verdict needs no query."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from tokenguard.policy.budgets import Slot, Standing
from tokenguard.records import Amount, Budget, Call


class Reservation(Struct, frozen=True):
    """What is set aside for one call."""

    likely: Amount
    """By `calibrated` budgets."""
    worst: Amount
    """By `strict` budgets, and what a call costs that a crash left open."""
    bounded: bool = True
    """Whether the call cannot pass `worst`. If it can, strict budgets do not let it through."""
    p95: Amount | None = None
    """What 95 of 100 such calls do not pass, where it was estimated."""

    def by(self, budget: Budget) -> Amount | None:
        """What this budget sets aside; None if it is strict and the call cannot be bounded."""
        if budget.mode != "strict":
            return self.likely
        return self.worst if self.bounded else None


class Count:
    """One slot's sums."""

    __slots__ = ("level", "reserved", "slot", "spent")

    def __init__(self, slot: Slot, spent: Amount) -> None:
        self.slot = slot
        self.spent = spent
        self.reserved = Amount()
        self.level: str | None = None
        """As it was told last."""

    def standing(self, limit: int) -> Standing:
        """The sums in the budget's unit, against a limit."""
        unit = self.slot.budget.unit
        return Standing(self.slot, limit, self.spent.of(unit), self.reserved.of(unit))


class _Met(NamedTuple):
    """The counts that calls of one kind meet, until the first of their windows ends."""

    until_us: float
    counts: list[Count]


class _Open:
    __slots__ = ("call", "counts", "reservation")

    def __init__(self, call: Call, reservation: Reservation, counts: list[Count]) -> None:
        self.call = call
        self.reservation = reservation
        self.counts = counts


class Books:
    """Counts by slot. Every open call is in every count that it meets, so that the sums cannot drift apart."""

    def __init__(self, slots_of: Callable[[Call], list[Slot]], spent_in: Callable[[Slot], Amount]) -> None:
        """`slots_of` gives the slots that a call meets, `spent_in` the ledger's sum for a slot."""
        self._slots_of = slots_of
        self._spent_in = spent_in
        self._counts: dict[tuple[str, str, str, int], Count] = {}
        self._met: dict[tuple[str | None, ...], _Met] = {}
        self._open: dict[int, _Open] = {}

    def count(self, slot: Slot) -> Count:
        """The slot's sums, from the ledger when they are asked for first."""
        ident = (slot.budget.source, slot.budget.name, slot.key, slot.window.start_us)
        count = self._counts.get(ident)
        if count is None:
            count = self._counts[ident] = Count(slot, self._spent_in(slot))
            for entry in self._open.values():
                if slot in self._slots_of(entry.call):
                    count.reserved += _set_aside(entry.reservation, slot.budget)
                    entry.counts.append(count)
        return count

    def met(self, call: Call) -> list[Count]:
        """All counts that a call meets."""
        kind = (call.session, call.repo, call.branch, call.agent, call.model, call.provider, call.task)
        met = self._met.get(kind)
        if met is None or call.started_us >= met.until_us:
            counts = [self.count(slot) for slot in self._slots_of(call)]
            ends = (count.slot.window.end_us for count in counts)
            met = self._met[kind] = _Met(min((end for end in ends if end is not None), default=math.inf), counts)
        return met.counts

    def counts(self) -> list[Count]:
        """Every slot in use."""
        return list(self._counts.values())

    def reserve(self, call: Call, reservation: Reservation) -> None:
        """Set aside for a call in every count that it meets."""
        entry = self._open[call.id] = _Open(call, reservation, list(self.met(call)))
        for count in entry.counts:
            count.reserved += _set_aside(reservation, count.slot.budget)

    def recover(self, call: Call, reservation: Reservation) -> None:
        """Take over a call that an earlier process left open; counts find it when they are read from the ledger."""
        self._open[call.id] = _Open(call, reservation, [])

    def reserved_for(self, call_id: int) -> Reservation | None:
        """What is set aside for a call; None if it is not open."""
        entry = self._open.get(call_id)
        return entry.reservation if entry else None

    def settle(self, call_id: int, charge: Amount) -> list[Count]:
        """Put a call's charge in place of what was set aside for it; the counts that changed, none if it is closed."""
        entry = self._open.pop(call_id, None)
        if entry is None:
            return []
        for count in entry.counts:
            count.reserved -= _set_aside(entry.reservation, count.slot.budget)
            count.spent += charge
        return entry.counts

    def reserved_nanos(self, session: str) -> int:
        """What is set aside for the open calls of a session."""
        return sum(entry.reservation.likely.nanos for entry in self._open.values() if entry.call.session == session)

    def forget(self) -> None:
        """Drop all counts, because the budgets changed; they are read again from the ledger when they are needed."""
        self._counts.clear()
        self._met.clear()
        for entry in self._open.values():
            entry.counts = []

    def sweep(self, now_us: int) -> None:
        """Drop the counts of windows that have ended, and what was remembered of sessions that may have."""
        self._met.clear()
        for ident, count in list(self._counts.items()):
            end = count.slot.window.end_us
            if end is not None and end <= now_us:
                del self._counts[ident]


def _set_aside(reservation: Reservation, budget: Budget) -> Amount:
    # A strict budget never admits an unbounded call, but one that came later meets calls that are open already.
    return reservation.by(budget) or reservation.worst
