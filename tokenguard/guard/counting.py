"""Calls counted against budgets: set aside for, charged, and the levels that are reached by that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from msgspec.structs import replace

from tokenguard.guard.books import Books
from tokenguard.guard.calibration import Calibration
from tokenguard.guard.changes import Changes
from tokenguard.guard.count import Count, Part, unfit
from tokenguard.guard.current import Current
from tokenguard.guard.levels import Levels
from tokenguard.guard.over import Over, stops
from tokenguard.guard.raising import Raises
from tokenguard.guard.reservation import Reservation, recovered
from tokenguard.guard.slots import Slots
from tokenguard.guard.standings import Standings
from tokenguard.guard.teams import Teams
from tokenguard.ledger import Ledger
from tokenguard.policy.budgets import TEAM, Slot, Standing, severity
from tokenguard.policy.fitting import Need
from tokenguard.policy.measure import measure
from tokenguard.records import Amount, Call, OfficialWindow, Session
from tokenguard.records.teams import Heard


class Counting:
    """Counts calls against budgets.

    Its parts are open to those who look: `standings` (what budgets hold), `books` (the sums in memory), `tally` (the
    ledger's), `limits` and what `raises` them, `teams`.
    """

    def __init__(
        self,
        ledger: Ledger,
        slots: Slots,
        official: Callable[[str], OfficialWindow | None],
        teams: Teams,
        now: Callable[[], int],
    ) -> None:
        """`official` gives a provider's window by its name, `now` the time in microseconds."""
        self._slots = slots
        self._current = Current(ledger, teams, slots.of, official, now)
        self.limits, self.tally, self.teams = self._current.limits, self._current.tally, teams
        self._calibration = Calibration()
        self.books = Books(slots.of, self._begin, self._current.refresh, self._calibration)
        self.standings = Standings(self.books, self._current, slots, now)
        self.now = now
        self._levels = Levels(ledger, self.standings, now)
        self._changes = Changes()
        self.raises = Raises(self.books, self.standings, self._current, self._levels, self._changes)
        self._writing = 0
        self._doubtful = False
        for call, reserved in ledger.open_calls():
            self.books.recover(call, recovered(reserved))

    def strict(self, call: Call) -> Slot | None:
        """A slot with a strict budget that counts this call and would stop it; None if there is none."""
        counts = (count for counts in self.books.met(call, self.now()) for count in counts)
        return next((one.slot for one in counts if one.slot.budget.mode == "strict" and stops(one.standing())), None)

    def try_reserve(self, call: Call, reservation: Reservation) -> list[Over]:
        """Set aside for a call in all its slots, or in none: those that cannot take it, the most severe first.

        Budgets that only warn never prevent it.
        """
        parts = self._parts(call, reservation)
        over = [(count, need) for counts, need in parts for count in unfit(counts, need)]
        if not over:
            self._set_aside(call, reservation, parts)
            return []
        found = [Over(count.standing(), need, count.shortfall(need)) for count, need in over]
        found.sort(key=lambda one: severity(one.standing))
        if not stops(found[0].standing):
            self._set_aside(call, reservation, parts)
        return found

    def _set_aside(self, call: Call, reservation: Reservation, parts: list[Part]) -> None:
        self.books.reserve(call, reservation, parts)
        if not self.teams.any:
            return
        for counts, need in parts:
            for count in counts:
                if count.slot.budget.scope == TEAM:
                    self.teams.reserved(count, need.value)

    def fits(self, call: Call, reservation: Reservation) -> bool:
        """Whether no budget would stop a call."""
        parts = self._parts(call, reservation)
        return all(count.fits(need) for counts, need in parts for count in counts if stops(count.standing()))

    def _parts(self, call: Call, reservation: Reservation) -> list[Part]:
        self._current.renew_if_due(self.books.counts)
        met = self.books.met(call, self.now())
        return [Part(counts, self._calibration.need(counts[0], call, reservation)) for counts in met]

    def dated(self, call: Call) -> Call:
        """A call that begins now: whoever waited counts in the windows of the instant at which the wait was over."""
        return replace(call, started_us=self.now())

    def settle(self, call: Call, charge: Amount, *, exact: bool = False) -> list[Standing]:
        """Put a call's charge in place of what was set aside for it: the standings that reached a level, once each.

        `call` says who paid in the end, `exact` that it was billed so. `writing` must follow.
        """
        counts = self.books.settle(call.id, charge, self.now(), billing=call.billing, teaches=exact)
        risen = self._levels.risen(counts)
        self._changes.tell()
        return risen

    def admit_freely(self, call: Call) -> None:
        """Open a call for which nothing is set aside."""
        parts = [Part(counts, Need(0)) for counts in self.books.met(call, self.now())]
        self.books.reserve(call, Reservation(Amount(), Amount()), parts)

    def release(self, call: Call) -> None:
        """Give back what was set aside for a call that is not forwarded after all."""
        self.books.settle(call.id, Amount(), self.now())
        self._changes.tell()

    def charged(self, call: Call, amount: Amount) -> list[Standing]:
        """A call that did not pass here takes so much (more): what reached a level by it, once each."""
        now, counts = self.now(), {count.slot: count for count in self.books.counts()}
        met = [counts[slot] for slot in self._slots.of(call) if slot in counts]
        for count in met:
            if count.slot.budget.official is None:
                count.charge(call.started_us, measure(count.slot.budget, amount, call.billing), now)
        return self._levels.risen(met)

    def others_write(self) -> None:
        """Others are about to write charges, and tell of them by `charged` before `others_wrote`."""
        self._writing += 1

    def others_wrote(self) -> None:
        """They have: what was counted meanwhile may have them in it already, and is counted anew."""
        self._writing -= 1
        if self._doubtful:
            self._doubtful = False
            self.books.forget()

    def reread(self, sessions: Iterable[Session]) -> list[Standing]:
        """Count anew from the ledger, in which others have written: what of these sessions reached a level by that."""
        self.books.forget()
        risen = [one for one in self.standings.ahead(sessions) if self._levels.rises(self.books.count(one.slot), one)]
        self._changes.tell()
        return risen

    def presumed(self, call_ids: Iterable[int]) -> None:
        """The ledger has charged these calls, which a crash left open, at their worst case."""
        for call_id in call_ids:
            reservation = self.books.reserved_for(call_id)
            if reservation is not None:
                self.books.settle(call_id, reservation.worst, self.now())

    def hear(self, name: str, heard: Heard) -> list[Standing]:
        """Take what was heard of a team: what reached a level by that, once each."""
        if self.teams.hear(name, heard):
            self.books.forget()
        return self.teams_changed()

    def teams_changed(self) -> list[Standing]:
        """What is handed to this machine has changed: what reached a level by that, once each."""
        counts = [count for count in self.books.counts() if count.slot.budget.scope == TEAM]
        risen = self._levels.risen([self._current.limited(count) for count in counts])
        self._changes.tell()
        return risen

    def sweep(self) -> None:
        """Drop what has ended: windows, raises, and what was told of them."""
        self.books.sweep(self.now())
        self._current.renew(self.books.counts())
        self._current.sweep()
        self._levels.sweep()

    def change(self) -> AbstractContextManager[asyncio.Future[None]]:
        """A future that is done once something settles or a limit rises."""
        return self._changes.next()

    def _begin(self, slot: Slot) -> Count:
        """A count to be kept."""
        self._doubtful |= self._writing > 0
        return self._current.begin(slot)
