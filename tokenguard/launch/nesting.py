"""A run within a run: its agent must find the environment in which the user started the outer one.

The outer run has put addresses of its own session, and files of its private folder, in the place of the user's. What
stood there is kept in a variable: the calls of the inner agent then go where the user's settings say, with credentials
that belong there, and not to whatever is the default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from tokenguard.agents import generic
from tokenguard.agents.settings import parse_json, text_at

BEFORE = "TOKENGUARD_OUTER"
"""Variable that keeps, as JSON, what a run has replaced, and what its agent may replace by its settings."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/s/")
_ADDRESSES = ("http://", "https://")


def kept(env: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The variable for a program that gets `ours` on top of `env`."""
    named = (name for name, value in env.items() if value.startswith(_ADDRESSES))
    names = dict.fromkeys((*ours, *(variable for variable, *_ in generic.VARIABLES), *named))
    return {BEFORE: json.dumps({name: env.get(name) for name in names})}


def restore(env: MutableMapping[str, str], runs: Path) -> None:
    """Put back what an outer run has replaced, unless something else stands there now; `runs` holds private folders."""
    before = parse_json(env.pop(BEFORE, ""))
    if before is None:
        return
    for name in [name for name, value in env.items() if _ADDRESS.search(value) or f"{runs}/" in value]:
        del env[name]
        if (value := text_at(before, name)) is not None:
            env[name] = value
