"""What `[loops]` may say."""

from __future__ import annotations

import math

from tokenguard.config.sections import LoopSettings
from tokenguard.errors import ConfigError
from tokenguard.policy.loops import ACTIONS, RULES

_LEAST = 2
"""What has happened once has not repeated."""


def check_loops(given: LoopSettings, file: str) -> None:
    """Raises `ConfigError` for what cannot be meant."""
    for key in ("repeats", "identical", "failures"):
        count: int = getattr(given, key)
        if count != 0 and count < _LEAST:
            raise ConfigError(f"{file}: loops.{key} {count} is too few", f"use {_LEAST} or more, or 0 for never")
    if given.velocity != 0 and not 1 < given.velocity < math.inf:
        text = f"{file}: loops.velocity {given.velocity} is no multiple"
        raise ConfigError(text, "use a number above 1, such as 20, or 0 for never")
    _check_action(given.at_limit, f"{file}: loops.at_limit")
    for rule, action in given.actions.items():
        if rule not in RULES:
            raise ConfigError(f'{file}: loops.actions: "{rule}" is no rule', f"use {', '.join(RULES)}")
        _check_action(action, f"{file}: loops.actions.{rule}")


def _check_action(action: str, where: str) -> None:
    if action not in ACTIONS:
        raise ConfigError(f'{where} "{action}" is not known', f"use {', '.join(ACTIONS)}")
