"""Coding agents, as modules of one shape: how each is started, refused, and how long it waits."""

from __future__ import annotations

import os.path
from collections.abc import Mapping

from tokenguard.agents import (
    aider,
    claude,
    cline,
    codex,
    continue_,
    copilot,
    gemini,
    generic,
    kilo,
    kimi_cli,
    kimi_code,
    llm,
    opencode,
    openhands,
    pi,
    qwen,
    vibe,
)
from tokenguard.agents.own import Definition, Own
from tokenguard.agents.shape import Agent, ByHand, Recipe, Situation, Trial
from tokenguard.errors import ConfigError

__all__ = ["AGENTS", "Agent", "Agents", "ByHand", "Definition", "Recipe", "Situation", "Trial"]

_AGENTS: tuple[Agent, ...] = (
    claude,
    codex,
    gemini,
    opencode,
    kilo,
    qwen,
    pi,
    cline,
    continue_,
    copilot,
    aider,
    llm,
    vibe,
    kimi_code,
    kimi_cli,
    openhands,
)

AGENTS: dict[str, Agent] = {agent.NAME: agent for agent in _AGENTS}
"""Every agent with a module of its own, by name."""


class Agents:
    """The agents that are known: those with a module of their own, and those that the user has defined."""

    def __init__(self, own: Mapping[str, Definition] | None = None) -> None:
        """Raises `ConfigError` for a definition that extends nothing known, or takes another one's command."""
        defined = {name: Own(name, given, _base(name, given)) for name, given in (own or {}).items()}
        self.all: dict[str, Agent] = {**AGENTS, **defined}
        """By name."""
        self._by_command: dict[str, Agent] = {command: agent for agent in _AGENTS for command in agent.COMMANDS}
        taken: dict[str, str] = {}
        for name, agent in defined.items():
            for command in agent.COMMANDS:
                if taken.setdefault(command, name) != name:
                    text = f'config.toml: agents.{name}.commands: "{command}" starts agents.{taken[command]} already'
                    raise ConfigError(text, "leave it out of one of them")
            self._by_command |= dict.fromkeys(agent.COMMANDS, agent)

    @property
    def commands(self) -> list[str]:
        """Every command that starts one of them."""
        return list(self._by_command)

    def started_by(self, command: str) -> tuple[str, Agent]:
        """(name in the ledger, agent) of what a command starts; a path counts by its last part.

        The name of an agent stands for its commands where it is none itself.
        """
        name = os.path.basename(command)
        agent = self._by_command.get(name) or self.all.get(command, generic)
        return (name if agent is generic else agent.NAME), agent

    def speaking(self, expected: str, heard: str | None) -> str:
        """The agent that makes a call in a session of the one that is `expected`, where its request sounds like one."""
        agent = self.all.get(expected)
        extends = isinstance(agent, Own) and agent.extends == heard
        return expected if heard is None or extends else heard

    def named(self, name: str) -> Agent:
        """An agent by the name that stands in the ledger."""
        return self.all.get(name, generic)


def _base(name: str, given: Definition) -> Agent:
    """The agent that a definition extends: the one that it names, else the one whose name it has."""
    if given.extends is None:
        return AGENTS.get(name, generic)
    if name in AGENTS and given.extends != name:
        text = f'config.toml: agents.{name}.extends "{given.extends}": {name} is known, and is what this changes'
        raise ConfigError(text, "leave it out, or choose another name")
    base = AGENTS.get(given.extends)
    if base is None:
        text = f'config.toml: agents.{name}.extends "{given.extends}" is not known'
        raise ConfigError(text, f"use one of {', '.join(AGENTS)}")
    return base
