"""A cap under attack for some seconds; `python -m tests.chaos.team_postgres` goes on for longer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.team_postgres import run
from tests.support import postgres
from tokenguard.policy.money import NANOS


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to whom the server runs as, which pytest's own are not."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="tg-chaos-") as name:
        found = Path(name)
        found.chmod(0o711)
        yield found


async def test_daemons_that_die_and_databases_that_stop_never_pass_the_cap(folder: Path) -> None:
    report = await run(folder, cap=12 * NANOS, daemons=4, kills=5, copies=1, seed=3, ttl_s=2)
    assert not report.broken
    assert report.kills > 0
    assert report.copies == 1
    assert report.said["twice"] > 0
