"""A ledger of a few calls that were priced as they would have been."""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec.structs import replace

from tests.ledger.support import in_memory
from tests.support.house import CATALOGUE, NOON
from tokenguard import prices
from tokenguard.ledger import Settlement, writes
from tokenguard.records import Amount, Call, Leg, Usage
from tokenguard.reports.advice import advise
from tokenguard.reports.advice.shape import Advice, Asked

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
PROVIDERS = {"claude": "anthropic", "codex": "openai", "gemini": "gemini"}
BEGIN = NOON - 24 * HOUR_US


class Books:
    """Calls one after the other, a minute apart unless told otherwise; the first one a day before noon."""

    def __init__(self) -> None:
        self.conn: sqlite3.Connection = in_memory()
        self.now_us = BEGIN
        self._id = 0

    def pause(self, minutes: int) -> None:
        self.now_us += minutes * MINUTE_US

    def call(
        self,
        usage: Usage,
        *,
        model: str = OPUS,
        outcome: str = "ok",
        status: int = 200,
        unpriced: bool = False,
        free: bool = False,
        **fields: Any,
    ) -> Call:
        """A call that takes ten seconds."""
        self._id += 1
        agent = fields.get("agent", "claude")
        call = Call(self._id, "s1", agent, PROVIDERS.get(agent, "anthropic"), "d", model, self.now_us)
        call = replace(call, **fields)
        writes.reserve(self.conn, call, Amount(1, 1, 1), None)
        legs = (Leg(model, usage),)
        charge = replace(prices.charge(CATALOGUE, call.provider, legs, self.now_us), leg_nanos=())
        charge = replace(charge, nanos=0) if free else charge
        writes.settle(
            self.conn,
            Settlement(
                call, None if unpriced else charge, self.now_us + 10_000_000, outcome, legs, usage, status=status
            ),
        )
        self.now_us += MINUTE_US
        return call

    def asked(self, until_us: int = NOON) -> Asked:
        return Asked(self.conn, CATALOGUE, BEGIN, until_us)

    def advise(self) -> dict[str, Any]:
        return advise(self.conn, CATALOGUE, BEGIN, NOON)


def nanos(usage: Usage, model: str, provider: str = "anthropic") -> int:
    """What that would cost as one call."""
    return prices.charge(CATALOGUE, provider, (Leg(model, usage),), BEGIN).nanos


def hows(advice: Advice | None) -> list[str]:
    return [change.how for change in advice.changes] if advice is not None else []
