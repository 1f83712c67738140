"""Bytes on their way back: at once, one after the other, no more in memory than must be, and ended as they ended."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from tests.proxy.rig import MESSAGES, Exchange, happened, proxied, request
from tokenguard import wire
from tokenguard.proxy.relay import Relay
from tokenguard.records import Facts, Reading

MB = 1 << 20


async def test_each_piece_reaches_the_client_before_the_next_is_sent() -> None:
    read = asyncio.Semaphore(0)

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        for number in range(5):
            await asyncio.wait_for(read.acquire(), 20)
            await exchange.chunk(b"data: %d\n\n" % number)
        await asyncio.wait_for(read.acquire(), 20)
        await exchange.end()

    async with proxied(script) as rig:
        client = await rig.post()
        pieces = client.pieces(await client.head())
        for number in range(5):
            read.release()
            assert await anext(pieces) == b"data: %d\n\n" % number
        read.release()
        assert [piece async for piece in pieces] == []


async def test_a_piece_that_is_not_a_whole_event_does_not_wait() -> None:
    read = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"event: message_st")
        await happened(read)
        await exchange.chunk(b"art\ndata: {}\n\n")
        await exchange.end()

    async with proxied(script) as rig:
        client = await rig.post()
        pieces = client.pieces(await client.head())
        assert await anext(pieces) == b"event: message_st"
        read.set()
        assert [piece async for piece in pieces] == [b"art\ndata: {}\n\n"]


async def test_the_client_has_a_piece_before_the_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[str, bytes]] = []

    class Meter:
        def feed(self, chunk: bytes) -> None:
            order.append(("metered", chunk))

        def reading(self, *, ended: bool) -> Reading:
            return Reading()

    def meter(facts: Facts, provider: str, *, stream: bool) -> Meter:
        return Meter()

    write = Relay.send

    def send(relay: Relay, data: bytes, *, last: bool = False) -> None:
        write(relay, data, last=last)
        order.append(("written", data))

    async def script(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    monkeypatch.setattr(wire.DIALECTS["anthropic-messages"], "meter", meter)
    monkeypatch.setattr(Relay, "send", send)
    async with proxied(script) as rig:
        await (await rig.post()).message()
    assert order == [("written", b"{}"), ("metered", b"{}")]


@pytest.mark.parametrize("chunked", [True, False])
async def test_fifty_megabytes_pass_whole(chunked: bool) -> None:
    block = bytes(range(256)) * 256
    total = 50 * MB // len(block)

    async def script(exchange: Exchange) -> None:
        if chunked:
            await exchange.start(b"Content-Type: application/json\r\n")
        else:
            await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (total * len(block)))
        for _ in range(total):
            await (exchange.chunk(block) if chunked else exchange.send(block))
        if chunked:
            await exchange.end()

    async with proxied(script) as rig:
        answer = await (await rig.post()).message()
        assert answer.complete and len(answer.body) == total * len(block)
        assert hashlib.sha256(answer.body).digest() == hashlib.sha256(block * total).digest()
        assert (await rig.guard.next_settled()).outcome == "ok"


async def test_a_slow_client_slows_the_upstream_down() -> None:
    block = b"x" * (1 << 16)
    sent = 0

    async def script(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (800 * len(block)))
        for _ in range(800):
            await exchange.send(block)
            sent += len(block)

    async with proxied(script) as rig:
        client = await rig.connect(receive_buffer=1 << 16)
        await client.send(request())
        await client.head()
        received = ahead = 0
        while received < 800 * len(block):
            # Turns of the loop in which everybody but the client could go on.
            for _ in range(20):
                await asyncio.sleep(0)
            ahead = max(ahead, sent - received)
            received += len(await client.reader.read(1 << 18))
        # The buffers of three sockets, of the kernel's choice, and ours: without backpressure it would be 50 MB.
        assert ahead < 20 * MB


async def test_an_answer_of_unknown_length_is_chunked_and_ends_with_its_connection() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello")
        raise ConnectionError

    async with proxied(script) as rig:
        client = await rig.post()
        answer = await client.message()
        assert answer.headers == [(b"Content-Type", b"text/plain"), (b"Transfer-Encoding", b"chunked")]
        assert (answer.body, answer.complete) == (b"hello", True)
        assert (await rig.guard.next_settled()).outcome == "ok"


@pytest.mark.parametrize("whole", [True, False])
async def test_an_old_client_gets_a_body_that_ends_with_the_connection(whole: bool) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"data: 1\n\n")
        await happened(read)
        if not whole:
            raise ConnectionError
        await exchange.end()

    read = asyncio.Event()
    async with proxied(script) as rig:
        client = await rig.connect()
        await client.send(request().replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        head = await client.head()
        assert head.all(b"Transfer-Encoding") == [] and head.get(b"Connection") == b"close"
        assert await client.reader.readexactly(9) == b"data: 1\n\n"
        read.set()
        if whole:
            assert await client.closed()
        else:
            with pytest.raises(ConnectionResetError):
                await client.reader.read()


async def test_a_client_that_wants_to_close_is_closed() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    async with proxied(script) as rig:
        client = await rig.post(headers=b"Connection: close\r\n")
        answer = await client.message()
        assert answer.get(b"Connection") == b"close"
        assert await client.closed()


async def test_head_and_reason_are_the_upstreams() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(
            b"HTTP/1.1 200 Tr\xc3\xa8s bien \xe9\r\nX-Odd: caf\xe9 \xc3\xa9\r\nContent-Length: 0\r\n\r\n"
        )

    async with proxied(script) as rig:
        answer = await (await rig.post()).message()
        assert answer.first == b"HTTP/1.1 200 Tr\xc3\xa8s bien \xe9"
        assert answer.headers == [(b"X-Odd", b"caf\xe9 \xc3\xa9"), (b"Content-Length", b"0")]


async def test_many_streams_at_once_do_not_mix() -> None:
    everybody = asyncio.Event()
    there = 0

    async def script(exchange: Exchange) -> None:
        nonlocal there
        there += 1
        if there == 60:
            everybody.set()
        await happened(everybody)
        await exchange.start()
        number = exchange.request.get(b"X-Number") or b""
        for _ in range(20):
            await exchange.chunk(b"data: %b\n\n" % number)
            await asyncio.sleep(0)
        await exchange.end()

    async with proxied(script) as rig:

        async def one(number: int) -> None:
            client = await rig.post(target=MESSAGES, headers=b"X-Number: %d\r\n" % number)
            assert (await client.message()).body == b"data: %d\n\n" % number * 20

        await asyncio.gather(*(one(number) for number in range(60)))
        assert rig.guard.settled.qsize() == 60
