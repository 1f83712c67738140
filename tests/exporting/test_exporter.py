"""Counting while events come, and sending what is new to a collector."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.exporting.telling import NOON, free_port, settled, started, status
from tokenguard.config.sections import MetricsSettings
from tokenguard.config.settings import Config
from tokenguard.exporting import Exporter, configured
from tokenguard.exporting.exporter import Posting
from tokenguard.exporting.otel import Meters
from tokenguard.guard.hub import Hub
from tokenguard.records import Event
from tokenguard.upstream import Network, Upstreams


class Desk:
    """Tells what it is told, and that nothing is going on."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.tell = self.hub.tell
        self.heard = asyncio.Event()
        """Somebody listens."""

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        self.heard.set()
        return self.hub.subscribe(*types)

    def status(self) -> dict[str, Any]:
        return status()


class Collector:
    """Takes metrics as a collector does, and keeps them."""

    def __init__(self) -> None:
        self.status = 200
        self.url = ""
        self.got: list[ExportMetricsServiceRequest] = []
        self.paths: set[str] = set()
        self.heard = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["Content-Type"] == "application/x-protobuf"
        self.paths.add(request.path)
        self.got.append(ExportMetricsServiceRequest.FromString(await request.read()))
        self.heard.set()
        body = ExportMetricsServiceResponse().SerializeToString()
        return web.Response(status=self.status, body=body, content_type="application/x-protobuf")

    async def calls(self) -> int:
        """How many calls the next post tells of."""
        async with asyncio.timeout(30):
            await self.heard.wait()
        self.heard.clear()
        metrics = {one.name: one for one in self.got[-1].resource_metrics[0].scope_metrics[0].metrics}
        return sum(point.count for point in metrics["gen_ai.client.operation.duration"].histogram.data_points)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    runner = web.ServerRunner(web.Server(made.handle), shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = str(site.name)
    yield made
    await runner.cleanup()


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams()
    yield made
    await made.close()


@pytest.fixture
def tell() -> tuple[Desk, Callable[..., None]]:
    hub = Desk()

    def call(id: int) -> None:
        hub.tell(started(id))
        hub.tell(settled(id, NOON + 1_000_000))

    return hub, call


@asynccontextmanager
async def running(one: Exporter, hub: Desk, *, counts: bool = True) -> AsyncGenerator[None]:
    task = asyncio.ensure_future(one.run(hub))
    try:
        if counts:
            async with asyncio.timeout(30):
                await hub.heard.wait()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def sending(collector: Collector, upstreams: Upstreams, path: str = "") -> tuple[Exporter, asyncio.Queue[None]]:
    """One whose pauses between posts end when something is put there."""
    ends: asyncio.Queue[None] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        assert seconds == 60
        await ends.get()

    posting = Posting(upstreams, Network(), collector.url + path)
    return Exporter(MetricsSettings(), Meters(), posting, sleep=sleep), ends


def config(collector: Collector) -> Config:
    return Config(metrics=MetricsSettings(otlp=collector.url))


Tell = tuple[Desk, Callable[..., None]]


async def drained() -> None:
    """Until whoever listens has heard what was told."""
    for _ in range(10):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)


async def test_nothing_is_counted_before_somebody_asks(tell: Tell) -> None:
    hub, call = tell
    quiet = Exporter(MetricsSettings())
    async with running(quiet, hub, counts=False):
        call(1)
        await drained()
        text, content_type = quiet.told(hub)
        assert "calls_total{" not in text and content_type.startswith("text/plain; version=0.0.4")
        await hub.heard.wait()
        call(2)
        await drained()
        assert 'outcome="ok"} 1\n' in quiet.told(hub)[0]


async def test_with_a_port_it_counts_from_the_start(tell: Tell) -> None:
    hub, call = tell
    served = Exporter(MetricsSettings(port=free_port()))
    async with running(served, hub):
        call(1)
        await drained()
        assert 'outcome="ok"} 1\n' in served.told(hub)[0]


async def test_an_odd_event_ends_nothing(tell: Tell, caplog: pytest.LogCaptureFixture) -> None:
    hub, call = tell
    served = Exporter(MetricsSettings(port=free_port()))
    async with running(served, hub):
        hub.tell(Event("call.settled", NOON, {"id": 1}))
        call(2)
        await drained()
        assert 'outcome="ok"} 1\n' in served.told(hub)[0]
    assert "call.settled is not counted in the metrics" in caplog.text


@pytest.mark.parametrize("path", ["", "/", "/v1/metrics"])
async def test_what_is_new_is_sent_once_in_a_while(
    tell: Tell, collector: Collector, upstreams: Upstreams, path: str
) -> None:
    hub, call = tell
    sender, ends = sending(collector, upstreams, path)
    async with running(sender, hub):
        call(1)
        call(2)
        ends.put_nowait(None)
        assert await collector.calls() == 2
        call(3)
        ends.put_nowait(None)
        assert await collector.calls() == 3, "they are sums"
        await drained()
    assert (len(collector.got), collector.paths) == (2, {"/v1/metrics"}), "nothing is new at the end"


async def test_a_collector_that_takes_nothing_gets_it_again(
    tell: Tell, collector: Collector, upstreams: Upstreams, caplog: pytest.LogCaptureFixture
) -> None:
    hub, call = tell
    collector.status = 503
    sender, ends = sending(collector, upstreams)
    async with running(sender, hub):
        call(1)
        for _ in range(3):
            ends.put_nowait(None)
            assert await collector.calls() == 1
        collector.status = 200
        ends.put_nowait(None)
        assert await collector.calls() == 1
        await drained()
    assert len(collector.got) == 4
    assert [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING] == [
        "the collector at 127.0.0.1 does not take metrics: it answered with 503"
    ]


async def test_what_was_not_sent_is_sent_at_the_end(tell: Tell, collector: Collector, upstreams: Upstreams) -> None:
    hub, call = tell
    async with running(configured(config(collector), upstreams), hub):
        call(1)
        await drained()
    assert await collector.calls() == 1


async def test_without_the_extra_nothing_is_sent_and_the_log_says_so(
    tell: Tell,
    collector: Collector,
    upstreams: Upstreams,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "tokenguard.exporting.otel", None)
    hub, call = tell
    async with running(configured(config(collector), upstreams), hub, counts=False):
        call(1)
        await drained()
    assert not collector.got
    assert "pip install 'tokenguard[otel]'" in caplog.text
