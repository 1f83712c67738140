"""Answers that stay open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.control.conftest import Api
from tokenguard.client import Stream
from tokenguard.control import streams
from tokenguard.records import Event


async def opened(api: Api, path: str) -> Stream:
    return await asyncio.to_thread(api.daemon.stream, path)


async def taken(stream: Stream, count: int) -> list[dict[str, Any]]:
    def take() -> list[dict[str, Any]]:
        events = iter(stream)
        return [next(events) for _ in range(count)]

    return await asyncio.to_thread(take)


async def rest(stream: Stream) -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: list(stream))


async def test_events_as_they_happen(api: Api) -> None:
    stream = await opened(api, "/v1/events")
    api.guard.hub.tell(Event("call.started", 5, {"id": 1, "repo": "/ü"}))
    api.guard.hub.tell(Event("call.settled", 6, {"id": 1}))

    assert await taken(stream, 2) == [
        {"type": "call.started", "at_us": 5, "data": {"id": 1, "repo": "/ü"}},
        {"type": "call.settled", "at_us": 6, "data": {"id": 1}},
    ]
    stream.close()


async def test_the_wire_format_is_server_sent_events(api: Api) -> None:
    reader, writer = await asyncio.open_unix_connection(str(api.daemon.socket))
    writer.write(b"GET /v1/events HTTP/1.0\r\nHost: x\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"Content-Type: text/event-stream" in head
    assert await reader.readuntil(b"\n\n") == b": still here\n\n"
    api.guard.hub.tell(Event("call.settled", 6, {}))
    assert await reader.readuntil(b"\n\n") == (
        b'event: call.settled\ndata: {"type":"call.settled","at_us":6,"data":{}}\n\n'
    )
    writer.close()
    await writer.wait_closed()


async def test_a_listener_that_leaves_is_forgotten(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.01)
    stream = await opened(api, "/v1/events")
    assert api.guard.hub.listened
    stream.close()
    await api.happens(lambda: not api.guard.hub.listened)


async def test_a_watch_counts_while_it_is_there(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.01)
    assert not api.control.watched("xk")
    one, other = await opened(api, "/v1/sessions/xk/watch"), await opened(api, "/v1/sessions/xk/watch")
    assert api.control.watched("xk")
    assert not api.control.watched("other")
    one.close()
    assert api.control.watched("xk")
    other.close()
    await api.happens(lambda: not api.control.watched("xk"))


async def test_a_session_s_watch_tells_which_of_its_calls_wait(api: Api) -> None:
    stream = await opened(api, "/v1/sessions/xk/watch")
    api.guard.hub.tell(Event("hold.asked", 5, {"id": "aaaa", "session": "other"}))
    api.guard.hub.tell(Event("call.settled", 5, {"id": 1, "session": "xk"}))
    api.guard.hub.tell(Event("hold.asked", 6, {"id": "7f2c", "session": "xk"}))
    assert await taken(stream, 1) == [{"type": "hold.asked", "at_us": 6, "data": {"id": "7f2c", "session": "xk"}}]
    assert not api.guard.hub.listened
    stream.close()


async def test_they_end_with_the_daemon(api: Api) -> None:
    paths = ["/v1/events", "/v1/watch", "/v1/sessions/xk/watch"]
    open_ones = [await opened(api, path) for path in paths]
    api.control.close()
    assert [await rest(stream) for stream in open_ones] == [[], [], []]
    await api.happens(lambda: not api.control.watched("xk"))
    for stream in open_ones:
        stream.close()


async def test_a_listener_that_does_not_read_holds_up_nobody(api: Api) -> None:
    _, writer = await asyncio.open_unix_connection(str(api.daemon.socket), limit=1)
    writer.write(b"GET /v1/events HTTP/1.0\r\nHost: x\r\n\r\n")
    await api.happens(lambda: api.guard.hub.listened)
    for number in range(20_000):
        api.guard.hub.tell(Event("call.settled", number, {"text": "x" * 100}))
        if number % 1000 == 0:
            await asyncio.sleep(0)
    assert (await api.get("/v1/version"))["port"] == 4747
    writer.close()
