from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import Installation
from tokenguard import simulator


@pytest.fixture(scope="session")
def provider() -> Iterator[simulator.Process]:
    with simulator.spawn() as process:
        yield process


@pytest.fixture
def sim(provider: simulator.Process) -> simulator.Process:
    """The simulator, with an empty bill."""
    provider.reset()
    return provider


@pytest.fixture
def tg(tmp_path: Path, sim: simulator.Process) -> Iterator[Installation]:
    installation = Installation(tmp_path / "home", sim.url)
    yield installation
    installation.stop()
