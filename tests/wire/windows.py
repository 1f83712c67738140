"""Headers in which providers tell of their windows, and what is read of them."""

from __future__ import annotations

from tokenguard.records import OfficialWindow
from tokenguard.wire import official

NOW_S = 1_791_500_000
NOW_US = NOW_S * 1_000_000


def claude(said: dict[str, object]) -> dict[str, str]:
    """Headers of Claude: `5h-utilization` stands for `anthropic-ratelimit-unified-5h-utilization`."""
    return {f"anthropic-ratelimit-unified-{name}": str(value) for name, value in said.items()}


def codex(**said: object) -> dict[str, str]:
    """Headers of Codex: `codex(primary_used_percent=12)` is `x-codex-primary-used-percent: 12`."""
    return {f"x-codex-{name.replace('_', '-')}": str(value) for name, value in said.items()}


def read(headers: dict[str, str], provider: str = "p") -> dict[str, OfficialWindow]:
    windows = official.read(provider, headers, NOW_US)
    assert len({window.name for window in windows}) == len(windows)
    return {window.name: window for window in windows}


def percents(headers: dict[str, str]) -> dict[str, float]:
    return {name: window.used_percent for name, window in read(headers).items()}
