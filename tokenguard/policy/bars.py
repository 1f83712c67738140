"""The line of today, for the bars and prompts of tmux, neovim and shells: `$14.82 today · $3.10/h · web/day 82% info`.

It is that of no session: of all budgets in force it names the one that is nearest its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from tokenguard.policy.statusline import (
    LEVEL_WORDS,
    budget_words,
    known_windows,
    speed,
    spent_today,
    used_share,
    window_words,
)

FORMATS = ("plain", "tmux", "nvim", "json")
"""What a line can be written for."""

WAITING = "waiting"
"""The style of what waits for a person, beside the names of levels."""

_TMUX = {"info": "fg=cyan", "warn": "fg=yellow", "soft": "fg=magenta", "hard": "fg=red,bold", WAITING: "fg=yellow,bold"}
_NVIM = {style: f"Tokenguard{style.capitalize()}" for style in _TMUX}
"""Highlight groups, which the plug-in defines."""


_ORDER = ("ok", *LEVEL_WORDS)


class Part(Struct, frozen=True):
    """A part of the line."""

    text: str
    style: str = ""
    """A level, or `WAITING`; empty for what has no colour of its own."""


class Bar(Struct, frozen=True):
    """The line of today, in parts, and what it comes from."""

    parts: tuple[Part, ...]
    level: str
    """The highest of all budgets in force."""
    waiting: tuple[str, ...]
    """The calls that wait for an answer, by id."""
    budget: Mapping[str, Any] | None
    """The budget that is named, as the status has it."""


def bar(status: Mapping[str, Any], now: datetime) -> Bar:
    """The line, of the daemon's status; `now` is local."""
    waiting = tuple(str(hold["id"]) for hold in status.get("holds", ()))
    nearest = max(status["budgets"], key=lambda one: (_ORDER.index(one["level"]), used_share(one)), default=None)
    parts = [
        *_waiting(waiting),
        Part(spent_today(status["totals"]["today"])),
        *map(Part, speed(status["totals"].get("hour"))),
        *([] if nearest is None else [Part(budget_words(nearest, None), _style(nearest))]),
        *map(Part, window_words(known_windows(status, None), now)),
    ]
    level = "ok" if nearest is None else str(nearest["level"])
    clean = tuple(Part("".join(char for char in part.text if char.isprintable()), part.style) for part in parts)
    return Bar(clean, level, waiting, nearest)


def plain(found: Bar) -> str:
    """As text."""
    return " · ".join(part.text for part in found.parts)


def tmux(found: Bar) -> str:
    """With tmux's styles, for `status-right`."""
    return _styled(found.parts, _TMUX, "#[{}]", "#[default]", "#")


def nvim(found: Bar) -> str:
    """With the highlight groups of the plug-in, for neovim's `statusline`."""
    return _styled(found.parts, _NVIM, "%#{}#", "%*", "%")


def document(status: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """For programs that draw it themselves; `status` is None where no daemon answers."""
    if status is None:
        return {"running": False, "text": "", "level": "ok", "waiting": [], "today": None, "hour": None, "budget": None}
    found, totals = bar(status, now), status["totals"]
    return {
        "running": True,
        "text": plain(found),
        "level": found.level,
        "waiting": list(found.waiting),
        "today": totals["today"],
        "hour": totals.get("hour"),
        "budget": found.budget,
    }


def _waiting(ids: Sequence[str]) -> Iterator[Part]:
    if len(ids) == 1:
        yield Part(f"! waiting: tokenguard approve {ids[0]}", WAITING)
    elif ids:
        yield Part(f"! {len(ids)} waiting: tokenguard status", WAITING)


def _style(budget: Mapping[str, Any]) -> str:
    return budget["level"] if budget["level"] in _TMUX else ""


def _styled(parts: Sequence[Part], names: Mapping[str, str], begin: str, end: str, sign: str) -> str:
    """The parts, each in its style; the sign by which styles begin, doubled, stands for itself."""
    told = [(part.text.replace(sign, sign * 2), names.get(part.style)) for part in parts]
    return " · ".join(text if name is None else f"{begin.format(name)}{text}{end}" for text, name in told)
