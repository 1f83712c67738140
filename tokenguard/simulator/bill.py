"""The provider's own account of what it charges: the truth that a ledger is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.simulator.pricing import nanos
from tokenguard.simulator.shape import Leg, Reply, Usage

_FREE = ("ollama",)
"""Dialects of servers on the user's own machine."""


class BilledCall(Struct, frozen=True):
    """One call that was charged."""

    id: str
    """The response's id, as its body names it; that of the request where it names none (Bedrock's Converse)."""
    request_id: str
    """The id in the response's headers; empty where the provider sends none."""
    dialect: str
    model: str
    """The model that served, as the answer calls it; each leg has the name that its price goes by."""
    stream: bool
    outcome: str
    """`completed`; or why the client did not get all of it: `left`, `cut`, `error`, `halfevent`."""
    tier: str
    usage: Usage
    """The sum of the legs."""
    fees: dict[str, int]
    legs: tuple[Leg, ...]
    nanos: int


class Bill(Struct, frozen=True):
    """All charged calls, oldest first."""

    calls: tuple[BilledCall, ...] = ()
    total_nanos: int = 0
    in_flight: int = 0
    """Calls whose charge is not known yet, because they still run."""


def billed(reply: Reply, day: date, ids: tuple[str, str], outcome: str, output: int) -> BilledCall:
    """The charge for a reply of which `output` tokens were generated, at the prices of that day.

    `ids`: of the response and of the request.
    """
    message = reply.legs[-1]
    generated = replace(message.usage, output=output, reasoning=min(output, message.usage.reasoning))
    legs = tuple(
        replace(leg, nanos=0 if reply.ask.dialect in _FREE else nanos(leg, day))
        for leg in (*reply.legs[:-1], replace(message, usage=generated))
    )
    usage = sum((leg.usage for leg in legs), Usage())
    return BilledCall(
        id=ids[0],
        request_id=ids[1],
        dialect=reply.ask.dialect,
        model=reply.model,
        stream=reply.ask.stream,
        outcome=outcome,
        tier=message.tier,
        usage=usage,
        fees=message.fees,
        legs=legs,
        nanos=sum(leg.nanos for leg in legs),
    )


class Account:
    """Keeps the bill while calls run."""

    def __init__(self) -> None:
        self.calls: list[BilledCall] = []
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def bill(self) -> Bill:
        """The bill as it stands."""
        return Bill(tuple(self.calls), sum(call.nanos for call in self.calls), self._in_flight)

    @contextmanager
    def running(self) -> Generator[None, None, None]:
        """A call runs while the block does."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no call is running."""
        await self._idle.wait()
