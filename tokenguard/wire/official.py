"""What providers themselves say of the windows of a subscription in the headers of their answers.

Whose headers these are, `official_claude` and `official_codex` tell. Nothing here raises, or there: what is malformed,
or beyond all reason, was not said.
"""

from __future__ import annotations

from collections.abc import Mapping

from tokenguard.records import OfficialWindow
from tokenguard.wire import official_claude, official_codex
from tokenguard.wire.official_claude import PREFIX as CLAUDE
from tokenguard.wire.official_codex import PREFIX as CODEX


def read(provider: str, headers: Mapping[str, str], at_us: int) -> tuple[OfficialWindow, ...]:
    """The windows that an answer's headers tell of; most answers tell of none."""
    claude: dict[str, str] = {}
    codex: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith(CLAUDE):
            claude[lower[len(CLAUDE) :]] = value.strip().lower()
        elif lower.startswith(CODEX):
            codex[lower] = value.strip().lower()
    return (*official_claude.windows(provider, claude, at_us), *official_codex.windows(provider, codex, at_us))
