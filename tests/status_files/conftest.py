from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.status_files.hooked import Hooked
from tests.support.house import Clock, House


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def house(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("TZ", "UTC")
    built = House(tmp_path, clock)
    yield built
    await built.ledger.close()


@pytest.fixture
def hooked(house: House) -> Hooked:
    return Hooked(house)
