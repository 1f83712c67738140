"""What Claude says of the windows of a subscription, for a login and not for an API key.

Headers: `anthropic-ratelimit-unified-W-utilization`, a fraction that passes 1 where use goes beyond the plan;
`-W-reset`, seconds since the epoch; `-W-status`, `rejected` once it is used up. W is `5h`, `7d`, a week that counts
some models only (`7d_opus`, `7d_sonnet`, `7d_oi`), or `overage`, the limit of what is paid beside the plan. Without
any W, `-status` and `-reset` are those of the window that `-representative-claim` names. (Source: what Claude Code
2.1.329 reads; `7d_opus` and `7d_sonnet`: answers that users of other proxies published.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from tokenguard.records import OfficialWindow
from tokenguard.wire.decoding import Reader
from tokenguard.wire.official_values import MINUTES, instant, number, percent

OVERAGE = "overage"
"""Name of the window of what is paid beside Claude's plan: it is no part of the plan."""

CLAUDE = "anthropic"
"""Whose windows Claude Code's status line tells."""

PREFIX = "anthropic-ratelimit-unified-"
_WINDOW = re.compile(r"((?:5h|7d)(?:_[a-z0-9]+)?|overage)-(?:utilization|status)")
_NAME = re.compile(r"(five_hour|seven_day)(?:_[a-z0-9_]+)?")
_SPANS = {"5h": "five_hour", "7d": "seven_day"}
_MODELS = {"oi": "overage_included"}
_USED_UP = "rejected"

_MOST_TOLD = 101.0
"""Status lines were told impossible percentages by some versions of Claude Code."""


class _Told(Struct):
    used_percentage: float | None = None
    resets_at: float | None = None


class _StatusLine(Struct):
    five_hour: _Told | None = None
    seven_day: _Told | None = None


_STATUS_LINE = Reader(_StatusLine)


def read_status_line(rate_limits: bytes, at_us: int) -> tuple[OfficialWindow, ...]:
    """The windows in the `rate_limits` (JSON) that Claude Code hands to a status line: percentages, and seconds.

    It hands over what its last answer said, however long ago that was.
    """
    told = _STATUS_LINE.read(rate_limits)[0] or _StatusLine()
    read = (("five_hour", told.five_hour), ("seven_day", told.seven_day))
    return tuple(
        OfficialWindow(CLAUDE, name, used, instant(window.resets_at, at_us), MINUTES[name], at_us)
        for name, window in read
        if window is not None and (used := percent(window.used_percentage, most=_MOST_TOLD)) is not None
    )


def windows(provider: str, said: Mapping[str, str], at_us: int) -> Iterator[OfficialWindow]:
    """What headers tell, by their names without `PREFIX`, in lower case as their values."""
    limiting = said.get("representative-claim", "") if said.get("status") == _USED_UP else ""
    seen: set[str] = set()
    for window in dict.fromkeys(found[1] for key in said if (found := _WINDOW.fullmatch(key))):
        name = _named(window)
        used = percent(number(said.get(f"{window}-utilization")), 100)
        if name != OVERAGE and (name == limiting or said.get(f"{window}-status") == _USED_UP):
            used = max(used or 0.0, 100.0)
        if used is not None:
            seen.add(name)
            yield _window(provider, name, used, said.get(f"{window}-reset"), at_us)
    if limiting not in seen and _NAME.fullmatch(limiting):
        yield _window(provider, limiting, 100.0, said.get("reset"), at_us)


def _named(window: str) -> str:
    """`seven_day_sonnet` of `7d_sonnet`: as Claude Code calls it."""
    span, _, models = window.partition("_")
    name = _SPANS.get(span, span)
    return f"{name}_{_MODELS.get(models, models)}" if models else name


def _window(provider: str, name: str, used: float, reset: str | None, at_us: int) -> OfficialWindow:
    found = _NAME.fullmatch(name)
    minutes = MINUTES[found[1]] if found else None
    return OfficialWindow(provider, name, used, instant(number(reset), at_us), minutes, at_us)
