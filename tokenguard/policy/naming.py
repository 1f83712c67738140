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


def printable(text: str, most: int = 0) -> str:
    """Text that came from elsewhere, without what a terminal or a desktop would obey; at `most` so many characters."""
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return clean if not most or len(clean) <= most else clean[: most - 1] + "…"
