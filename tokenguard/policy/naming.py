"""Names as people say them."""

from __future__ import annotations

import re

_DATE = re.compile(r"[-@](20\d{6}|20\d\d-\d\d-\d\d)$")
_VERSION = re.compile(r"\b(\d)-(\d)\b")


def short_model(model: str) -> str:
    """`claude-opus-5-5-20261001` as people say it: `opus-5.5`."""
    name = _DATE.sub("", model.rpartition("/")[2])
    _, is_claude, rest = name.partition("claude-")
    return _VERSION.sub(r"\1.\2", rest) if is_claude else name


def folder_name(path: str | None) -> str:
    """The last part of a repository's path; empty for None."""
    return (path or "").rstrip("/").rpartition("/")[2]


_PLANS = {"anthropic": "Claude", "chatgpt": "Codex"}
_SPANS = {"five_hour": "5 h", "seven_day": "7 d", "thirty_day": "30 d"}


def window_name(provider: str, name: str) -> str:
    """A provider's own window as people say it: `Claude 5 h`, `Claude 7 d opus`."""
    for span, short in _SPANS.items():
        name = name.replace(span, short)
    return f"{_PLANS.get(provider, provider)} {name.replace('_', ' ')}"


def printable(text: str, most: int = 0) -> str:
    """Text that came from elsewhere, without what a terminal or a desktop would obey; at `most` so many characters."""
    clean = text
    if not text.isprintable():
        clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return clean if not most or len(clean) <= most else clean[: most - 1] + "…"
