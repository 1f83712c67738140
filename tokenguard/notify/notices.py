"""What people are told of an event: a few words, and of its data what may leave this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from tokenguard.policy import money
from tokenguard.policy.budgets import LEVELS
from tokenguard.policy.naming import folder_name, printable, short_model
from tokenguard.records import Event, Unit

_LONGEST_TITLE = 80
_LONGEST_TEXT = 400
"""Characters."""


class Notice(Struct, frozen=True):
    """An event, in words."""

    type: str
    at_us: int
    title: str
    text: str
    data: dict[str, object]
    """Of the event's data the keys that are documented; repositories by their name, not their path."""
    asks: bool = False
    """Whether somebody waits for an answer."""
    quiet: bool = False
    """Whether it is for programs, not worth interrupting a person."""


class _Kind(Struct, frozen=True):
    words: Callable[[Mapping[str, Any]], tuple[str, str]]
    """Title and text."""
    keys: tuple[str, ...]
    asks: bool = False


def notice(event: Event, least_level: str) -> Notice | None:
    """What is told of an event; None for what nobody is told of, such as a level below `least_level`."""
    kind = _KINDS.get(event.type)
    data = event.data
    if kind is None or (event.type == "budget.level" and _is_below(str(data["level"]), least_level)):
        return None
    title, text = kind.words(data)
    told = {key: _told(key, data[key]) for key in kind.keys if key in data}
    return Notice(
        type=event.type,
        at_us=event.at_us,
        title=printable(f"tokenguard: {title}", _LONGEST_TITLE),
        text=printable(text, _LONGEST_TEXT),
        data=told,
        asks=kind.asks,
        quiet=event.type == "hold.answered" and data["answer"] != "expired",
    )


def _is_below(level: str, least: str) -> bool:
    return LEVELS.index(level) < LEVELS.index(least)


def _told(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    return folder_name(value) if key == "repo" else printable(value, _LONGEST_TEXT)


def _asked(data: Mapping[str, Any]) -> tuple[str, str]:
    who = " ".join(part for part in (data["agent"], folder_name(data["repo"])) if part)
    answers = f"tokenguard approve {data['id']}, or tokenguard deny {data['id']}"
    reason = printable(str(data["reason"]).rstrip("."), _LONGEST_TEXT // 2)
    if data.get("wants") is not None:
        return f"{who} asks you", f"{reason[:1].upper()}{reason[1:]}. Answer: {answers}"
    about = f"{money.usd(data['estimate_nanos'], about=True)} for {short_model(data['model'])}"
    return f"{who} waits for you", f"{about}: {reason}. Answer: {answers}"


_ANSWERS = {
    "approve": "was approved",
    "deny": "was denied",
    "expired": "was refused: nobody answered in time",
    "gone": "is over: the agent has left",
    "fits": "goes on: it fits its budgets now",
}


def _answered(data: Mapping[str, Any]) -> tuple[str, str]:
    answer = str(data["answer"])
    return "a call no longer waits", f"The call {data['id']} {_ANSWERS.get(answer, answer)}."


def _level(data: Mapping[str, Any]) -> tuple[str, str]:
    unit = Unit(data["unit"])
    spent, limit = money.amount(data["spent"], unit), money.limit(data["limit"], unit)
    used = f"{money.percent(data['spent'], data['limit'])}%"
    state = "is used up" if data["level"] == "hard" else f"is at {used}"
    return f"{data['budget']} {state}", f"Level {data['level']}: {spent} of {limit}."


def _running_away(data: Mapping[str, Any]) -> tuple[str, str]:
    return "an agent may be running away", str(data["text"])


def _dear(data: Mapping[str, Any]) -> tuple[str, str]:
    return f"a call of {money.usd(data['estimate_nanos'], about=True)}", str(data["text"])


_KINDS = {
    "hold.asked": _Kind(
        _asked,
        ("id", "session", "agent", "repo", "model", "estimate_nanos", "reason", "asked_at", "expires_at", "budget")
        + ("unit", "wants"),
        asks=True,
    ),
    "hold.answered": _Kind(_answered, ("id", "session", "answer", "who", "reason")),
    "budget.level": _Kind(_level, ("budget", "level", "spent", "limit", "unit", "window_end_us")),
    "call.runaway": _Kind(_running_away, ("call", "session", "rule", "action", "text")),
    "call.preflight": _Kind(_dear, ("call", "session", "estimate_nanos", "text")),
}

TYPES = tuple(_KINDS)
"""The events that somebody is told of."""
