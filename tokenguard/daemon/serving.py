"""The daemon's parts put together, from their start to their end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from tokenguard import exporting, notify, platforms
from tokenguard.agents.logs.shape import Places
from tokenguard.client.starting import SUMMING_UP
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.config.zones import local_zone
from tokenguard.control import Control
from tokenguard.daemon.catalogue import in_force
from tokenguard.daemon.following import Following
from tokenguard.daemon.hooking import status_files
from tokenguard.daemon.instance import Instance
from tokenguard.daemon.life import Life
from tokenguard.daemon.listening import listen
from tokenguard.daemon.reloading import Settings
from tokenguard.daemon.resting import Hooks, Resting
from tokenguard.daemon.teams import Teams
from tokenguard.daemon.upkeep import Upkeep
from tokenguard.errors import DaemonError
from tokenguard.guard import Desk, Guard
from tokenguard.importing.importer import Importer, Progress, Tell
from tokenguard.intercept.interceptor import Interceptor
from tokenguard.ledger import Ledger
from tokenguard.ledger.phases import phase_of
from tokenguard.proxy import Proxy
from tokenguard.upstream import Upstreams

log = logging.getLogger(__name__)


async def serve(
    paths: Paths,
    config: Config,
    instance: Instance,
    env: MutableMapping[str, str],
    hooks: Hooks,
    ready: Callable[[int], None],
) -> None:
    """Be the daemon until it is asked to end. `ready` is called with the port once everything can be reached.

    Raises `TokenguardError` if it cannot start.
    """
    asyncio.get_running_loop().set_exception_handler(_log_unhandled)
    phase_us = phase_of(local_zone(), _now_us())
    ledger = Ledger.open(paths.ledger, durability=config.ledger.durability, tell=_tell_summing_up, phase_us=phase_us)
    if ledger.set_aside is not None:
        log.error("the ledger was damaged; it is kept as %s, and a new one begins", ledger.set_aside)
    async with AsyncExitStack() as after_all:
        try:
            await Daemon(paths, config, ledger, env, hooks).serve(instance, env, ready, after_all)
        finally:
            await ledger.close()


def _tell_summing_up(percent: int) -> None:
    """Whoever starts us waits as long as we say that we are at work."""
    with suppress(OSError):
        print(f"tokenguard: {SUMMING_UP}: {percent}%", flush=True)


class Daemon:
    """The parts of one daemon; to the control API, its `Host`. To be made in a running event loop."""

    def __init__(self, paths: Paths, config: Config, ledger: Ledger, env: Mapping[str, str], hooks: Hooks) -> None:
        self.port = 0
        self._paths = paths
        catalogue = in_force(paths, config)
        self._guard = Guard(ledger, catalogue, config, _now_us)
        self.teams = Teams(paths, self._guard)
        self._desk = Desk(self._guard, ledger)
        self._resting = Resting(hooks, paths.ledger)
        self._status_files = status_files(
            paths, ledger, self._guard, self._desk, self.teams.pushed, self._resting.noted
        )
        self.settings = Settings(paths, config, catalogue, self._guard, self._status_files.changed)
        self._control = Control(self._desk, self, paths.ledger)
        self._upkeep = Upkeep(ledger, self._guard, self._desk, self._control.watched)
        self._importer = Importer(ledger, paths.ledger, self._guard.beyond)
        self.life = Life(self.settings, self._guard, self._importer, self._upkeep)
        places = Places(dict(env), Path.home())
        self._following = Following(self._importer, paths.ledger, places, self.settings.payers)
        self._upstreams = Upstreams()
        self._notifier = notify.configured(config, self._upstreams)
        self._exporter = exporting.configured(config, self._upstreams)
        self._proxy = Proxy(
            self._guard,
            self._upstreams,
            config.providers,
            peer_uid=platforms.peer_uid,
            clients=self._guard.unwrapped,
        )
        self._interceptor = Interceptor(
            self._proxy, self._guard, lambda: self.settings.config, paths.state_dir, peer_uid=platforms.peer_uid
        )

    async def serve(
        self,
        instance: Instance,
        env: MutableMapping[str, str],
        ready: Callable[[int], None],
        after_all: AsyncExitStack,
    ) -> None:
        """See `serve`. What has to end after the ledger goes to `after_all`."""
        # Agents that run know the port of the daemon before this one.
        earlier_port = instance.earlier_port if self._upkeep.running() else None
        listener = listen(self.settings.config.daemon.port, env, self._paths.config_file, earlier_port)
        self.port = listener.getsockname()[1]
        await self._proxy.listen(listener, self._interceptor.door)
        control = web.AppRunner(self._control.app(), access_log=None, shutdown_timeout=1.0)
        await control.setup()
        # Whoever waits for the daemon's end sees its connection close, and may start another one at once.
        after_all.push_async_callback(control.cleanup)
        after_all.callback(self._control.close)
        after_all.callback(instance.release)
        door = web.UnixSite(control, str(instance.socket))
        try:
            await door.start()
            instance.socket.chmod(0o600)
        except OSError as error:
            raise DaemonError(
                f"{instance.socket} cannot be made: {error.strerror}", "set TOKENGUARD_HOME to a folder on a local disk"
            ) from error
        instance.announce(self.port)
        self.life.heed_signals(self.settings.reload_if_sound)
        ready(self.port)
        async with asyncio.TaskGroup() as tasks:
            upkeep = tasks.create_task(self.life.keep_up(self._each_minute))
            teams = tasks.create_task(self.teams.run())
            notifier = tasks.create_task(self._notifier.run(self._desk))
            exporter = tasks.create_task(self._exporter.run(self._desk))
            hook_files = tasks.create_task(self._status_files.run(self._desk))
            resting = tasks.create_task(self._resting.run(self._desk))
            follows = self.settings.config.daemon.follow_logs
            following = tasks.create_task(self._following.run()) if follows else None
            await self.life.asked_to_end()
            upkeep.cancel()
            self._importer.close()
            if following is not None:
                following.cancel()
            self._interceptor.close_doors()
            await self.life.let_calls_end(self._proxy.close)
            self._interceptor.close()
            teams.cancel()
            notifier.cancel()
            exporter.cancel()
            resting.cancel()
            hook_files.cancel()
        await self._resting.end()
        await door.stop()
        await self._upstreams.close()

    def intercepted(self, session_id: str) -> dict[str, Any]:
        """See `Host.intercepted`."""
        return self._interceptor.trust.close(session_id)._asdict()

    async def import_logs(
        self, env: Mapping[str, str], home: Path, agents: tuple[str, ...] | None, full: bool, tell: Tell
    ) -> Progress:
        """See `Host.import_logs`."""
        return await self._following.read(Places(env, home), agents, full, tell)

    @property
    def logs(self) -> dict[str, Any]:
        """See `Host.logs`."""
        return self._following.view(_now_us())

    @property
    def metrics(self) -> tuple[str, str]:
        """See `Host.metrics`."""
        return self._exporter.told(self._desk)

    async def _each_minute(self) -> None:
        self._status_files.changed()
        await self._guard.tick()
        self._status_files.changed()


def _now_us() -> int:
    return time.time_ns() // 1000


def _log_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Without what asyncio would add: representations of whatever was in hand."""
    log.error("%s", context["message"], exc_info=context.get("exception"))
