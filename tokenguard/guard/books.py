"""What is spent and reserved in every slot in use: the ledger's sums, in memory so that a verdict needs no query."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.guard.trailing import Trailing
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.fitting import Need, Taken, fits, shortfall, stated, variance
from tokenguard.policy.measure import measure
from tokenguard.records import Amount, Budget, Call

_UNLIMITED = Need(0)


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

    def need(self, budget: Budget, billing: str) -> Need:
        """What this budget sets aside."""
        if budget.official is not None:
            return _UNLIMITED
        if budget.mode == "strict":
            return Need(measure(budget, self.worst, billing), bounded=self.bounded)
        likely = measure(budget, self.likely, billing)
        if self.p95 is None:
            return Need(likely)
        return Need(likely, variance(likely, measure(budget, self.p95, billing)))


class Count:
    """One slot's sums, in its budget's unit."""

    __slots__ = ("held_back", "kind", "limit", "reserved", "slot", "spent", "trailing", "variance", "widest")

    def __init__(self, slot: Slot, spent: int, trailing: Trailing | None) -> None:
        budget = slot.budget
        self.slot = slot
        self.kind = (budget.mode, budget.unit, budget.bucket, budget.official is None)
        """Budgets of one kind set the same aside for a call."""
        self.limit = budget.limit
        """With the raises in force."""
        self.held_back = 0
        """The landing reserve, while it is kept."""
        self.spent = spent
        self.trailing = trailing
        self.reserved = 0
        self.variance = 0.0
        self.widest = 0.0
        """The largest variance of a call in it."""

    def fits(self, need: Need) -> bool:
        """Whether the slot can take a call beside all that it holds."""
        return fits(self._taken(), need, self.slot.budget.overshoot)

    def fits_alone(self, need: Need) -> bool:
        """Whether it could if no other call were in flight."""
        return fits(Taken(self.limit - self.held_back, self.spent), need, self.slot.budget.overshoot)

    def shortfall(self, need: Need) -> int:
        """By how much the limit would have to be higher for the call to fit; at least 1."""
        return shortfall(self._taken(), need, self.slot.budget.overshoot)

    def _taken(self) -> Taken:
        return Taken(self.limit - self.held_back, self.spent, self.reserved, self.variance)

    def standing(self) -> Standing:
        """What the slot holds now."""
        budget = self.slot.budget
        overshoot = stated(self.widest, budget.overshoot, self.limit) if budget.mode == "calibrated" else 0.0
        return Standing(self.slot, self.limit, self.spent, self.reserved, self.held_back, overshoot)


class Share(NamedTuple):
    """What an open call has set aside in one count."""

    into: Count
    need: Need


class _Met(NamedTuple):
    """The counts that calls of one kind meet, until the first of their windows ends."""

    until_us: float
    counts: list[Count]
    rolling: list[Count]


class _Open:
    __slots__ = ("call", "reservation", "shares")

    def __init__(self, call: Call, reservation: Reservation, shares: list[Share]) -> None:
        self.call = call
        self.reservation = reservation
        self.shares = shares


class Books:
    """Counts by slot. Every open call is in every count that it meets, so that the sums cannot drift apart."""

    def __init__(self, slots_of: Callable[[Call], list[Slot]], begin: Callable[[Slot], Count]) -> None:
        """`slots_of` gives the slots that a call meets, `begin` a count with what was spent in its slot already."""
        self._slots_of = slots_of
        self._begin = begin
        self._counts: dict[tuple[str, str, str, int], Count] = {}
        self._met: dict[tuple[str | None, ...], _Met] = {}
        self._open: dict[int, _Open] = {}

    def count(self, slot: Slot) -> Count:
        """The slot's sums, from the ledger when they are asked for first."""
        ident = (slot.budget.source, slot.budget.name, slot.key, slot.window.start_us)
        count = self._counts.get(ident)
        if count is None:
            count = self._counts[ident] = self._begin(slot)
            for entry in self._open.values():
                if slot in self._slots_of(entry.call):
                    entry.shares.append(_set_aside(count, entry.reservation.need(slot.budget, entry.call.billing)))
        return count

    def met(self, call: Call, now_us: int) -> list[Count]:
        """All counts that a call meets."""
        kind = (
            call.session,
            call.repo,
            call.branch,
            call.agent,
            call.model,
            call.provider,
            call.task,
            call.billing,
            call.request_class,
        )
        met = self._met.get(kind)
        if met is None or call.started_us >= met.until_us:
            counts = [self.count(slot) for slot in self._slots_of(call)]
            ends = (count.slot.window.end_us for count in counts)
            until_us = min((end for end in ends if end is not None), default=math.inf)
            rolling = [count for count in counts if count.trailing is not None]
            met = self._met[kind] = _Met(until_us, counts, rolling)
        for count in met.rolling:
            move_on(count, now_us)
        return met.counts

    def counts(self) -> list[Count]:
        """Every slot in use."""
        return list(self._counts.values())

    def reserve(self, call: Call, reservation: Reservation, shares: Iterable[Share]) -> None:
        """Set aside for a call in every count that it meets."""
        self._open[call.id] = _Open(call, reservation, [_set_aside(count, need) for count, need in shares])

    def recover(self, call: Call, reservation: Reservation) -> None:
        """Take over a call that an earlier process left open; counts find it when they are read from the ledger."""
        self._open[call.id] = _Open(call, reservation, [])

    def reserved_for(self, call_id: int) -> Reservation | None:
        """What is set aside for a call; None if it is not open."""
        entry = self._open.get(call_id)
        return entry.reservation if entry else None

    def settle(self, call_id: int, charge: Amount, billing: str | None = None) -> list[Count]:
        """Put a call's charge in place of what was set aside for it; the counts that changed, none if it is closed.

        `billing` is who paid in the end, where that is known.
        """
        entry = self._open.pop(call_id, None)
        if entry is None:
            return []
        for count, need in entry.shares:
            count.reserved -= need.value
            count.variance = count.variance - need.variance if count.reserved else 0.0
        counts = [share.into for share in entry.shares]
        call = entry.call
        if billing not in (None, call.billing):
            call = replace(call, billing=billing)
            counts = [self.count(slot) for slot in self._slots_of(call)]
        for count in counts:
            _charge(count, call, charge)
        return counts

    def reserved_nanos(self, session: str) -> int:
        """What is likely to be spent by the open calls of a session."""
        return sum(entry.reservation.likely.nanos for entry in self._open.values() if entry.call.session == session)

    def forget(self) -> None:
        """Drop all counts, because the budgets changed; they are read again from the ledger when they are needed."""
        self._counts.clear()
        self._met.clear()
        for entry in self._open.values():
            entry.shares = []

    def sweep(self, now_us: int) -> None:
        """Drop the counts of windows that have ended, and what was remembered of sessions that may have."""
        self._met.clear()
        for ident, count in list(self._counts.items()):
            end = count.slot.window.end_us
            if end is not None and end <= now_us:
                del self._counts[ident]


def move_on(count: Count, now_us: int) -> None:
    """Let a rolling window end now."""
    if count.trailing is not None:
        count.spent -= count.trailing.lost(now_us)


def _set_aside(count: Count, need: Need) -> Share:
    # A strict budget never admits an unbounded call, but one that came later meets calls that are open already.
    count.reserved += need.value
    count.variance += need.variance
    count.widest = max(count.widest, need.variance)
    return Share(count, need)


def _charge(count: Count, call: Call, charge: Amount) -> None:
    if count.slot.budget.official is not None:
        return
    value = measure(count.slot.budget, charge, call.billing)
    if count.trailing is None:
        count.spent += value
    elif count.trailing.holds(call.started_us):
        count.spent += value
        count.trailing.add(call.started_us, value)
