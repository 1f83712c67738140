"""Coding agents, as modules of one shape: how each is started, refused, and how long it waits."""

from __future__ import annotations

import os.path

from tokenguard.agents import claude, codex, gemini, generic
from tokenguard.agents.shape import Agent, Recipe, Situation

__all__ = ["AGENTS", "Agent", "Recipe", "Situation", "named", "started_by"]

_AGENTS: tuple[Agent, ...] = (claude, codex, gemini)

AGENTS: dict[str, Agent] = {agent.NAME: agent for agent in _AGENTS}
"""Every agent with a module of its own, by name."""

_BY_COMMAND: dict[str, Agent] = {command: agent for agent in _AGENTS for command in agent.COMMANDS}


def started_by(command: str) -> tuple[str, Agent]:
    """(name in the ledger, module) of what a command starts; a path counts by its last part."""
    name = os.path.basename(command)
    agent = _BY_COMMAND.get(name, generic)
    return (name if agent is generic else agent.NAME), agent


def named(name: str) -> Agent:
    """The module of an agent, by the name that stands in the ledger."""
    return AGENTS.get(name, generic)
