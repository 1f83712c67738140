from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from tests.ledger.support import in_memory
from tokenguard.ledger import Ledger, agreement


@pytest_asyncio.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    yield opened
    await opened.close()


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """A ledger whose sums agree with its calls when the test is over."""
    with closing(in_memory()) as opened:
        yield opened
        assert agreement.agrees_as_a_whole(opened)
