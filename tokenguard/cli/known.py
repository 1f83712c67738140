"""The agents that are known to the command line."""

from __future__ import annotations

import os

from tokenguard.agents import Agents
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import Config, load
from tokenguard.errors import TokenguardError


def known_agents() -> Agents:
    """Those with a module and the user's own; where the configuration is broken, the former alone."""
    try:
        return agents_of(load(find_paths(os.environ)))
    except TokenguardError:
        return Agents()


def agents_of(config: Config) -> Agents:
    """The same of a configuration that was read."""
    try:
        return Agents(config.agents)
    except TokenguardError:
        return Agents()
