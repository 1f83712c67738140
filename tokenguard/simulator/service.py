"""A simulator in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from tokenguard.simulator.providers import Settings, Simulator
from tokenguard.simulator.server import application
from tokenguard.simulator.subscriptions import USUAL, Windows


@asynccontextmanager
async def running(
    *, seed: int = 1, port: int = 0, speed: float = 0.0, billing: str | None = None, windows: Windows = USUAL
) -> AsyncGenerator[Simulator, None]:
    """A simulator on loopback while the block runs. Port 0 takes any free one; see `Settings` for the rest."""
    simulator = Simulator(Settings(seed, speed, billing, windows))
    # Cancellation is how a handler learns that its client has left.
    runner = web.AppRunner(application(simulator), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        simulator.port = runner.addresses[0][1]
        yield simulator
    finally:
        await runner.cleanup()
