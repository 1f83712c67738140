"""Answers that are read on without their clients, because they are billed to their end anyway."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from aiohttp import ClientResponse, web

from tests.proxy.rig import ASK, PATIENCE, Exchange, Rig, Wire, happened, proxied
from tests.proxy.test_forward import ANSWER, EVENTS, EXPECTED, JSON
from tokenguard.policy.disconnects import Drain
from tokenguard.proxy import forward
from tokenguard.upstream import arrived

PLAIN_ASK = ASK.replace(b'"stream":true', b'"stream":false')
LONG = Drain(PATIENCE, 1 << 30)


class Provider:
    """Sends half a stream, or nothing, and the rest once the test says so."""

    def __init__(self, *, before: bytes, after: bytes) -> None:
        self.before = before
        self.after = after
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.left = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        if self.before:
            await exchange.start()
            await exchange.chunk(self.before)
        self.asked.set()
        leaving = asyncio.get_running_loop().create_task(self._watch(exchange))
        await happened(self.go_on)
        if not self.before:
            leaving.cancel()
            await exchange.answer(self.after, headers=JSON)
        else:
            await exchange.chunk(self.after)
            await exchange.end()
            leaving.cancel()
        self.done.set()

    async def _watch(self, exchange: Exchange) -> None:
        if await exchange.closed():
            self.left.set()


def streaming() -> Provider:
    return Provider(before=EVENTS[0] + EVENTS[1], after=b"".join(EVENTS[2:]))


async def leave(rig: Rig, provider: Provider, client: Wire) -> None:
    """Wait for what the provider sends first, then go, and until the proxy has noticed."""
    await happened(provider.asked)
    if provider.before:
        got = b""
        pieces = client.pieces(await client.head())
        while got != provider.before:
            got += await anext(pieces)
    client.close()
    await happened(rig.guard.asked_to_drain)


async def test_a_stream_is_read_to_its_end_without_its_client() -> None:
    provider = streaming()
    async with proxied(provider) as rig:
        rig.guard.drained = LONG
        await leave(rig, provider, await rig.post())
        assert rig.guard.settled.empty() and not provider.left.is_set()
        provider.go_on.set()
        settled = await rig.guard.next_settled()
    assert (settled.outcome, settled.status, settled.reading.state) == ("client-gone", 200, "final")
    assert settled.reading.usage == EXPECTED and settled.reading.marks == ("drained",)


async def test_an_answer_that_has_not_begun_is_waited_for() -> None:
    provider = Provider(before=b"", after=ANSWER)
    async with proxied(provider) as rig:
        rig.guard.drained = LONG
        await leave(rig, provider, await rig.post(PLAIN_ASK))
        provider.go_on.set()
        settled = await rig.guard.next_settled()
    assert (settled.outcome, settled.status, settled.reading.state) == ("client-gone", 200, "final")
    assert settled.reading.usage == EXPECTED and settled.reading.marks == ("drained",)


async def test_a_disconnect_is_passed_on_where_nothing_is_to_be_drained() -> None:
    provider = streaming()
    async with proxied(provider) as rig:
        await leave(rig, provider, await rig.post())
        await happened(provider.left)
        settled = await rig.guard.next_settled()
    assert (settled.outcome, settled.reading.state) == ("client-gone", "partial")
    assert settled.reading.marks == ("provisional-output",)


@pytest.mark.parametrize("drain", [Drain(0.01, 1 << 30), Drain(PATIENCE, 10)])
async def test_patience_ends_after_a_time_or_an_amount(drain: Drain) -> None:
    provider = streaming()
    async with proxied(provider) as rig:
        rig.guard.drained = drain
        await leave(rig, provider, await rig.post())
        if drain.bytes == 10:
            provider.after = b": padding\n\n" + EVENTS[1]
            provider.go_on.set()
        settled = await rig.guard.next_settled()
        await happened(provider.done if drain.bytes == 10 else provider.left)
    assert (settled.outcome, settled.reading.state) == ("client-gone", "partial")
    assert settled.reading.marks == ("provisional-output", "drained") and settled.reading.usage.input == 7


async def test_an_answer_that_fits_is_not_given_up() -> None:
    provider = streaming()
    async with proxied(provider) as rig:
        rig.guard.drained = Drain(PATIENCE, len(provider.after))
        await leave(rig, provider, await rig.post())
        provider.go_on.set()
        assert (await rig.guard.next_settled()).reading.state == "final"


async def test_the_end_of_the_daemon_waits_for_it_as_for_any_call() -> None:
    provider = streaming()
    async with proxied(provider) as rig:
        rig.guard.drained = LONG
        await leave(rig, provider, await rig.post())
        closing = asyncio.get_running_loop().create_task(rig.proxy.close(grace=PATIENCE))
        await asyncio.sleep(0)
        assert not closing.done()
        provider.go_on.set()
        await closing
        assert rig.guard.settled.get_nowait().reading.state == "final"


async def test_it_ends_when_the_daemon_s_grace_does() -> None:
    provider = streaming()
    async with proxied(provider) as rig:
        rig.guard.drained = LONG
        await leave(rig, provider, await rig.post())
        await rig.proxy.close(grace=0)
        settled = rig.guard.settled.get_nowait()
        await happened(provider.left)
    assert (settled.outcome, settled.reading.state) == ("client-gone", "partial")


async def test_an_answer_that_breaks_off_meanwhile_is_cut() -> None:
    async def script(exchange: Exchange) -> None:
        asked.set()
        await happened(go_on)
        await exchange.start()
        await exchange.chunk(EVENTS[0])
        raise ConnectionError

    asked, go_on = asyncio.Event(), asyncio.Event()
    async with proxied(script) as rig:
        rig.guard.drained = LONG
        client = await rig.post()
        await happened(asked)
        client.close()
        await happened(rig.guard.asked_to_drain)
        go_on.set()
        settled = await rig.guard.next_settled()
    assert (settled.outcome, settled.reading.usage.input) == ("cut", 7)


async def test_a_provider_that_said_no_is_not_waited_for() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 529 Overloaded\r\nContent-Length: 100\r\n\r\n{")
        assert await exchange.closed()
        left.set()

    left = asyncio.Event()
    async with proxied(script) as rig:
        rig.guard.drained = LONG
        client = await rig.post()
        await client.head()
        client.close()
        await happened(left)
        assert (await rig.guard.next_settled()).outcome == "client-gone"
        assert not rig.guard.asked_to_drain.is_set()


async def test_a_client_that_reads_slowly_and_leaves_does_not_stop_it() -> None:
    padding = b": " + b"x" * (64 << 10) + b"\n\n"

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENTS[0])
        for _ in range(128):
            await exchange.chunk(padding)
        for event in EVENTS[1:]:
            await exchange.chunk(event)
        await exchange.end()

    async with proxied(script) as rig:
        rig.guard.drained = LONG
        client = await rig.connect(receive_buffer=4096)
        head = b"POST /s/token-of-the-session/anthropic/v1/messages HTTP/1.1\r\nHost: localhost\r\n"
        await client.send(head + b"Content-Length: %d\r\n\r\n%b" % (len(ASK), ASK))
        await client.reader.readexactly(100)
        client.writer.transport.abort()
        settled = await rig.guard.next_settled()
    assert (settled.outcome, settled.reading.state, settled.reading.usage) == ("client-gone", "final", EXPECTED)


async def test_what_had_come_when_the_disconnect_was_passed_on_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow client holds up what the provider has sent already."""

    def rest(answer: ClientResponse) -> bytes:
        assert arrived(answer) == b""
        return provider.after

    monkeypatch.setattr(forward, "arrived", rest)
    provider = streaming()
    async with proxied(provider) as rig:
        await leave(rig, provider, await rig.post())
        settled = await rig.guard.next_settled()
    assert (settled.outcome, settled.reading.state, settled.reading.usage) == ("client-gone", "final", EXPECTED)


async def test_a_request_whose_client_is_gone_before_its_turn_is_not_made() -> None:
    class Orphan:
        transport = None

    async with proxied(streaming()) as rig:
        with pytest.raises(ConnectionResetError):
            # No client can choose that moment.
            await rig.proxy._handle(cast(web.BaseRequest, Orphan()))  # pyright: ignore[reportPrivateUsage]
        assert not rig.guard.begun
