"""Clients without a token: asked for once a connection, their name taken out of what goes on."""

from __future__ import annotations

import asyncio
import time

from msgspec.structs import replace

from tests.proxy.rig import ASK, MESSAGES, SESSION, Exchange, happened, proxied, request
from tests.proxy.socket_rig import create, heard, say, socketed
from tokenguard.errors import ConfigError
from tokenguard.proxy.clients import SessionOf
from tokenguard.records import Session

DIRECT = b"/anthropic/v1/messages"


class Noting:
    """Knows every client, and what their requests called themselves."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, int], tuple[str, int]]] = []
        self.names: list[str | None] = []
        self.error: ConfigError | None = None
        self.arrived = asyncio.Event()
        self.given_up = asyncio.Event()
        self.ready = asyncio.Event()
        self.ready.set()

    async def client(self, own: tuple[str, int], peer: tuple[str, int]) -> SessionOf:
        self.asked.append((own, peer))
        self.arrived.set()
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        return self._session

    def _session(self, name: str | None) -> Session:
        self.names.append(name)
        if self.error is not None:
            raise self.error
        return replace(SESSION, id=f"of-{name}" if name else "u1")


async def ok(exchange: Exchange) -> None:
    await exchange.answer(b"{}")


async def test_a_client_is_identified_once_a_connection_and_asked_for_at_every_call() -> None:
    clients = Noting()
    async with proxied(ok, clients=clients) as rig:
        client = await rig.connect()
        for name in (b"", b"X-TokenGuard-Session: nightly\r\n", b""):
            await client.send(request(ASK, target=DIRECT, headers=name))
            assert (await client.message()).status == 200
        assert (await (await rig.post(target=DIRECT)).message()).status == 200
        assert [call.session for call in rig.guard.admitted] == ["u1", "of-nightly", "u1", "u1"]
    assert clients.names == [None, "nightly", None, None]
    assert len(clients.asked) == 2
    own, peer = clients.asked[0]
    assert (own[0], own[1], peer[0]) == ("127.0.0.1", rig.port, "127.0.0.1")
    assert peer[1] not in (rig.port, clients.asked[1][1][1])


async def test_the_name_is_for_us_alone() -> None:
    async with proxied(ok, clients=Noting()) as rig:
        for target in (DIRECT, MESSAGES, b"/anthropic/v1/models", b"/anthropic/v1/anything"):
            for spelled in (b"X-TokenGuard-Session", b"x-tokenguard-session"):
                answer = await (await rig.post(target=target, headers=spelled + b": secret-name\r\n")).message()
                assert answer.status == 200
        assert len(rig.upstream.received) == 8
        for seen in rig.upstream.received:
            assert not [name for name, _ in seen.headers if b"tokenguard" in name.lower()]
            assert b"secret-name" not in b"".join(value for _, value in seen.headers) + seen.body


async def test_who_shows_a_token_is_not_asked_for() -> None:
    clients = Noting()
    async with proxied(ok, clients=clients) as rig:
        answer = await (await rig.post(headers=b"X-TokenGuard-Session: other\r\n")).message()
        assert answer.status == 200
        assert (await (await rig.post(b"", target=b"/healthz")).message()).status == 200
        assert (await (await rig.post(target=b"/nonesuch/v1/messages")).message()).status == 404
        assert [call.session for call in rig.guard.admitted] == ["s1"]
    assert not clients.asked


async def test_what_its_repository_says_wrong_is_the_answer() -> None:
    clients = Noting()
    clients.error = ConfigError('tokenguard.toml: budget "day": limit is missing', "correct it")
    async with proxied(ok, clients=clients) as rig:
        answer = await (await rig.post(target=DIRECT)).message()
        assert answer.status == 402
        assert b"tokenguard.toml" in answer.body
        assert not rig.upstream.received


async def test_a_client_that_leaves_meanwhile_is_forgotten() -> None:
    clients = Noting()
    clients.ready.clear()
    async with proxied(ok, clients=clients) as rig:
        client = await rig.post(target=DIRECT)
        await happened(clients.arrived)
        client.close()
        await happened(clients.given_up)
        clients.ready.set()
        assert (await (await rig.post(target=DIRECT)).message()).status == 200
        assert len(rig.upstream.received) == 1
        assert len(rig.proxy._visitors._known) == 1  # pyright: ignore[reportPrivateUsage]  # being forgotten shows in memory only


async def test_others_are_served_while_one_is_looked_for() -> None:
    clients = Noting()
    clients.ready.clear()
    async with proxied(ok, clients=clients) as rig:
        slow = await rig.post(target=DIRECT)
        await happened(clients.arrived)
        started = time.monotonic()
        assert (await (await rig.post()).message()).status == 200
        assert time.monotonic() - started < 10
        clients.ready.set()
        assert (await slow.message()).status == 200


async def test_a_socket_belongs_to_its_client_too() -> None:
    clients = Noting()
    async with socketed(clients=clients) as rig:
        pair = await rig.connect("/openai/v1/responses", headers={"X-TokenGuard-Session": "pairing"})
        assert "x-tokenguard-session" not in pair.request.headers
        await say(pair.client, create(model="gpt-6.1-sol"))
        assert await heard(pair.upstream) == create(model="gpt-6.1-sol")
        assert rig.guard.admitted[0].session == "of-pairing"
