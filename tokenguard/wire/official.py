"""What providers themselves say of the windows of a subscription: in headers of answers, in events, to status lines.

**Claude**, for a login and not for an API key: `anthropic-ratelimit-unified-W-utilization`, a fraction that passes 1
where use goes beyond the plan; `-W-reset`, seconds since the epoch; `-W-status`, `rejected` once it is used up. W is
`5h`, `7d`, a week that counts some models only (`7d_opus`, `7d_sonnet`, `7d_oi`), or `overage`, the limit of what is
paid beside the plan. Without any W, `-status` and `-reset` are those of the window that `-representative-claim` names.
(Source: what Claude Code 2.1.329 reads; `7d_opus` and `7d_sonnet`: answers that users of other proxies published.)

**Codex**, for a ChatGPT login: `x-codex-primary-used-percent`, a percentage; `-window-minutes`; `-reset-at`, seconds
since the epoch, beside `-reset-after-seconds`; the same for `secondary`. Which of the two is the week depends on the
plan, so windows are named by their length. `x-codex-NAME-primary-...` is a limit of single models; the family without a
name repeats it where `x-codex-active-limit` says that it is the one in force. The event `codex.rate_limits` says the
same within a stream; on a WebSocket nothing else does. (Source: openai/codex, codex-rs/codex-api/src/rate_limits.rs,
`get_limits_duration` in codex-rs/tui; the part of the nameless family: measurements that others published.)

Nothing here raises: what is malformed, or beyond all reason, was not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite

from msgspec import Struct

from tokenguard.records import OfficialWindow
from tokenguard.wire.decoding import Reader

OVERAGE = "overage"
"""Name of the window of what is paid beside Claude's plan: it is no part of the plan."""

CLAUDE = "anthropic"
"""Whose windows Claude Code's status line tells."""

_CLAUDE_PREFIX = "anthropic-ratelimit-unified-"
_CLAUDE_WINDOW = re.compile(r"((?:5h|7d)(?:_[a-z0-9]+)?|overage)-(?:utilization|status)")
_CLAUDE_NAME = re.compile(r"(five_hour|seven_day)(?:_[a-z0-9_]+)?")
_CLAUDE_SPANS = {"5h": "five_hour", "7d": "seven_day"}
_CLAUDE_MODELS = {"oi": "overage_included"}
_USED_UP = "rejected"

_CODEX_PREFIX = "x-codex-"
_CODEX_WINDOW = re.compile(r"x-(codex(?:-.+)?)-(primary|secondary)-used-percent")

_NO_WORD = re.compile("[^a-z0-9]+")

_MINUTES = {"five_hour": 300, "seven_day": 10_080, "thirty_day": 43_200}
_ROUNDING = 3
"""Minutes by which Codex's windows may differ from their names: 299 is five hours."""

_MOST_PERCENT = 200.0
_MOST_TOLD = 101.0
"""Status lines were told impossible percentages by some versions of Claude Code."""
_LONGEST_S = 400 * 86_400
"""A window ends within this: what names a later instant counts in other units than seconds."""


class _Slot(Struct):
    used_percent: float | None = None
    window_minutes: float | None = None
    reset_at: float | None = None
    reset_after_seconds: float | None = None


class _Slots(Struct):
    primary: _Slot | None = None
    secondary: _Slot | None = None


class _Credits(Struct):
    has_credits: bool | None = None
    unlimited: bool | None = None


class _Event(Struct):
    type: str = ""
    rate_limits: _Slots | None = None
    credits: _Credits | None = None
    metered_limit_name: str | None = None
    limit_name: str | None = None


class _Told(Struct):
    used_percentage: float | None = None
    resets_at: float | None = None


class _StatusLine(Struct):
    five_hour: _Told | None = None
    seven_day: _Told | None = None


_EVENT = Reader(_Event)
_STATUS_LINE = Reader(_StatusLine)


def read(provider: str, headers: Mapping[str, str], at_us: int) -> tuple[OfficialWindow, ...]:
    """The windows that an answer's headers tell of; most answers tell of none."""
    claude: dict[str, str] = {}
    codex: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith(_CLAUDE_PREFIX):
            claude[lower[len(_CLAUDE_PREFIX) :]] = value.strip().lower()
        elif lower.startswith(_CODEX_PREFIX):
            codex[lower] = value.strip().lower()
    return (*_claude(provider, claude, at_us), *_codex(provider, codex, at_us))


def event_headers(message: bytes) -> dict[str, str]:
    """An event `codex.rate_limits` as the headers that would say the same; empty for any other message."""
    if b'"codex.rate_limits"' not in message:
        return {}
    event = _EVENT.read(message)[0]
    if event is None or event.type != "codex.rate_limits":
        return {}
    limit = (event.metered_limit_name or event.limit_name or "codex").strip().lower().replace("_", "-")
    family = limit if limit.startswith("codex") else f"codex-{limit}"
    said = {f"x-{name}-{field}": value for name in ("codex", family) for field, value in _fields(event.rate_limits)}
    said |= {f"{_CODEX_PREFIX}credits-{name}": value for name, value in _credits(event.credits)}
    return said if family == "codex" else said | {"x-codex-active-limit": family}


