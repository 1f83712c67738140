"""Messages arrive as they were sent, in both directions; and how each way of leaving looks from the other end."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from tests.proxy.rig import Wire, happened
from tests.proxy.socket_rig import (
    KEY,
    RESPONSES,
    Pair,
    Socket,
    create,
    event,
    heard,
    lose,
    receive,
    say,
    socketed,
)
from tokenguard.proxy import link
from tokenguard.upstream import LARGEST_MESSAGE
from tokenguard.wire.shape import Refusal

MB = 1_000_000
DOWN = pytest.mark.parametrize("down", [True, False], ids=["down", "up"])


def ends(pair: Pair, down: bool) -> tuple[Any, Any]:
    """(who speaks, who listens)"""
    return (pair.upstream, pair.client) if down else (pair.client, pair.upstream)


@DOWN
async def test_messages_of_every_size_and_kind_arrive_as_they_were(down: bool) -> None:
    sent = [
        (kind, os.urandom(size) if kind is WSMsgType.BINARY else b"\xc3\xa9" * (size // 2) + b"x" * (size % 2))
        for kind in (WSMsgType.TEXT, WSMsgType.BINARY)
        for size in (0, 1, 125, 126, 65_535, 65_536, 3 * MB)
    ]
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        for kind, data in sent:
            await speaker.send_frame(data, kind)
            assert (await receive(listener))[:2] == (kind, data)


@DOWN
async def test_a_hundred_megabytes_are_one_message(down: bool) -> None:
    if not isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        pytest.skip("takes its time: one event loop is enough")
    block = os.urandom(MB)
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        async with asyncio.TaskGroup() as group:
            group.create_task(speaker.send_frame(block * 100, WSMsgType.BINARY))
            kind, data, _ = await receive(listener)
        assert (kind, len(data)) == (WSMsgType.BINARY, 100 * MB)
        assert hashlib.sha256(data).digest() == hashlib.sha256(block * 100).digest()


@DOWN
async def test_what_is_beyond_all_reason_ends_the_socket(monkeypatch: pytest.MonkeyPatch, down: bool) -> None:
    assert LARGEST_MESSAGE > 100 * MB
    for place in ("tokenguard.proxy.sockets", "tokenguard.upstream.pool"):
        monkeypatch.setattr(f"{place}.LARGEST_MESSAGE", 1000)
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        await speaker.send_frame(b"x" * 2000, WSMsgType.BINARY)
        assert (await receive(speaker))[:2] == (WSMsgType.CLOSE, aiohttp.WSCloseCode.MESSAGE_TOO_BIG)
        assert (await receive(listener))[0] is not WSMsgType.BINARY


@DOWN
async def test_pings_and_pongs_are_answered_by_nobody_in_between(down: bool) -> None:
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        await speaker.ping(b"are you there")
        assert (await receive(listener))[:2] == (WSMsgType.PING, b"are you there")
        await listener.pong(b"I am")
        assert (await receive(speaker))[:2] == (WSMsgType.PONG, b"I am")


async def test_text_that_is_none_and_messages_in_pieces_pass_too() -> None:
    async with socketed() as rig:
        wire = await _raw(rig.port)
        upstream, _ = await rig.opened.get()
        await wire.send(_frame(WSMsgType.TEXT, b"\xff\xfe no text"))
        assert (await receive(upstream))[:2] == (WSMsgType.TEXT, b"\xff\xfe no text")
        await wire.send(_frame(WSMsgType.TEXT, b"one ", last=False) + _frame(WSMsgType.PING, b"ping"))
        assert (await receive(upstream))[:2] == (WSMsgType.PING, b"ping")
        await wire.send(_frame(WSMsgType.CONTINUATION, b"two"))
        assert (await receive(upstream))[:2] == (WSMsgType.TEXT, b"one two")
        wire.close()


async def test_frames_against_the_protocol_end_the_socket() -> None:
    async with socketed() as rig:
        wire = await _raw(rig.port)
        upstream, _ = await rig.opened.get()
        await wire.send(bytes([0x83, 0x80]) + b"mask")
        assert struct.unpack("!xxH", await wire.reader.readexactly(4))[0] == aiohttp.WSCloseCode.PROTOCOL_ERROR
        assert (await receive(upstream))[0] is WSMsgType.CLOSED
        wire.close()


@DOWN
async def test_many_messages_keep_their_order(down: bool) -> None:
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        async with asyncio.TaskGroup() as group:
            group.create_task(say(speaker, *(b"%d" % number for number in range(2000))))
            for number in range(2000):
                assert await heard(listener) == b"%d" % number


async def test_both_directions_do_not_wait_for_each_other() -> None:
    """Sixty sockets at once, each saying its own in both directions."""
    async with socketed() as rig:

        async def talk(number: int) -> None:
            pair = await rig.connect(f"{RESPONSES}?{number}")
            own = pair.request.query_string.encode()
            for _ in range(20):
                await say(pair.upstream, b"down " + own)
                assert (await heard(pair.client)).startswith(b"down ")
                await say(pair.client, b"up")
                assert await heard(pair.upstream) == b"up"

        await asyncio.gather(*(talk(number) for number in range(60)))


@DOWN
async def test_who_listens_slowly_slows_the_other_down(down: bool) -> None:
    block, count = b"x" * (1 << 16), 800
    sent = 0

    async def send(speaker: Socket) -> None:
        nonlocal sent
        for _ in range(count):
            await speaker.send_frame(block, WSMsgType.BINARY)
            sent += len(block)

    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        ahead = received = 0
        async with asyncio.TaskGroup() as group:
            group.create_task(send(speaker))
            while received < count * len(block):
                # Turns of the loop in which everybody but the listener could go on.
                for _ in range(20):
                    await asyncio.sleep(0)
                ahead = max(ahead, sent - received)
                received += len((await receive(listener))[1])
        # Buffers of four sockets, of the kernel's choice, and ours: without backpressure it would be 50 MB.
        assert ahead < 25 * MB


@DOWN
@pytest.mark.parametrize(
    "said", [(1000, "done"), (4321, "caf\xe9"), (1011, ""), (0, "")], ids=["1000", "4321", "1011", "no code"]
)
async def test_a_closing_passes_with_its_code_and_so_does_the_answer(down: bool, said: tuple[int, str]) -> None:
    code, reason = said
    payload = struct.pack("!H", code) + reason.encode() if code else b""
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        await speaker.send_frame(payload, WSMsgType.CLOSE)
        assert await receive(listener) == (WSMsgType.CLOSE, code, reason)
        await listener.send_frame(struct.pack("!H", 4000), WSMsgType.CLOSE)
        assert (await receive(speaker))[:2] == (WSMsgType.CLOSE, 4000)


@DOWN
async def test_what_is_said_after_a_closing_still_arrives(down: bool) -> None:
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        await speaker.send_frame(b"", WSMsgType.CLOSE)
        assert (await receive(listener))[0] is WSMsgType.CLOSE
        await say(listener, b"last words")
        assert await heard(speaker) == b"last words"


@DOWN
async def test_a_closing_that_nobody_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, down: bool) -> None:
    monkeypatch.setattr(link, "CLOSING_TIME", 0.01)
    async with socketed() as rig:
        speaker, listener = ends(await rig.connect(), down)
        await speaker.send_frame(struct.pack("!H", 1000), WSMsgType.CLOSE)
        assert (await receive(listener))[:2] == (WSMsgType.CLOSE, 1000)
        assert (await receive(speaker))[0] is not WSMsgType.CLOSE


@DOWN
async def test_an_end_that_is_lost_takes_the_other_with_it_and_says_no_word(down: bool) -> None:
    async with socketed() as rig:
        lost, other = ends(await rig.connect(), down)
        lose(lost)
        assert (await receive(other))[0] in (WSMsgType.CLOSED, WSMsgType.ERROR)


async def test_shutdown_waits_for_turns_and_takes_no_further_one() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await say(pair.client, create())
        assert await heard(pair.upstream) == create()
        await say(pair.upstream, event("created", "resp_1"))
        await heard(pair.client)
        closing = asyncio.get_running_loop().create_task(rig.proxy.close(grace=20))
        await asyncio.sleep(0)
        await say(pair.client, create(input=["one more"]))
        await pair.client.ping(b"still there")
        # What comes first at the upstream shows that the turn was not sent on.
        assert (await receive(pair.upstream))[:2] == (WSMsgType.PING, b"still there")
        assert not closing.done()
        last = event("completed", "resp_1", usage=(10, 5))
        await say(pair.upstream, last)
        assert await heard(pair.client) == last
        for end in (pair.client, pair.upstream):
            assert (await receive(end))[:2] == (WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
        await closing
        settled = rig.guard.settled.get_nowait()
        assert (settled.outcome, settled.reading.state, len(rig.guard.admitted)) == ("ok", "final", 1)


async def test_shutdown_waits_for_a_decision_and_no_longer() -> None:
    async with socketed() as rig:
        rig.guard.holding = True
        rig.guard.refusal = Refusal(400, "text/plain", b"no")
        pair = await rig.connect()
        await say(pair.client, create())
        await happened(rig.guard.held)
        closing = asyncio.get_running_loop().create_task(rig.proxy.close(grace=20))
        await asyncio.sleep(0)
        assert not closing.done()
        rig.guard.release.set()
        assert b"invalid_prompt" in await heard(pair.client)
        assert (await receive(pair.client))[:2] == (WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
        await closing


async def test_shutdown_breaks_off_what_does_not_end_in_time() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await say(pair.client, create())
        await heard(pair.upstream)
        await say(pair.upstream, event("created", "resp_1"))
        await heard(pair.client)
        await rig.proxy.close(grace=0)
        settled = rig.guard.settled.get_nowait()
        assert (settled.outcome, settled.status) == ("cut", 200)
        assert (await receive(pair.client))[0] is not WSMsgType.TEXT


async def test_a_client_that_leaves_while_it_is_held_leaves_nothing_behind() -> None:
    async with socketed() as rig:
        rig.guard.holding = True
        pair = await rig.connect()
        await say(pair.client, create())
        await happened(rig.guard.held)
        lose(pair.client)
        await happened(rig.guard.left)
        assert (await receive(pair.upstream))[0] is not WSMsgType.TEXT
        assert rig.guard.settled.empty()


async def test_while_one_is_held_the_upstream_is_still_heard() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        rig.guard.holding = True
        await say(pair.client, create())
        await happened(rig.guard.held)
        await pair.upstream.ping(b"are you there")
        assert (await receive(pair.client))[:2] == (WSMsgType.PING, b"are you there")


async def _raw(port: int) -> Wire:
    """A client that writes its own frames, once its socket is open."""
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    await wire.send(
        b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: %b\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        % (RESPONSES.encode(), KEY["Authorization"].encode())
    )
    assert (await wire.head()).status == 101
    return wire


def _frame(kind: WSMsgType, payload: bytes, *, last: bool = True) -> bytes:
    """A short frame of a client; a mask of zeros changes nothing."""
    return bytes([(0x80 if last else 0) | kind, 0x80 | len(payload)]) + bytes(4) + payload
