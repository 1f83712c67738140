"""A client that leaves, before providers of its own: once directly, once through tokenguard."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.chaos import bodies
from tests.chaos.cases import Case
from tests.support.house import CATALOGUE
from tokenguard import simulator
from tokenguard.config.sections import DaemonSettings, InterruptedSettings
from tokenguard.config.settings import Config
from tokenguard.guard import Admission, Guard, OpenSession
from tokenguard.guard.deciding import Count
from tokenguard.ledger import Ledger
from tokenguard.proxy import Proxy
from tokenguard.records import Call, Facts, Session
from tokenguard.simulator import Simulator
from tokenguard.upstream import Upstreams

SILENCE_S = 0.08
"""After which a client takes a stream for hung."""

MOMENTS = 8
"""In which that time passes: a process that is stopped for longer than all of it has heard nothing in one of them."""

DRAIN_S = 3.0
"""For which an answer is read on: hung ones take all of it."""

PATIENCE_S = 90.0

TOLD = {"anthropic": "drain", "openai": "drain", "gemini": "stop"}
"""`on_disconnect` of a house whose providers do the contrary of what they usually do."""


class Result(Struct, frozen=True):
    """What a call cost by everybody's account, in nanodollars."""

    case: Case
    truth: int
    """By the provider's bill."""
    direct: int
    """By the provider's bill for the same call without tokenguard."""
    cost: int
    low: int
    high: int
    confidence: str
    outcome: str
    marks: tuple[str, ...]
    dearer: bool = False
    """Whether it cost more than without tokenguard, not only by chance."""

    @property
    def contained(self) -> bool:
        return self.low <= self.truth <= self.high

    @property
    def drained(self) -> bool:
        """Whether the answer was read on and came to its end."""
        return "drained" in self.marks and self.confidence == "exact"


