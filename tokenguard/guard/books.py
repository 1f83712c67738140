"""What is spent and reserved in every slot in use: the ledger's sums, in memory so that a verdict needs no query."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.guard.calibration import Calibration
from tokenguard.guard.trailing import Trailing
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.fitting import FAR_OFF, MOST_MARGIN, Need, Taken, fits, shortfall, stated, variance
from tokenguard.policy.measure import measure
from tokenguard.records import Amount, Call, Unit

_NOTHING = Need(0)


Kind = tuple[str, Unit, str | None, str, bool]
"""(mode, unit, bucket, what is counted, not official): budgets of one kind count the same of a call."""


class Reservation(Struct, frozen=True):
    """What is set aside for one call."""

    likely: Amount
    """As often exceeded as not."""
    worst: Amount
    """By `strict` budgets, and what a call costs that a crash left open."""
    bounded: bool = True
    """Whether the call cannot pass `worst`. If it can, strict budgets do not let it through."""
    p95: Amount | None = None
    """What 95 of 100 such calls do not pass, where it was estimated."""
    mean: Amount | None = None
    """What such calls take on average: long answers are rare, and cost much."""


class Count:
    """One slot's sums, in its budget's unit."""

    __slots__ = (
        "alarm",
        "doubt",
        "held_back",
        "kind",
        "limit",
        "reserved",
        "resets_us",
        "slot",
        "spent",
        "trailing",
        "variance",
        "widest",
    )

    def __init__(self, slot: Slot, spent: int, trailing: Trailing | None) -> None:
        budget = slot.budget
        self.slot = slot
        self.kind: Kind = (budget.mode, budget.unit, budget.bucket, budget.counts, budget.official is None)
        self.limit = budget.limit
        """With the raises in force."""
        self.held_back = 0
        """The landing reserve, while it is kept."""
        self.alarm: float = 0
        """What may be spent before its level has to be looked at."""
        self.resets_us = slot.window.end_us
        self.spent = spent
        self.trailing = trailing
        self.reserved = 0
        self.variance = 0.0
        self.doubt = 0.0
        self.widest = 0.0
        """The farthest that one call in it may have been off: the square of a standard deviation."""

    def fits(self, need: Need) -> bool:
        """Whether the slot can take a call beside all that it holds."""
        # Most calls fit by far, which shows without a root.
        free = self.limit - self.held_back - self.spent - self.reserved - max(need.value, need.likely)
        spare = free - self.limit // MOST_MARGIN
        if need.bounded and spare > 0 and spare * spare > FAR_OFF * (self.variance + self.doubt * self.doubt):
            return True
        return fits(self._taken(), need, self.slot.budget.overshoot)

    def fits_alone(self, need: Need) -> bool:
        """Whether it could if no other call were in flight."""
        return fits(Taken(self.limit - self.held_back, self.spent), need, self.slot.budget.overshoot)

    def shortfall(self, need: Need) -> int:
        """By how much the limit would have to be higher for the call to fit; at least 1."""
        return shortfall(self._taken(), need, self.slot.budget.overshoot)

    def _taken(self) -> Taken:
        return Taken(self.limit - self.held_back, self.spent, self.reserved, self.variance, self.doubt)

    def set_aside(self, need: Need) -> None:
        """Reserve for a call."""
        self.reserved += need.value
        if need.variance:
            self.variance += need.variance
            self.doubt += need.doubt
            self.widest = max(self.widest, need.variance + need.doubt * need.doubt)

    def give_back(self, need: Need) -> None:
        """Take out what was reserved for a call."""
        self.reserved -= need.value
        # What is left of a difference of floating point numbers can be less than nothing.
        self.variance = max(0.0, self.variance - need.variance) if self.reserved else 0.0
        self.doubt = max(0.0, self.doubt - need.doubt) if self.reserved else 0.0

    def charge(self, started_us: int, value: int, now_us: int) -> None:
        """Add what a call took that began then."""
        if self.trailing is None:
            self.spent += value
            return
        self.move_on(now_us)
        if self.trailing.holds(started_us):
            self.spent += value
            self.trailing.add(started_us, value)

    def move_on(self, now_us: int) -> None:
        """Let a rolling window end now."""
        if self.trailing is not None:
            self.spent -= self.trailing.lost(now_us)

    def standing(self) -> Standing:
        """What the slot holds now."""
        budget = self.slot.budget
        overshoot = stated(math.sqrt(self.widest), budget.overshoot, self.limit) if budget.mode == "calibrated" else 0.0
        return Standing(self.slot, self.limit, self.spent, self.reserved, self.held_back, overshoot, self.resets_us)


class Part(NamedTuple):
    """What an open call has set aside in each count of one kind."""

    counts: list[Count]
    need: Need


class _Met(NamedTuple):
    """The counts that calls of one kind meet, by their own kinds, until the first of their windows ends."""

    until_us: float
    kinds: list[list[Count]]
    moving: list[Count]
    """Those whose sums change by themselves."""


class _Open:
    __slots__ = ("asked", "call", "parts", "reservation")

    def __init__(self, call: Call, reservation: Reservation, parts: list[Part]) -> None:
        self.call = call
        self.asked = reservation
        """As it was before the call was sent."""
        self.reservation = reservation
        self.parts = parts


class Books:
    """Counts by slot. Every open call is in every count that it meets, so that the sums cannot drift apart."""

    def __init__(
        self,
        slots_of: Callable[[Call], list[Slot]],
        begin: Callable[[Slot], Count],
        refresh: Callable[[Count, int], None],
        calibration: Calibration,
    ) -> None:
        """`slots_of` gives the slots that a call meets, `begin` a count with what was spent in its slot already.

        `refresh` brings a count up to now whose sum changes by itself. `calibration` learns what calls take.
        """
        self._calibration = calibration
        self._slots_of = slots_of
        self._begin = begin
        self._refresh = refresh
        self._counts: dict[tuple[str, str, str, int], Count] = {}
        self._met: dict[tuple[str | None, ...], _Met] = {}
        self._open: dict[int, _Open] = {}

    def refresh(self, count: Count, now_us: int) -> None:
        """Bring a count up to now whose sum changes by itself."""
        self._refresh(count, now_us)
        trailing = count.trailing
        if trailing is None:
            return
        # A call that began before the window does will never count in it, however long it still runs.
        while trailing.open and not trailing.holds(trailing.open[0][0]):
            entry = self._open.get(heapq.heappop(trailing.open)[1])
            for index, (counts, need) in enumerate(entry.parts if entry else ()):
                if entry and count in counts:
                    count.give_back(need)
                    entry.parts[index] = Part([one for one in counts if one is not count], need)

    def count(self, slot: Slot) -> Count:
        """The slot's sums, from the ledger when they are asked for first."""
        ident = (slot.budget.source, slot.budget.name, slot.key, slot.window.start_us)
        count = self._counts.get(ident)
        if count is None:
            count = self._counts[ident] = self._begin(slot)
            for entry in self._open.values():
                if slot in self._slots_of(entry.call):
                    need = self.need(count, entry.call, entry.reservation)
                    count.set_aside(need)
                    entry.parts.append(Part([count], need))
                    _watch(count, entry.call)
        return count

    def need(self, count: Count, call: Call, reservation: Reservation) -> Need:
        """What a count sets aside for a call."""
        budget = count.slot.budget
        if budget.official is not None:
            return _NOTHING
        if budget.mode == "strict":
            return Need(measure(budget, reservation.worst, call.billing), bounded=reservation.bounded)
        likely = measure(budget, reservation.likely, call.billing)
        if reservation.p95 is None or reservation.mean is None:
            return Need(likely)
        mean, p95 = (measure(budget, one, call.billing) for one in (reservation.mean, reservation.p95))
        return self._calibration.need(call, count.kind, likely, mean, p95)

    def met(self, call: Call, now_us: int) -> list[list[Count]]:
        """All counts that a call meets, those of one kind together."""
        like = (
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
        met = self._met.get(like)
        if met is None or call.started_us >= met.until_us:
            met = self._met[like] = _by_kind([self.count(slot) for slot in self._slots_of(call)])
        for count in met.moving:
            self.refresh(count, now_us)
        return met.kinds

    def counts(self) -> list[Count]:
        """Every slot in use."""
        return list(self._counts.values())

    def reserve(self, call: Call, reservation: Reservation, parts: list[Part]) -> None:
        """Set aside for a call in every count that it meets."""
        for counts, need in parts:
            for count in counts:
                count.set_aside(need)
                _watch(count, call)
        self._open[call.id] = _Open(call, reservation, parts)

    def recover(self, call: Call, reservation: Reservation) -> None:
        """Take over a call that an earlier process left open; counts find it when they are read from the ledger."""
        self._open[call.id] = _Open(call, reservation, [])

    def outgrown(self, call_id: int, reservation: Reservation) -> None:
        """A call takes more than it was expected to take. What strict budgets have set aside holds all the same."""
        entry = self._open[call_id]
        entry.reservation = reservation
        for index, (counts, before) in enumerate(entry.parts):
            if counts and before.likely:
                need = _as_expected(counts[0], entry.call, reservation, before.likely)
                for count in counts:
                    count.give_back(before)
                    count.set_aside(need)
                entry.parts[index] = Part(counts, need)

    def asked_for(self, call_id: int) -> Reservation | None:
        """What was set aside for a call when it was sent; None if it is not open."""
        entry = self._open.get(call_id)
        return entry.asked if entry else None

    def reserved_for(self, call_id: int) -> Reservation | None:
        """What is set aside for a call; None if it is not open."""
        entry = self._open.get(call_id)
        return entry.reservation if entry else None

    def settle(
        self, call_id: int, charge: Amount, now_us: int, *, billing: str | None = None, teaches: bool = False
    ) -> list[Count]:
        """Put a call's charge in place of what was set aside for it; the counts that changed, none if it is closed.

        `billing` is who paid in the end, where that is known; `teaches` says that the charge is what was billed.
        """
        entry = self._open.pop(call_id, None)
        if entry is None:
            return []
        for counts, need in entry.parts:
            for count in counts:
                count.give_back(need)
            if counts and teaches and need.likely:
                taken = measure(counts[0].slot.budget, charge, entry.call.billing)
                self._calibration.seen(entry.call, counts[0].kind, need.likely, taken)
        call, kinds = entry.call, [part.counts for part in entry.parts if part.counts]
        if billing not in (None, call.billing):
            call = replace(call, billing=billing)
            kinds = [[self.count(slot)] for slot in self._slots_of(call)]
        for counts in kinds:
            value = measure(counts[0].slot.budget, charge, call.billing)
            for count in counts:
                count.charge(call.started_us, value, now_us)
        return [count for counts in kinds for count in counts]

    def reserved_nanos(self, session: str) -> int:
        """What is likely to be spent by the open calls of a session."""
        return sum(entry.reservation.likely.nanos for entry in self._open.values() if entry.call.session == session)

    def forget(self) -> None:
        """Drop all counts, because the budgets changed; they are read again from the ledger when they are needed."""
        self._counts.clear()
        self._met.clear()
        for entry in self._open.values():
            entry.parts = []

    def sweep(self, now_us: int) -> None:
        """Drop the counts of windows that have ended, and what was remembered of sessions that may have."""
        self._met.clear()
        for ident, count in list(self._counts.items()):
            end = count.slot.window.end_us
            if end is not None and end <= now_us:
                del self._counts[ident]


def _watch(count: Count, call: Call) -> None:
    if count.trailing is not None:
        heapq.heappush(count.trailing.open, (call.started_us, call.id))


def _as_expected(count: Count, call: Call, reservation: Reservation, likely: int) -> Need:
    """What to set aside for a call of which more is known than how such calls usually turn out."""
    amounts = (reservation.likely, reservation.mean or reservation.likely, reservation.p95 or reservation.likely)
    usual, mean, p95 = (measure(count.slot.budget, amount, call.billing) for amount in amounts)
    return Need(mean, variance(usual, p95), likely=likely)


def _by_kind(counts: list[Count]) -> _Met:
    kinds: dict[object, list[Count]] = {}
    for count in counts:
        kinds.setdefault(count.kind, []).append(count)
    ends = (count.slot.window.end_us for count in counts)
    until_us = min((end for end in ends if end is not None), default=math.inf)
    moving = [count for count in counts if count.trailing is not None or count.slot.budget.official is not None]
    return _Met(until_us, list(kinds.values()), moving)