def read_status_line(rate_limits: bytes, at_us: int) -> tuple[OfficialWindow, ...]:
    """The windows in the `rate_limits` (JSON) that Claude Code hands to a status line: percentages, and seconds.

    It hands over what its last answer said, however long ago that was.
    """
    told = _STATUS_LINE.read(rate_limits)[0] or _StatusLine()
    read = (("five_hour", told.five_hour), ("seven_day", told.seven_day))
    return tuple(
        OfficialWindow(CLAUDE, name, used, _instant(window.resets_at, at_us), _MINUTES[name], at_us)
        for name, window in read
        if window is not None and (used := _percent(window.used_percentage, most=_MOST_TOLD)) is not None
    )


def _fields(slots: _Slots | None) -> Iterator[tuple[str, str]]:
    """`primary-used-percent`, `12.5`"""
    for name, slot in (("primary", slots.primary), ("secondary", slots.secondary)) if slots else ():
        for field in _Slot.__struct_fields__ if slot else ():
            if (value := getattr(slot, field)) is not None:
                yield f"{name}-{field.replace('_', '-')}", str(value)


def _credits(credits: _Credits | None) -> Iterator[tuple[str, str]]:
    for field in _Credits.__struct_fields__ if credits else ():
        if (value := getattr(credits, field)) is not None:
            yield field.replace("_", "-"), str(value).lower()


def _claude(provider: str, said: Mapping[str, str], at_us: int) -> Iterator[OfficialWindow]:
    limiting = said.get("representative-claim", "") if said.get("status") == _USED_UP else ""
    seen: set[str] = set()
    for window in dict.fromkeys(found[1] for key in said if (found := _CLAUDE_WINDOW.fullmatch(key))):
        name = _claude_name(window)
        used = _percent(_number(said.get(f"{window}-utilization")), 100)
        if name != OVERAGE and (name == limiting or said.get(f"{window}-status") == _USED_UP):
            used = max(used or 0.0, 100.0)
        if used is not None:
            seen.add(name)
            yield _claude_window(provider, name, used, said.get(f"{window}-reset"), at_us)
    if limiting not in seen and _CLAUDE_NAME.fullmatch(limiting):
        yield _claude_window(provider, limiting, 100.0, said.get("reset"), at_us)


def _claude_name(window: str) -> str:
    """`seven_day_sonnet` of `7d_sonnet`: as Claude Code calls it."""
    span, _, models = window.partition("_")
    name = _CLAUDE_SPANS.get(span, span)
    return f"{name}_{_CLAUDE_MODELS.get(models, models)}" if models else name


def _claude_window(provider: str, name: str, used: float, reset: str | None, at_us: int) -> OfficialWindow:
    found = _CLAUDE_NAME.fullmatch(name)
    minutes = _MINUTES[found[1]] if found else None
    return OfficialWindow(provider, name, used, _instant(_number(reset), at_us), minutes, at_us)


def _codex(provider: str, said: Mapping[str, str], at_us: int) -> Iterator[OfficialWindow]:
    slots = [(found[1], found[2]) for key in said if (found := _CODEX_WINDOW.fullmatch(key))]
    active = said.get("x-codex-active-limit", "").replace("_", "-")
    repeats = active != "codex" and any(family == active for family, _ in slots)
    for family, name in slots:
        if family == "codex" and repeats:
            continue
        start = f"x-{family}-{name}-"
        slot = _Slot(
            used_percent=_number(said.get(start + "used-percent")),
            window_minutes=_number(said.get(start + "window-minutes")),
            reset_at=_number(said.get(start + "reset-at")),
            reset_after_seconds=_number(said.get(start + "reset-after-seconds")),
        )
        window = _codex_window(provider, family, name, slot, at_us)
        if window is not None:
            yield window


def _codex_window(provider: str, family: str, name: str, slot: _Slot, at_us: int) -> OfficialWindow | None:
    used, resets_us = _percent(slot.used_percent), _instant(slot.reset_at, at_us)
    minutes = _minutes(slot.window_minutes)
    if resets_us is None and slot.reset_after_seconds:
        resets_us = _instant(at_us / 1_000_000 + slot.reset_after_seconds, at_us)
    if used is None or not (used or minutes or resets_us):
        return None  # a slot that the plan does not have is sent as zeros
    span = next((span for span, length in _MINUTES.items() if minutes and abs(minutes - length) <= _ROUNDING), name)
    models = _NO_WORD.sub("_", family.removeprefix("codex")).strip("_")
    return OfficialWindow(provider, f"{models}_{span}" if models else span, used, resets_us, minutes, at_us)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _percent(value: float | None, scale: int = 1, most: float = _MOST_PERCENT) -> float | None:
    """A share as a percentage; a thousandth of one is as fine as it gets."""
    percent = round(value * scale, 3) if value is not None and isfinite(value) else -1.0
    return percent if 0 <= percent <= most else None


def _instant(seconds: float | None, at_us: int) -> int | None:
    if seconds is None or not 1 <= seconds <= at_us / 1_000_000 + _LONGEST_S:
        return None
    return int(seconds * 1_000_000)


def _minutes(value: float | None) -> int | None:
    return int(value) if value is not None and 1 <= value <= _LONGEST_S / 60 else None
