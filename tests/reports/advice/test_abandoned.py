"""Answers that were given up, and calls that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.reports.advice.support import OPUS, Books, hows, nanos
from tokenguard.config import settings
from tokenguard.config.paths import find_paths
from tokenguard.records import Usage
from tokenguard.reports.advice import abandoned

LOOPS = '[loops]\nactions = { failures = "hold" }'
SOME = Usage(input=20_000, output=200)


def test_what_was_charged_for_nothing(books: Books) -> None:
    books.call(SOME, outcome="client-gone")
    books.call(SOME, outcome="cut")
    books.call(SOME, outcome="provider-error", status=529, free=True)
    books.call(SOME)
    found = abandoned.find(books.asked())
    assert found is not None
    assert (found.calls, found.cost_nanos, found.saving_nanos) == (2, 2 * nanos(SOME, OPUS), 2 * nanos(SOME, OPUS))
    assert found.finding.startswith("2 answers were given up, 1 call failed; ")
    assert "After 3 of them" in found.finding
    assert {part.detail for part in found.parts} == {"agent left", "stream broke off"}


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "ok"},
        {"outcome": "refused-upstream", "status": 401},
        {"outcome": "client-gone", "free": True},
        {"outcome": "client-gone", "started_us": 0},
    ],
    ids=str,
)
def test_what_cost_nothing_or_came_to_its_end_is_no_loss(books: Books, other: dict[str, Any]) -> None:
    books.call(SOME, **other)
    assert abandoned.find(books.asked()) is None


def test_what_follows_later_or_elsewhere_is_no_retry(books: Books) -> None:
    books.call(SOME, outcome="cut")
    books.call(SOME, session="s2")
    books.pause(5)
    books.call(SOME)
    found = abandoned.find(books.asked())
    assert found is not None and "After 0 of them" in found.finding


@pytest.mark.parametrize(
    ("agent", "how"),
    [
        ("claude", "API_TIMEOUT_MS=1200000"),
        ("codex", "stream_idle_timeout_ms = 600000"),
        ("gemini", '"general": {"maxAttempts": 3}'),
        ("aider", LOOPS),
    ],
)
def test_every_agent_is_told_in_its_own_way(books: Books, agent: str, how: str) -> None:
    books.call(SOME, outcome="cut", agent=agent, provider="anthropic")
    told = hows(abandoned.find(books.asked()))
    assert told[0] == how
    assert told[-1] == LOOPS


def test_the_setting_of_ours_can_be_read(tmp_path: Path) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path)})
    paths.config_file.write_text(LOOPS, "utf-8")
    assert settings.load(paths).loops.actions == {"failures": "hold"}