class Watched(Guard):
    """Tells what each session's calls came to."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.begun: dict[str, int] = {}
        self.settled: dict[str, asyncio.Queue[Mapping[str, Any] | None]] = {}
        """None for a call whose client left before it was let through."""

    def begin(
        self, session: Session | None, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]
    ) -> Call:
        call = super().begin(session, provider=provider, dialect=dialect, facts=facts, headers=headers)
        self.begun[call.session] = self.begun.get(call.session, 0) + 1
        return call

    async def admit(self, call: Call, facts: Facts, count: Count | None = None) -> Admission:
        try:
            return await super().admit(call, facts, count)
        except asyncio.CancelledError:
            self.settled.setdefault(call.session, asyncio.Queue()).put_nowait(None)
            raise

    def tell(self, kind: str, data: dict[str, object]) -> None:
        super().tell(kind, data)
        if kind == "call.settled":
            self.settled.setdefault(str(data["session"]), asyncio.Queue()).put_nowait(data)


class House:
    """tokenguard on loopback."""

    def __init__(self, guard: Watched, port: int) -> None:
        self.guard = guard
        self.port = port


@asynccontextmanager
async def house(folder: Path, on_disconnect: dict[str, str]) -> AsyncGenerator[House]:
    """A guard with a ledger of its own, behind a proxy."""
    config = Config(
        daemon=DaemonSettings(port=0),
        interrupted=InterruptedSettings(drain_seconds=DRAIN_S),
        on_disconnect=on_disconnect,
    )
    ledger = Ledger.open(folder / f"{'-'.join(on_disconnect) or 'usual'}.db")
    guard = Watched(ledger, CATALOGUE, config, _now_us)
    upstreams = Upstreams()
    proxy = Proxy(guard, upstreams, config.providers, peer_uid=lambda own, peer: None)
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    await proxy.listen(sock)
    try:
        yield House(guard, sock.getsockname()[1])
    finally:
        await proxy.close(grace=0)
        await upstreams.close()
        await ledger.close()


class Lane:
    """Makes one call after the other, of a session of its own."""

    def __init__(self, usual: House, told: House, behind: Simulator, direct: Simulator) -> None:
        self._houses = {False: usual, True: told}
        self._tokens: dict[bool, tuple[str, str]] = {}
        self._behind = behind
        self._direct = direct

    async def play(self, case: Case, cwd: Path, *, direct_first: bool = False) -> Result | None:
        """What a call came to; None if its client left before it was made."""
        home = self._houses[case.told]
        session, token = await self._session(case.told, cwd)
        through = f"/s/{token}/{case.provider}"
        previous = None
        if case.warm:
            first, target = bodies.first_turn(case), bodies.path(case, stream=False)
            previous = (await _whole(home.port, through + target, first)).get("id")
            await _whole(self._direct.port, target, first)
            await self._settled(home, session)
        body = bodies.request(case, "So it is." if case.warm else None, previous)
        target = bodies.path(case, stream=case.stream)
        began, before = home.guard.begun.get(session, 0), len(self._behind.bill().calls)
        direct_before = len(self._direct.bill().calls)
        ways = ((home.port, through + target), (self._direct.port, target))
        for port, way in reversed(ways) if direct_first else ways:
            await leave(port, way, body, case)
        if home.guard.begun.get(session, 0) == began:
            return None
        if (told := await self._settled(home, session)) is None:
            return None
        async with asyncio.timeout(PATIENCE_S):
            await self._behind.idle()
            await self._direct.idle()
        return Result(
            case=case,
            truth=sum(call.nanos for call in self._behind.bill().calls[before:]),
            direct=sum(call.nanos for call in self._direct.bill().calls[direct_before:]),
            cost=told["cost_nanos"],
            low=told["cost_low_nanos"],
            high=told["cost_high_nanos"],
            confidence=told["confidence"].value,
            outcome=told["outcome"],
            marks=told["marks"],
        )

    async def _session(self, told: bool, cwd: Path) -> tuple[str, str]:
        if told not in self._tokens:
            upstreams = tuple((name, self._behind.url) for name in ("anthropic", "openai", "gemini"))
            asked = OpenSession(agent="chaos", cwd=str(cwd), upstreams=upstreams)
            live, token = await self._houses[told].guard.sessions.open(asked)
            self._tokens[told] = live.session.id, token
        return self._tokens[told]

    async def _settled(self, home: House, session: str) -> Mapping[str, Any] | None:
        async with asyncio.timeout(PATIENCE_S):
            return await home.guard.settled.setdefault(session, asyncio.Queue()).get()


@asynccontextmanager
async def lanes(count: int, folder: Path, seed: int) -> AsyncGenerator[list[Lane]]:
    """As many lanes, each with two providers that answer alike."""
    async with AsyncExitStack() as stack:
        usual = await stack.enter_async_context(house(folder, {}))
        told = await stack.enter_async_context(house(folder, TOLD))
        yield [
            Lane(
                usual,
                told,
                await stack.enter_async_context(simulator.running(seed=seed)),
                await stack.enter_async_context(simulator.running(seed=seed)),
            )
            for _ in range(count)
        ]


async def _whole(port: int, target: str, body: bytes) -> dict[str, Any]:
    reader, writer = await _asked(port, target, body)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    document = answer.partition(b"\r\n\r\n")[2]
    decoded: dict[str, Any] = json.loads(document[document.index(b"{") : document.rindex(b"}") + 1])
    return decoded


async def leave(port: int, target: str, body: bytes, case: Case) -> None:
    """Ask, and leave as the case wants it; every third client without saying good-bye."""
    reader, writer = await _asked(port, target, body)
    try:
        match case.way:
            case "leave-hung":
                async with asyncio.timeout(PATIENCE_S):
                    await reader.read(1 << 16)
                while await _more(reader):
                    pass
            case "leave-bytes":
                got = 0
                async with asyncio.timeout(PATIENCE_S):
                    # Heads differ by what belongs to the connection.
                    await reader.readuntil(b"\r\n\r\n")
                    while got < case.at and (piece := await reader.read(case.at - got)):
                        got += len(piece)
            case "leave-time":
                await asyncio.sleep(case.at / 1_000)
            case _:
                async with asyncio.timeout(PATIENCE_S):
                    while await reader.read(1 << 16):
                        pass
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    if case.number % 3:
        writer.close()
    else:
        writer.transport.abort()


async def _more(reader: asyncio.StreamReader) -> bool:
    for _ in range(MOMENTS):
        try:
            async with asyncio.timeout(SILENCE_S / MOMENTS):
                return bool(await reader.read(1 << 16))
        except TimeoutError:
            continue
    return False


async def _asked(port: int, target: str, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nx-api-key: k\r\n"
    head += f"Accept-Encoding: gzip\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    return reader, writer


def _now_us() -> int:
    return time.time_ns() // 1_000
