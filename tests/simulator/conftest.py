from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.simulator.support import Client
from tokenguard import simulator
from tokenguard.simulator import Simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator.running() as running:
        yield running


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, sim.url)
