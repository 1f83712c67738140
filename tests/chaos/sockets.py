"""Runs over real sockets: a proxy with its guard and ledger, before a simulator whose bill is the truth."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import uvloop
from msgspec import Struct

from tests.chaos import bodies, cases
from tests.chaos.cases import Case
from tests.chaos.lane import leave
from tests.support.house import CATALOGUE
from tokenguard import simulator
from tokenguard.config.sections import DaemonSettings, InterruptedSettings
from tokenguard.config.settings import Config
from tokenguard.guard import Desk, Guard, OpenSession
from tokenguard.ledger import Ledger, queries
from tokenguard.proxy import Proxy
from tokenguard.records import Budget, Unit
from tokenguard.simulator import Simulator
from tokenguard.upstream import Upstreams

PATIENCE_S = 60.0
DRAIN_S = 0.5
"""For which a hung answer is read on."""

UNIT_OF_A_CALL = {Unit.USD: 20_000_000, Unit.TOKENS: 6_000, Unit.CALLS: 1}
"""What a call takes, roughly."""


class Found(Struct, frozen=True):
    """What a run over sockets showed."""

    number: int
    streams: int
    calls: int
    refused: int
    billed: int
    charged: int
    broken: tuple[str, ...]


class _Counted(Guard):
    refused = 0

    def tell(self, kind: str, data: dict[str, object]) -> None:
        super().tell(kind, data)
        self.refused += kind == "call.refused"


def play(seed: int, number: int, folder: Path) -> Found:
    """One run."""
    home = folder / f"sockets-{number}"
    home.mkdir()
    return uvloop.run(_play(Random(f"{seed}/sockets/{number}"), number, home))


async def _play(rng: Random, number: int, home: Path) -> Found:
    streams = rng.choice((1, 4, 16, 64, 128))
    asked = [_case(rng, index, whole=number % 2 == 0) for index in range(streams * max(1, 128 // streams))]
    budgets = tuple(_budget(rng, index, len(asked)) for index in range(rng.randint(1, 3)))
    config = Config(
        daemon=DaemonSettings(port=0, on_error="closed"),
        interrupted=InterruptedSettings(drain_seconds=DRAIN_S),
        budgets=budgets,
    )
    async with AsyncExitStack() as stack:
        ledger = Ledger.open(home / "ledger.db")
        stack.push_async_callback(ledger.close)
        guard = _Counted(ledger, CATALOGUE, config, lambda: time.time_ns() // 1_000)
        desk = Desk(guard, ledger)
        upstreams = Upstreams()
        stack.push_async_callback(upstreams.close)
        proxy = Proxy(guard, upstreams, config.providers, peer_uid=lambda own, peer: None)
        sock = socket.create_server(("127.0.0.1", 0), backlog=512)
        await proxy.listen(sock)
        stack.push_async_callback(proxy.close, grace=0)
        provider = await stack.enter_async_context(simulator.running(seed=number))
        urls = tuple((name, provider.url) for name in ("anthropic", "openai", "gemini"))
        _, token = await desk.open_session(OpenSession(agent="claude", cwd=str(home), upstreams=urls))
        port = sock.getsockname()[1]
        async with asyncio.TaskGroup() as group:
            for lane in range(streams):
                group.create_task(_stream(port, token, asked[lane::streams]))
        async with asyncio.timeout(PATIENCE_S):
            await provider.idle()
            while guard.busy:  # noqa: ASYNC110 - what is waited for is the reading on of answers without a client
                await asyncio.sleep(0.01)
        await ledger.set_pid("nobody", 0)
        return _judged(number, streams, asked, guard, desk, ledger, provider, budgets)


def _judged(
    number: int,
    streams: int,
    asked: list[Case],
    guard: _Counted,
    desk: Desk,
    ledger: Ledger,
    provider: Simulator,
    budgets: tuple[Budget, ...],
) -> Found:
    bill = provider.bill()
    totals = queries.totals(ledger.read())
    broken: list[str] = []
    whole = all(case.way in ("whole", "refused") for case in asked)
    low, high = totals.cost_nanos - totals.below_nanos, totals.cost_nanos + totals.above_nanos
    if not (low <= bill.total_nanos <= high) or (whole and bill.total_nanos != totals.cost_nanos):
        broken.append(f"billed {bill.total_nanos}, but the ledger says {low} <= {totals.cost_nanos} <= {high}")
    if left := queries.open_reservations(ledger.read()):
        broken.append(f"{len(left)} reservations were left")
    views = {view["name"]: view for view in desk.status()["budgets"]}
    for budget in budgets:
        view = views[budget.name]
        if view["reserved"]:
            broken.append(f"{budget.name} keeps {view['reserved']} for nobody")
        if budget.mode == "strict" and view["spent"] > budget.limit:
            broken.append(f"strict budget {budget} has spent {view['spent']}")
        if budget.mode == "strict" and budget.unit is Unit.USD and bill.total_nanos > budget.limit:
            unsure = "" if whole else " (interrupted calls among them)"
            broken.append(f"strict budget {budget} was billed {bill.total_nanos}{unsure}")
    return Found(number, streams, len(asked), guard.refused, bill.total_nanos, totals.cost_nanos, tuple(broken))


async def _stream(port: int, token: str, asked: list[Case]) -> None:
    for case in asked:
        target = f"/s/{token}/{case.provider}{bodies.path(case, stream=case.stream)}"
        async with asyncio.timeout(PATIENCE_S):
            await leave(port, target, bodies.request(case, None, None), case)


def _case(rng: Random, index: int, *, whole: bool) -> Case:
    """A call without a turn before it; of some runs all are whole, so that every bill comes."""
    while True:
        case = cases.draw(rng, index)
        if case.warm or case.told or case.billing != ("stop" if _stops(case) else "to-end"):
            continue
        if not whole or case.way in ("whole", "refused"):
            return case


def _stops(case: Case) -> bool:
    return case.stream and case.dialect in cases.STOPPING


def _budget(rng: Random, index: int, calls: int) -> Budget:
    unit = rng.choice((Unit.USD, Unit.USD, Unit.TOKENS, Unit.CALLS))
    return Budget(
        name=f"b{index}",
        limit=int(calls * rng.uniform(0.3, 1.5) * UNIT_OF_A_CALL[unit]),
        unit=unit,
        window=rng.choice(("day", "month", "total")),
        mode=rng.choice(("strict", "calibrated")),
    )
