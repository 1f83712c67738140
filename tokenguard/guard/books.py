"""What is spent and reserved in every slot in use: the ledger's sums, in memory so that a verdict needs no query."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from msgspec.structs import replace

from tokenguard.guard.calibration import Calibration, as_expected
from tokenguard.guard.count import Count, Met, Part, by_kind, set_aside
from tokenguard.guard.reservation import Reservation
from tokenguard.policy.budgets import Slot
from tokenguard.policy.measure import measure
from tokenguard.records import Amount, Call


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

        `refresh` brings a count up to now whose sum somebody else tells. `calibration` says what to set aside, and
        learns what calls take.
        """
        self._calibration = calibration
        self._slots_of = slots_of
        self._begin = begin
        self._refresh = refresh
        self._counts: dict[Slot, Count] = {}
        self._met: dict[tuple[str | None, ...], Met] = {}
        self._open: dict[int, _Open] = {}

    def refresh(self, count: Count, now_us: int) -> None:
        """Bring a count up to now whose sum changes by itself."""
        trailing = count.trailing
        if trailing is None:
            self._refresh(count, now_us)
            return
        count.move_on(now_us)
        # A call that began before the window does will never count in it, however long it still runs.
        while trailing.open and not trailing.holds(trailing.open[0][0]):
            entry = self._open.get(heapq.heappop(trailing.open)[1])
            for index, (counts, need) in enumerate(entry.parts if entry else ()):
                if entry and count in counts:
                    count.give_back(need)
                    entry.parts[index] = Part([one for one in counts if one is not count], need)

    def count(self, slot: Slot) -> Count:
        """The slot's sums, from the ledger when they are asked for first."""
        count = self._counts.get(slot)
        if count is None:
            count = self._counts[slot] = self._begin(slot)
            for entry in self._open.values():
                if slot in self._slots_of(entry.call):
                    need = self._calibration.need(count, entry.call, entry.reservation)
                    set_aside([count], need)
                    entry.parts.append(Part([count], need))
                    if count.trailing is not None:
                        heapq.heappush(count.trailing.open, (entry.call.started_us, entry.call.id))
        return count

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
            met = self._met[like] = by_kind([self.count(slot) for slot in self._slots_of(call)])
        for count in met.moving:
            self.refresh(count, now_us)
        return met.kinds

    def counts(self) -> list[Count]:
        """Every slot in use."""
        return list(self._counts.values())

    def reserve(self, call: Call, reservation: Reservation, parts: list[Part]) -> None:
        """Set aside for a call in every count that it meets."""
        begun = (call.started_us, call.id)
        for counts, need in parts:
            set_aside(counts, need)
            for count in counts:
                if count.trailing is not None:
                    heapq.heappush(count.trailing.open, begun)
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
                need = as_expected(counts[0], entry.call, reservation, before.likely)
                for count in counts:
                    count.give_back(before)
                set_aside(counts, need)
                entry.parts[index] = Part(counts, need)

    def open_calls(self) -> list[tuple[Call, Reservation]]:
        """The calls in flight, with what is set aside for each."""
        return [(entry.call, entry.reservation) for entry in self._open.values()]

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
        for slot in list(self._counts):
            end = slot.window.end_us
            if end is not None and end <= now_us:
                del self._counts[slot]
