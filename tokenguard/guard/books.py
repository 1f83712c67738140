"""What is spent and reserved in every slot in use: the ledger's sums, kept in memory so that a verdict needs no query."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from tokenguard.policy.budgets import Slot, Standing
from tokenguard.records import Amount, Budget, Call


class Reservation(Struct, frozen=True):
    """Money, tokens and a call set aside for one call."""

    likely: Amount
    """What `calibrated` budgets set aside."""
    worst: Amount | None
    """What `strict` budgets set aside, and what a call costs that a crash left open; None if nothing bounds it."""

    def by(self, budget: Budget) -> Amount:
        """What this budget sets aside. A strict budget never admits a call without a bound."""
        return (self.worst or self.likely) if budget.mode == "strict" else self.likely


class _Count:
    __slots__ = ("reserved", "spent", "window_end")

    def __init__(self, spent: Amount, window_end: int | None) -> None:
        self.spent = spent
        self.reserved = Amount()
        self.window_end = window_end


_Ident = tuple[str, str, str, int]


class Books:
    """Counts by slot. Every open call is in every count that it meets, so that sums cannot drift apart."""

    def __init__(self, slots_of: Callable[[Call], list[Slot]], spent_in: Callable[[Slot], Amount]) -> None:
        """`slots_of` gives the slots that a call meets, `spent_in` the ledger's sum for a slot."""
        self._slots_of = slots_of
        self._spent_in = spent_in
        self._counts: dict[_Ident, _Count] = {}
        self.open: dict[int, tuple[Call, Reservation]] = {}

    def standing(self, slot: Slot, limit: int) -> Standing:
        """The slot's sums now, against that limit (the budget's own and temporary raises)."""
        count, unit = self._count(slot), slot.budget.unit
        return Standing(slot, limit, count.spent.of(unit), count.reserved.of(unit))

    def reserve(self, call: Call, reservation: Reservation, slots: Iterable[Slot]) -> None:
        """Set aside in all slots of a call."""
        counts = [(slot.budget, self._count(slot)) for slot in slots]
        self.open[call.id] = (call, reservation)
        for budget, count in counts:
            count.reserved += reservation.by(budget)

    def settle(self, call_id: int, charge: Amount) -> None:
        """Replace what was set aside for a call by what it cost; of a call that is not open, nothing happens."""
        found = self.open.pop(call_id, None)
        if found is None:
            return
        call, reservation = found
        for slot in self._slots_of(call):
            count = self._counts.get(_ident(slot))
            if count is not None:
                count.reserved -= reservation.by(slot.budget)
                count.spent += charge

    def forget(self) -> None:
        """Drop all counts: the budgets changed. They are read again from the ledger when they are needed."""
        self._counts.clear()

    def sweep(self, now_us: int) -> None:
        """Drop the counts of windows that have ended."""
        ended = [ident for ident, count in self._counts.items() if count.window_end and count.window_end <= now_us]
        for ident in ended:
            del self._counts[ident]

    def _count(self, slot: Slot) -> _Count:
        ident = _ident(slot)
        count = self._counts.get(ident)
        if count is None:
            count = _Count(self._spent_in(slot), slot.window.end_us)
            for call, reservation in self.open.values():
                if any(_ident(met) == ident for met in self._slots_of(call)):
                    count.reserved += reservation.by(slot.budget)
            self._counts[ident] = count
        return count


def _ident(slot: Slot) -> _Ident:
    return (slot.budget.source, slot.budget.name, slot.key, slot.window.start_us)
