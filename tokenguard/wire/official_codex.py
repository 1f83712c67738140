"""What Codex is told of the windows of a ChatGPT login: in headers of answers, and in events.

Headers: `x-codex-primary-used-percent`, a percentage; `-window-minutes`; `-reset-at`, seconds since the epoch, beside
`-reset-after-seconds`; the same for `secondary`. Which of the two is the week depends on the plan, so windows are named
by their length. `x-codex-NAME-primary-...` is a limit of single models; the family without a name repeats it where
`x-codex-active-limit` says that it is the one in force. The event `codex.rate_limits` says the same within a stream; on
a WebSocket nothing else does. (Source: openai/codex, codex-rs/codex-api/src/rate_limits.rs, `get_limits_duration` in
codex-rs/tui; the part of the nameless family: measurements that others published.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from tokenguard.records import OfficialWindow
from tokenguard.wire.decoding import Reader
from tokenguard.wire.official_values import MINUTES, instant, minutes_of, number, percent

PREFIX = "x-codex-"
_WINDOW = re.compile(r"x-(codex(?:-.+)?)-(primary|secondary)-used-percent")
_NO_WORD = re.compile("[^a-z0-9]+")

_ROUNDING = 3
"""Minutes by which Codex's windows may differ from their names: 299 is five hours."""


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


_EVENT = Reader(_Event)


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
    said |= {f"{PREFIX}credits-{name}": value for name, value in _credits(event.credits)}
    return said if family == "codex" else said | {"x-codex-active-limit": family}


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


def windows(provider: str, said: Mapping[str, str], at_us: int) -> Iterator[OfficialWindow]:
    """What headers tell; names and values are in lower case."""
    slots = [(found[1], found[2]) for key in said if (found := _WINDOW.fullmatch(key))]
    active = said.get("x-codex-active-limit", "").replace("_", "-")
    repeats = active != "codex" and any(family == active for family, _ in slots)
    for family, name in slots:
        if family == "codex" and repeats:
            continue
        start = f"x-{family}-{name}-"
        slot = _Slot(
            used_percent=number(said.get(start + "used-percent")),
            window_minutes=number(said.get(start + "window-minutes")),
            reset_at=number(said.get(start + "reset-at")),
            reset_after_seconds=number(said.get(start + "reset-after-seconds")),
        )
        window = _window(provider, family, name, slot, at_us)
        if window is not None:
            yield window


def _window(provider: str, family: str, name: str, slot: _Slot, at_us: int) -> OfficialWindow | None:
    used, resets_us = percent(slot.used_percent), instant(slot.reset_at, at_us)
    minutes = minutes_of(slot.window_minutes)
    if resets_us is None and slot.reset_after_seconds:
        resets_us = instant(at_us / 1_000_000 + slot.reset_after_seconds, at_us)
    if used is None or not (used or minutes or resets_us):
        return None  # a slot that the plan does not have is sent as zeros
    span = next((span for span, length in MINUTES.items() if minutes and abs(minutes - length) <= _ROUNDING), name)
    models = _NO_WORD.sub("_", family.removeprefix("codex")).strip("_")
    return OfficialWindow(provider, f"{models}_{span}" if models else span, used, resets_us, minutes, at_us)
