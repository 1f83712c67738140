"""docs/reports.md and README.md show what reports print; the former explains every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.sample import PAGES, build, page
from tokenguard.reports import KEYS
from tokenguard.reports.lengths import LENGTHS

TEXT = PAGES[0].read_text("utf-8")


def test_what_is_shown_is_what_is_printed(tmp_path: Path) -> None:
    build(tmp_path / "home", tmp_path / "src")
    for path in PAGES:
        text = path.read_text("utf-8")
        assert page(text, tmp_path) == text, "stale: run python -m tests.reports.sample"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_explained(key: str) -> None:
    assert f"| `{key}` |" in TEXT


@pytest.mark.parametrize(
    "word",
    ["list_share", "stands_out", "hit_rate", "saved_nanos", "notional_saved_nanos", "apart", "drift", "growth", "why"]
    + ["cache-expired", "cache-missed", "first-call", "new-input", "output", "reasoning", "context", "fees", "fast"]
    + ["tier", "several-models", "not-seen", *LENGTHS],
)
def test_what_json_adds_is_explained(word: str) -> None:
    assert f"`{word}`" in TEXT
