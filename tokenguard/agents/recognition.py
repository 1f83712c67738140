"""Which agent a request is from, and which place it has in that agent's work, by what agents say of themselves."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tokenguard.agents import claude, codex, gemini, kilo, kimi_cli, kimi_code, opencode, vibe
from tokenguard.agents.side import Side, SideOf, by_cache_key
from tokenguard.records import Facts


class _Speaker(Struct, frozen=True):
    """An agent that says something."""

    name: str
    side: SideOf
    marks: tuple[str, ...] = ()
    """Headers, in lower case, that no other agent sends. Names of programs are none: some call themselves another."""


_SPEAKERS = (
    _Speaker(claude.NAME, claude.side, claude.MARKS),
    _Speaker(codex.NAME, codex.side, codex.MARKS),
    _Speaker(gemini.NAME, gemini.side),
    _Speaker(opencode.NAME, opencode.side),
    _Speaker(kilo.NAME, kilo.side),
    _Speaker(vibe.NAME, vibe.side),
    _Speaker(kimi_code.NAME, by_cache_key),
    _Speaker(kimi_cli.NAME, by_cache_key),
)
_BY_NAME = {speaker.name: speaker for speaker in _SPEAKERS}


class Recognised(Struct, frozen=True):
    """What is known of a request by what it says."""

    agent: str | None
    """The agent that it must be from; None if nothing shows it."""
    side: Side


def recognise(expected: str, headers: Mapping[str, str], facts: Facts) -> Recognised:
    """What a request says that comes in a session of the agent that is `expected`."""
    own = _BY_NAME.get(expected)
    if own is not None and any(mark in headers for mark in own.marks):
        return Recognised(own.name, own.side(headers, facts))
    for speaker in _SPEAKERS:
        if speaker is not own and any(mark in headers for mark in speaker.marks):
            return Recognised(speaker.name, speaker.side(headers, facts))
    return Recognised(None, own.side(headers, facts) if own is not None else Side())
