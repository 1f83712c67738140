"""From events to those who are told: each has a queue of its own, so that nobody waits for anybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from tokenguard.config.notices import webhook_secret
from tokenguard.config.settings import Config
from tokenguard.notify.desktop import Desktop
from tokenguard.notify.notices import TYPES, Notice, notice
from tokenguard.notify.webhook import Webhook
from tokenguard.records import Event
from tokenguard.upstream import Network, Upstreams

log = logging.getLogger(__name__)

WAITING = 100
"""Notices that wait for one channel; beyond it the oldest go."""


class Channel(Protocol):
    """Somewhere to tell."""

    async def tell(self, told: Notice) -> None:
        """Tell it, or give up after a while; what is wrong is logged."""
        ...


class Source(Protocol):
    """Where events come from: the guard's desk."""

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types from now on."""
        ...


def configured(config: Config, upstreams: Upstreams) -> Notifier:
    """Who is to be told by `[notify]`. Raises `ConfigError` if the webhook's secret cannot be read any more."""
    wanted, net = config.notify, config.network
    channels: list[Channel] = []
    if wanted.desktop:
        channels.append(Desktop())
    if wanted.webhook is not None:
        network = Network.of(net.proxy, net.no_proxy, net.ca_bundle)
        channels.append(Webhook(upstreams, network, wanted.webhook, webhook_secret(wanted, "config.toml")))
    return Notifier(channels, wanted.level)


class Notifier:
    """Tells every channel."""

    def __init__(self, channels: Iterable[Channel], least_level: str) -> None:
        self._lanes = [_Lane(channel) for channel in channels]
        self._least_level = least_level

    async def run(self, source: Source) -> None:
        """Tell until cancelled; returns at once where nobody is to be told."""
        if not self._lanes:
            return
        with source.subscribe(*TYPES) as events:
            async with asyncio.TaskGroup() as tasks:
                for lane in self._lanes:
                    tasks.create_task(lane.work())
                async for event in events:
                    self._put(event)

    def _put(self, event: Event) -> None:
        try:
            told = notice(event, self._least_level)
        except Exception:
            log.exception("%s cannot be told", event.type)
            return
        if told is not None:
            for lane in self._lanes:
                lane.put(told)


class _Lane:
    """What waits for one channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: asyncio.Queue[Notice] = asyncio.Queue(WAITING)

    def put(self, told: Notice) -> None:
        if self._waiting.full():
            log.warning("%s is too slow: the oldest notice goes untold", type(self._channel).__name__)
            self._waiting.get_nowait()
        self._waiting.put_nowait(told)

    async def work(self) -> None:
        while True:
            told = await self._waiting.get()
            try:
                await self._channel.tell(told)
            except Exception:
                log.exception("%s failed", type(self._channel).__name__)
