"""Any command that honours the usual base-URL variables: most programs built on the providers' own libraries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenguard.agents import environment
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import way
from tokenguard.wire.shape import Refusal

NAME = "generic"
"""In the ledger stands the command's own name."""
TITLE = "any other command"
COMMANDS = ()
PROGRAMS = ()
INSTALL = "check the spelling, or give its full path"
LOGIN = "give it its key as you would without tokenguard"
MINIMUM = ""
DIALECTS = ()
HOLD_SECONDS = 60
"""Every agent that was observed waits this long."""
GUARDED = "the usual base-URL variables"
NOT_COVERED = ("programs that ignore these variables, unless with --intercept",)
LEAVES = ""

VARIABLES = (
    ("ANTHROPIC_BASE_URL", "anthropic", ""),
    ("ANTHROPIC_API_BASE", "anthropic", ""),
    ("OPENAI_BASE_URL", "openai", "/v1"),
    ("OPENAI_API_BASE", "openai", "/v1"),
    ("GOOGLE_GEMINI_BASE_URL", "gemini", ""),
    ("OPENROUTER_BASE_URL", "openrouter", "/api/v1"),
    ("OPENROUTER_API_BASE", "openrouter", "/api/v1"),
    ("KIMI_BASE_URL", "kimi", "/v1"),
)
"""(variable, provider, path that programs expect in it)."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    return routed(situation, VARIABLES)


def routed(situation: Situation, variables: Iterable[tuple[str, str, str]]) -> Recipe:
    """A recipe that sets these variables, see `VARIABLES`; of two with one name the first holds."""
    env = environment.direct_loopback(situation.env)
    upstreams: dict[str, str] = {}
    notes: list[str] = []
    for variable, provider, suffix in variables:
        if variable in env:
            continue
        route = way(situation.base_url, situation.providers, provider, suffix, situation.env.get(variable))
        if any(upstreams.get(name, url) != url for name, url in route.upstreams.items()):
            notes.append(f"{variable} names another address than the variables before it: its calls are not guarded")
            continue
        env[variable] = route.base_url
        upstreams |= route.upstreams
    return Recipe(
        situation.args,
        env=env,
        upstreams=upstreams,
        network=environment.network(situation.env),
        notes=tuple(notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own: HTTP 400 in the provider's error shape stopped every such agent at once."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    return ByHand(env={variable: f"{base_url}/{provider}{suffix}" for variable, provider, suffix in VARIABLES})


def trial(key: str, project: Path) -> Trial | None:
    """See `Agent.trial`."""
    return None
