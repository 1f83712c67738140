"""How a reply will be sent, faults included. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from random import Random

from msgspec import Struct

from tokenguard.simulator.markers import HALFWAY, Directions
from tokenguard.simulator.shape import Dialect, Event, Reply

PAGE = b"<!doctype html><html><body><h1>Welcome to Hotel Wi-Fi</h1></body></html>"
"""The answer to `[sim:garbage]`."""


class Ending(StrEnum):
    """What happens behind the last event."""

    REGULAR = "regular"
    CLOSE = "close"
    """The connection breaks."""
    HANG = "hang"
    """Nothing, until the client leaves."""


class Plan(Struct, frozen=True):
    """A stream as it will really be sent."""

    events: tuple[Event, ...]
    ending: Ending = Ending.REGULAR
    outcome: str = "completed"
    length: int | None = None
    """The `Content-Length` that is announced; None: none."""


def stream_plan(dialect: Dialect, reply: Reply, directions: Directions) -> Plan:
    """The stream of a reply, with the faults that its prompt asks for."""
    events = list(dialect.events(reply))
    if directions.big:
        events.insert(1, Event(dialect.padding(directions.big), events[0].output))
    if directions.halfevent:
        return Plan(tuple(_halved(events)), outcome="halfevent")
    if directions.cut is not None:
        return Plan(_until(events, directions.cut), Ending.CLOSE, "cut")
    if directions.hang is not None:
        return Plan(_until(events, directions.hang), Ending.HANG, "left")
    if directions.midstream_error is not None:
        before = _until(events, directions.midstream_error)
        return Plan((*before, Event(dialect.broken(reply.key), before[-1].output)), outcome="error")
    return Plan(tuple(events))


def document_plan(dialect: Dialect, reply: Reply, directions: Directions) -> Plan:
    """The same for a reply that is one document."""
    total = reply.usage.output
    body = dialect.whole(reply)
    if directions.big:
        body = body[:-1] + b',"padding":"' + b"x" * directions.big + b'"}'
    half = (Event(body[: len(body) // 2], total),)
    if directions.halfevent:
        return Plan(half, outcome="halfevent")
    if directions.cut is not None:
        return Plan(half, Ending.CLOSE, "cut", len(body))
    if directions.hang is not None:
        return Plan(half, Ending.HANG, "left", len(body))
    return Plan((Event(body, total),), length=len(body))


def ragged(events: Sequence[Event], key: str) -> Iterator[Event]:
    """The same bytes in pieces that do not end where events end, as a network delivers them."""
    rng = Random(key)
    held = b""
    for event in events:
        held += event.data
        if rng.random() < 0.5:
            keep = rng.randrange(len(event.data))
            yield Event(held[: len(held) - keep], event.output)
            held = held[len(held) - keep :]
    if held:
        yield Event(held, events[-1].output)


def _until(events: list[Event], tokens: int) -> tuple[Event, ...]:
    limit = events[-1].output // 2 if tokens == HALFWAY else tokens
    # The first event carries no output, but it is what makes a stream of this an answer.
    return tuple(event for index, event in enumerate(events) if index == 0 or event.output <= limit)


def _halved(events: list[Event]) -> list[Event]:
    reports = [index for index, event in enumerate(events) if b'"usage' in event.data]
    last = reports[-1] if reports else len(events) - 1
    event = events[last]
    return [*events[:last], Event(event.data[: len(event.data) // 2], event.output)]
