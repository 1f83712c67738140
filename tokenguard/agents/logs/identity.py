"""Ids that can be believed: those by which a response is known wherever it is seen."""

from __future__ import annotations

import re

_COUNTED_UP = re.compile(r"chatcmpl-\d{1,6}")
"""What Ollama and its like call a response: a small number, which is soon drawn again."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def lasting(name: str | None) -> str | None:
    """A provider's id of a response; None for one that comes again."""
    return name if name and not _COUNTED_UP.fullmatch(name) else None


def entry(session: str, name: str) -> str:
    """The key of an entry of a session: a UUID is one everywhere, in copies too; any other name only in its session."""
    return name if _UUID.fullmatch(name) else f"{session}/{name}"
