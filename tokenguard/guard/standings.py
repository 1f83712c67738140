"""What budgets hold, for whoever looks: nothing is set aside here, and nothing is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tokenguard.guard.books import Books
from tokenguard.guard.count import Count
from tokenguard.guard.current import Current
from tokenguard.guard.slots import Slots, call_of
from tokenguard.policy.budgets import Slot, Standing, repository_of
from tokenguard.records import Budget, Call, Session


class Standings:
    """Looks at slots; `now` tells the time in microseconds."""

    def __init__(self, books: Books, current: Current, slots: Slots, now: Callable[[], int]) -> None:
        self._books = books
        self._current = current
        self._slots = slots
        self._now = now
        self._glanced: dict[tuple[str, str, str], Slot] = {}

    def of(self, slot: Slot) -> Standing:
        """What a slot holds now, and where that is going."""
        return self.with_outlook(self._books.count(slot))

    def with_outlook(self, count: Count) -> Standing:
        """What a count holds now, and where that is going."""
        return self._current.with_outlook(self.now_of(count))

    def now_of(self, count: Count) -> Standing:
        """What a count holds now."""
        self._books.refresh(count, self._now())
        return count.standing()

    def glance(self, slot: Slot) -> Standing:
        """What a slot has spent, and where that is going only if its level depends on it; whoever calls there.

        Each working tree has budgets of its own file: those are read from the ledger, for no call meets them all.
        """
        self._current.renew_if_due(self._books.counts)
        if repository_of(slot.budget) is None:
            count = self._books.count(slot)
        else:
            self._glanced[slot.budget.source, slot.budget.name, slot.key] = slot
            count = self._current.begin(slot)
        return self.with_outlook(count) if slot.budget.forecast else self.now_of(count)

    def glanced(self) -> list[Slot]:
        """What was looked at beside what counts for sessions, and lasts."""
        return [slot for slot in self._glanced.values() if _lasts(slot, self._now())]

    def ahead(self, sessions: Iterable[Session]) -> list[Standing]:
        """What counts for these sessions now, called or not; each slot once, the fullest first."""
        now = self._now()
        found = {slot for session in sessions for slot in self._slots.ahead(call_of(session, now))}
        return sorted((self.of(slot) for slot in found), key=_fullness)

    def ahead_of(self, call: Call, wanted: Callable[[Budget, Call], bool]) -> list[Standing]:
        """Of the budgets that are wanted for a call like this one, what counts for it now; not where that is going."""
        self._current.renew_if_due(self._books.counts)
        return [self.now_of(self._books.count(slot)) for slot in self._slots.ahead(call, wanted)]

    def recall(self, sessions: Iterable[Session]) -> None:
        """What these sessions spent is in force although nobody has called since this daemon began."""
        now = self._now()
        for slot in {slot for session in sessions for slot in self._slots.ahead(call_of(session, now))}:
            if slot.budget.scope != "session":
                self._books.count(slot)

    def in_force(self, sessions: Iterable[Session]) -> list[Standing]:
        """What counts for these sessions, and whatever else counts since somebody called; the fullest first."""
        now = self._now()
        ahead = {standing.slot: standing for standing in self.ahead(sessions)}
        for count in self._books.counts():
            slot = count.slot
            lasts = _lasts(slot, now)
            self._books.refresh(count, now)
            # The limit of a session that has ended stops nobody any more; where nothing is, somebody only looked.
            used = count.spent or count.reserved or count.limit != slot.budget.limit
            if slot not in ahead and lasts and used and slot.budget.scope != "session":
                ahead[slot] = self.with_outlook(count)
        return sorted(ahead.values(), key=_fullness)


def _lasts(slot: Slot, now_us: int) -> bool:
    return slot.window.end_us is None or slot.window.end_us > now_us


def _fullness(standing: Standing) -> tuple[float, str]:
    return -standing.spent / max(standing.limit, 1), standing.slot.label
