"""The program that a run starts."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tokenguard.agents import Agent, Agents
from tokenguard.agents.versions import is_older, version_of
from tokenguard.errors import UsageError


def find_program(command: str, agent: Agent, known: Agents, path: str) -> str:
    """The file that a shell would run; for the name of an agent, the first of its commands that is there.

    `path` is the user's `PATH`. Raises `UsageError` if there is none.
    """
    named = command == agent.NAME and command not in agent.COMMANDS
    for name in agent.COMMANDS if named else (command,):
        for file in _candidates(name, path):
            if os.path.isfile(file) and os.access(file, os.X_OK):
                return file
    if "/" in command:
        raise UsageError(f"{command}: {_why_not(command)}", "check the path")
    missing = f"{command} ({' or '.join(agent.COMMANDS)})" if named else command
    hint = agent.INSTALL if agent.COMMANDS else _meant(command, known) or agent.INSTALL
    raise UsageError(f"{missing}: command not found", hint)


def outdated(agent: Agent, program: str) -> Iterator[str]:
    """A note, if the program is of a version whose calls do not come to us."""
    version = version_of(program) if agent.MINIMUM else None
    if version is not None and is_older(version, agent.MINIMUM):
        yield (
            f"{agent.TITLE} {version} is too old: before {agent.MINIMUM} its calls do not come here "
            f"and are not guarded; {agent.INSTALL}"
        )


def _candidates(command: str, path: str) -> list[str]:
    if "/" in command:
        return [command]
    return [os.path.join(folder or ".", command) for folder in path.split(os.pathsep)]


def _why_not(file: str) -> str:
    if os.path.isdir(file):
        return "it is a folder"
    return "it is not executable" if os.path.exists(file) else "no such file"


def _meant(command: str, known: Agents) -> str:
    """The agent that was probably meant; empty if none is like it."""
    from difflib import get_close_matches  # needed only here

    near = get_close_matches(command.lower(), [*known.commands, *known.all], n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else ""
