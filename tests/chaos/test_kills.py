"""A few kills; `python -m tests.chaos.kills` makes 1,000."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.kills import run


async def test_a_killed_daemon_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    report = await run(6, 3, tmp_path)
    assert not report.broken
    assert report.kills == 6
    assert report.calls > 0
    assert report.settled > 0
