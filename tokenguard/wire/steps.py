"""What the tools are called that a turn called, and what it had a shell run: enough to tell searching from testing."""

from __future__ import annotations

from typing import cast

import msgspec
from msgspec import Raw, Struct

from tokenguard.records import Step
from tokenguard.wire.decoding import FAILURES

Called = tuple[Raw | str, Raw]
"""Name and arguments of a tool, the name as JSON or by itself."""

_TELLING = 400
"""Characters of a command that are looked at: what it does stands at its beginning."""
_LARGEST = 1 << 16
"""Bytes of arguments that are looked at: longer ones hold files."""
_HEAD = 4096
"""Bytes of arguments in which a command begins, if there is one."""
_LONGEST_NAME = 120


class _Given(Struct):
    """The arguments of those tools that run commands, whatever they call them."""

    command: Raw = Raw()
    cmd: Raw = Raw()
    commands: Raw = Raw()


_GIVEN = msgspec.json.Decoder(_Given)
_TEXT = msgspec.json.Decoder(str)
_WORDS = msgspec.json.Decoder(str | list[str])
"""A command, its words, or several commands."""


def step_of(call: Called) -> Step:
    """A call of a tool as a step of the work. Arguments that are no command leave no trace."""
    name, given = call
    return Step(text_of(name)[:_LONGEST_NAME], _command(bytes(given)))


def text_of(name: Raw | str) -> str:
    """A name that may be JSON; empty for what is none."""
    if isinstance(name, str):
        return name
    try:
        return str(cast(object, msgspec.json.decode(name)))
    except FAILURES:
        return ""


def bytes_of(name: Raw | str) -> bytes:
    """A name, as it came."""
    return name.encode() if isinstance(name, str) else bytes(name)


def _command(given: bytes) -> str:
    head = given[:_HEAD]
    if len(given) > _LARGEST or (b"command" not in head and b"cmd" not in head):
        return ""
    try:
        # In most dialects of OpenAI, arguments are JSON within a string.
        found = _GIVEN.decode(_TEXT.decode(given) if given[:1] == b'"' else given)
        words = found.command or found.cmd
        said = _WORDS.decode(words or found.commands)
    except FAILURES:
        return ""
    return (said if isinstance(said, str) else (" " if words else "\n").join(said))[:_TELLING]
