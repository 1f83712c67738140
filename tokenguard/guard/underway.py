"""What is learned of a call while it runs: who pays for it, how full its provider's windows are, how long it gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tokenguard.guard import showing
from tokenguard.guard.books import Books
from tokenguard.guard.flight import Flight
from tokenguard.guard.hub import Hub
from tokenguard.guard.official import Official
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.telling import told_of
from tokenguard.guard.turns import Turns
from tokenguard.policy import billing, estimate
from tokenguard.records import Call, Reading
from tokenguard.wire import official


class Underway:
    """Of the calls in flight. `reserver` is set, and set anew with other prices."""

    reserver: Reserver

    def __init__(
        self,
        flight: Flight,
        official: Official,
        books: Books,
        turns: Turns,
        hub: Hub,
        paid_by: Callable[[str], str | None],
        tell: Callable[[str, dict[str, Any]], None],
        now: Callable[[], int],
    ) -> None:
        """`paid_by` gives who pays a provider, where that is configured."""
        self._flight = flight
        self._official = official
        self._books = books
        self._turns = turns
        self._hub = hub
        self._paid_by = paid_by
        self._tell = tell
        self._now = now

    def answered(self, call: Call, headers: Mapping[str, str]) -> None:
        """The provider has begun to answer a call: its headers may tell who pays, and how full its windows are."""
        for window in self._official.learn(official.read(call.provider, headers, self._now())):
            self._tell("official.window", showing.window_view(window))
        paid = billing.served(call.billing, headers, setting=self._paid_by(call.provider))
        if paid != call.billing:
            self._flight.paid[call.id] = paid

    def progress(self, call: Call, reading: Reading) -> None:
        """Take note of what a call that still runs has answered so far, and tell."""
        self._outgrown(call, reading)
        if self._hub.listened:
            self._tell("call.progress", told_of(call) | {"usage": reading.usage, "output_bytes": reading.output_bytes})

    def _outgrown(self, call: Call, reading: Reading) -> None:
        asked, facts = self._books.asked_for(call.id), self._turns.sent(call)
        so_far = max(reading.usage.output, reading.output_bytes // estimate.BYTES_PER_TOKEN)
        if asked is None or asked.mean is None or facts is None or so_far * 2 < asked.mean.usage.output:
            return
        self._books.outgrown(call.id, self.reserver.outgrown(call, facts, asked, so_far))
