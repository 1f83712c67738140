"""From events to sums, and from these to whoever asks for them or wants them sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import urlsplit

from tokenguard.config.sections import MetricsSettings
from tokenguard.config.settings import Config
from tokenguard.exporting import port, prometheus
from tokenguard.exporting.calls import TYPES, Calls, Ended
from tokenguard.exporting.counts import Counts
from tokenguard.records import Event
from tokenguard.upstream import Network, UpstreamError, Upstreams

log = logging.getLogger(__name__)

DEADLINE_S, LAST_DEADLINE_S = 10.0, 2.0
"""For one post; for the last one a daemon that ends has less time."""

_PATH = "/v1/metrics"


class Desk(Protocol):
    """The guard's desk."""

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        ...

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types from now on."""
        ...


class Meters(Protocol):
    """What OpenTelemetry counts: see `tokenguard.exporting.otel`."""

    def add(self, call: Ended) -> None:
        """Count a call."""
        ...

    def encoded(self) -> bytes:
        """The sums, as they are posted; empty where there are none."""
        ...


def configured(config: Config, upstreams: Upstreams) -> Exporter:
    """What `[metrics]` asks for. Without the extra `otel`, nothing is sent, and the log says so."""
    wanted, net = config.metrics, config.network
    if wanted.otlp is None:
        return Exporter(wanted)
    try:
        from tokenguard.exporting.otel import Meters as OurMeters
    except ImportError:
        log.error("metrics.otlp is set, but OpenTelemetry is not installed: pip install 'tokenguard[otel]'")
        return Exporter(wanted)
    network = Network.of(net.proxy, net.no_proxy, net.ca_bundle)
    return Exporter(wanted, OurMeters(), Posting(upstreams, network, wanted.otlp))


class Exporter:
    """Counts from the first time on that somebody asks, or from the start where metrics are sent or served."""

    def __init__(
        self,
        wanted: MetricsSettings,
        meters: Meters | None = None,
        posting: Posting | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._wanted = wanted
        self._sleep = sleep
        self._meters = meters
        self._posting = posting
        self._counts = Counts()
        self._asked = asyncio.Event()
        self._news = asyncio.Event()
        if meters is not None or wanted.port is not None:
            self._asked.set()

    def told(self, desk: Desk) -> tuple[str, str]:
        """For Prometheus, the text and its content type."""
        self._asked.set()
        text = prometheus.text(self._counts, desk.status(), repositories=self._wanted.repositories)
        return text, prometheus.CONTENT_TYPE

    async def run(self, desk: Desk) -> None:
        """Count, and answer on the port if there is one, until cancelled; then what was not sent yet is sent."""
        if self._wanted.port is None:
            await self._count(desk)
            return
        runner = await port.listen(self._wanted.port, lambda: self.told(desk))
        try:
            await self._count(desk)
        finally:
            await runner.cleanup()

    async def _count(self, desk: Desk) -> None:
        await self._asked.wait()
        calls = Calls(repositories=self._wanted.repositories)
        try:
            async with asyncio.TaskGroup() as tasks:
                if self._meters is not None:
                    tasks.create_task(self._send())
                with desk.subscribe(*TYPES) as events:
                    async for event in events:
                        self._hear(calls, event)
        finally:
            if self._news.is_set():
                await self._post(LAST_DEADLINE_S)

    def _hear(self, calls: Calls, event: Event) -> None:
        if event.type not in TYPES:
            return  # so many were lost
        try:
            ended = calls.hear(event)
            if ended is not None:
                self._counts.add(ended)
                if self._meters is not None:
                    self._meters.add(ended)
                self._news.set()
        except Exception:
            log.exception("%s is not counted in the metrics", event.type)

    async def _send(self) -> None:
        """Post at most once in `otlp_every`, and only what is new."""
        while True:
            await self._news.wait()
            await self._sleep(self._wanted.otlp_every)
            self._news.clear()
            if not await self._post():
                self._news.set()

    async def _post(self, deadline_s: float = DEADLINE_S) -> bool:
        """Whether the sums were taken, or there was nobody to take them."""
        if self._meters is None or self._posting is None:
            return True
        return await self._posting.post(self._meters.encoded(), deadline_s)


class Posting:
    """Posts to a collector."""

    def __init__(self, upstreams: Upstreams, network: Network, url: str) -> None:
        self._upstreams = upstreams
        self._network = network
        self._url = url if urlsplit(url).path.rstrip("/").endswith(_PATH) else url.rstrip("/") + _PATH
        self._failing = False

    async def post(self, body: bytes, deadline_s: float) -> bool:
        """Whether it was taken. What goes wrong is logged once, until it goes right again."""
        headers = [("Content-Type", "application/x-protobuf")]
        problem = ""
        try:
            async with asyncio.timeout(deadline_s):
                answer = await self._upstreams.send(
                    self._network, self._url, "", method="POST", headers=headers, body=body
                )
            answer.close()
            if not 200 <= answer.status < 300:
                problem = f"it answered with {answer.status}"
        except TimeoutError:
            problem = f"no answer within {deadline_s:.0f} s"
        except UpstreamError as error:
            problem = error.message
        if problem and not self._failing:
            # Of the address only the host: many hold a secret in their path.
            log.warning("the collector at %s does not take metrics: %s", urlsplit(self._url).hostname, problem)
        self._failing = bool(problem)
        return not problem
