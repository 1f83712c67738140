"""What `[agents.NAME]` may say."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tokenguard.config.sections import AgentSettings
from tokenguard.config.tables import convert, shown
from tokenguard.errors import ConfigError

REFUSALS = (400, 402, 403)
"""Statuses after which agents stop. After others they send their request again, or say nothing of why."""

LONGEST_HOLD = 3600

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_ROUTE = re.compile(r"\{url\}/([^/\s\"']+)")


def parse_agents(
    written: Mapping[str, Mapping[str, Any]], providers: Collection[str], file: str
) -> dict[str, AgentSettings]:
    """The user's agents by name; `providers` are those that are known. Raises `ConfigError` for what is not meant."""
    found: dict[str, AgentSettings] = {}
    for name, table in written.items():
        where = f"{file}: agents.{shown(name)}"
        agent = found[name] = convert(table, AgentSettings, where)
        if not _NAME.fullmatch(name) or name in ("generic", "unknown"):
            raise ConfigError(f"{where}: it is no name for an agent", "use letters, digits, dot, dash or underscore")
        if agent.hold_seconds is not None and not 1 <= agent.hold_seconds <= LONGEST_HOLD:
            text = f"{where}.hold_seconds {agent.hold_seconds} is not how long an agent waits"
            raise ConfigError(text, f"use 1 to {LONGEST_HOLD}")
        if agent.refusal is not None and agent.refusal not in REFUSALS:
            text = f"{where}.refusal {agent.refusal} does not make agents stop"
            raise ConfigError(text, f"use one of {', '.join(map(str, REFUSALS))}")
        _check_names(agent, where)
        for key, text in _texts(agent):
            _check_routes(text, providers, f"{where}.{key}")
    return found


def _check_names(agent: AgentSettings, where: str) -> None:
    for command in agent.commands:
        if not command or "/" in command or not command.isprintable() or " " in command:
            text = f'{where}.commands: "{shown(command)}" is no command'
            raise ConfigError(text, "name the program alone, without its folder and arguments; those stand in args")
    for variable in agent.env:
        if not _VARIABLE.fullmatch(variable):
            raise ConfigError(f'{where}.env: "{shown(variable)}" is no variable', "use letters, digits and underscores")
    for name in agent.files:
        if not _FILE.fullmatch(name) or {".", ".."} & set(name.split("/")):
            text = f'{where}.files: "{shown(name)}" is no name within the folder of a run'
            raise ConfigError(text, "such as settings.json; {folder}/settings.json in env or args is where it lies")


def _texts(agent: AgentSettings) -> Iterator[tuple[str, str]]:
    """(key, text) of all that may hold an address."""
    yield from (("args", arg) for arg in agent.args)
    yield from ((f"env.{name}", value) for name, value in agent.env.items())
    yield from ((f'files."{name}"', text) for name, text in agent.files.items())


def _check_routes(text: str, providers: Collection[str], where: str) -> None:
    if "\0" in text:
        raise ConfigError(f"{where} holds a zero byte", "leave it out")
    for provider in _ROUTE.findall(text):
        if provider not in providers:
            message = f'{where}: "{{url}}/{shown(provider)}" leads to no provider that is known'
            raise ConfigError(message, f"use one of {', '.join(sorted(providers))}, or set providers.NAME.base_url")
