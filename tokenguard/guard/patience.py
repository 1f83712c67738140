"""Calls that only other calls in flight keep from being reserved wait a moment for one of them to settle."""

from __future__ import annotations

import asyncio

from tokenguard.guard.counting import Counting
from tokenguard.guard.over import Over, stopping
from tokenguard.guard.reservation import Reservation
from tokenguard.records import Call

PATIENCE_S = 3.0
"""How long a call that only open reservations block waits for one of them to settle."""


class Patience:
    """Reserves, with a wait where that may help."""

    def __init__(self, counting: Counting) -> None:
        self._counting = counting

    async def reserve(self, call: Call, reservation: Reservation) -> tuple[Call, list[Over]]:
        """As `Counting.try_reserve`, of a call that begins now, which is returned.

        One that would fit if open reservations were not there, or if its team handed more to this machine, waits up to
        `PATIENCE_S`.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            call = self._counting.dated(call)
            over = self._counting.try_reserve(call, reservation)
            full = stopping(over)
            if not full or not all([self._may_yet_fit(one) for one in full]):
                return call, over
            with self._counting.change() as changed:
                try:
                    async with asyncio.timeout_at(deadline):
                        await changed
                except TimeoutError:
                    for one in full:
                        self._counting.teams.waited_in_vain(one.standing.slot)
                    return call, over

    def _may_yet_fit(self, over: Over) -> bool:
        slot = over.standing.slot
        if self._counting.teams.may_grow(slot, over.shortfall):
            return True
        count = self._counting.books.count(slot)
        return count.reserved > 0 and count.fits_alone(over.need)
