"""Events, from where they happen to whoever listens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager

from tokenguard.records import Event

BACKLOG = 1_000
"""Events kept for a listener that is slow; beyond it the oldest go and a `lost` event counts them."""


class _Listener:
    def __init__(self, types: frozenset[str]) -> None:
        self.types = types
        self.events: deque[Event] = deque()
        self.lost = 0
        self.wake = asyncio.Event()

    def put(self, event: Event) -> None:
        if event.type == "call.progress" and self.events and _same_call(self.events[-1], event):
            self.events.pop()  # the newer count says it all
        elif len(self.events) >= BACKLOG:
            self.events.popleft()
            self.lost += 1
        self.events.append(event)
        self.wake.set()

    async def drain(self) -> AsyncIterator[Event]:
        while True:
            await self.wake.wait()
            self.wake.clear()
            if self.lost:
                yield Event("lost", self.events[0].at_us, {"count": self.lost})
                self.lost = 0
            while self.events:
                yield self.events.popleft()


class Hub:
    """Fans events out; a listener never slows the one who tells."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()

    def tell(self, event: Event) -> None:
        """Hand an event to every listener."""
        for listener in self._listeners:
            if not listener.types or event.type in listener.types:
                listener.put(event)

    @property
    def listened(self) -> bool:
        """Whether anybody listens to everything: what is only worth telling then can be left out."""
        return any(not listener.types for listener in self._listeners)

    @contextmanager
    def subscribe(self, *types: str) -> Generator[AsyncIterator[Event]]:
        """The events of these types, or all of them, from now on, for as long as the context is open."""
        listener = _Listener(frozenset(types))
        self._listeners.add(listener)
        try:
            yield listener.drain()
        finally:
            self._listeners.discard(listener)


def _same_call(one: Event, other: Event) -> bool:
    return one.type == other.type and one.data.get("id") == other.data.get("id")
