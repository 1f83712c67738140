"""Events reach those who asked for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tokenguard.guard.hub import BACKLOG, Hub
from tokenguard.records import Event


def event(type: str, number: int = 0) -> Event:
    return Event(type, number, {"id": number})


async def taken(events: AsyncIterator[Event], count: int) -> list[tuple[str, int]]:
    found = [await anext(events) for _ in range(count)]
    return [(one.type, one.at_us) for one in found]


async def test_a_listener_gets_the_types_that_it_asked_for() -> None:
    hub = Hub()
    with hub.subscribe() as everything, hub.subscribe("hold.asked", "budget.level") as some:
        for number, kind in enumerate(["call.started", "hold.asked", "call.progress", "budget.level"]):
            hub.tell(event(kind, number))
        assert await taken(some, 2) == [("hold.asked", 1), ("budget.level", 3)]
        assert [number for _, number in await taken(everything, 4)] == [0, 1, 2, 3]


def test_only_who_hears_everything_makes_progress_worth_telling() -> None:
    hub = Hub()
    with hub.subscribe("hold.asked"):
        assert not hub.listened
        with hub.subscribe():
            assert hub.listened
    assert not hub.listened


async def test_what_others_hear_does_not_crowd_out() -> None:
    hub = Hub()
    with hub.subscribe("hold.asked") as some:
        hub.tell(event("hold.asked", 7))
        for number in range(2 * BACKLOG):
            hub.tell(event("call.settled", number))
        assert await taken(some, 1) == [("hold.asked", 7)]
