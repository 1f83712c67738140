"""OpenHands.

With `--override-with-envs` the variables LLM_API_KEY, LLM_BASE_URL and LLM_MODEL win over its saved settings, for the
model at work and for the one that sums up. The flag is ours where the user has not given it; then the other two
variables are emptied, which means that they are not there. Without saved settings it asks a person for them first.
A refusal ends the prompt with exit code 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from tokenguard.agents import environment
from tokenguard.agents.litellm import SERVICES, service_of
from tokenguard.agents.settings import read_json, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import way
from tokenguard.wire.shape import Refusal

NAME = "openhands"
TITLE = "OpenHands"
COMMANDS = ("openhands",)
PROGRAMS = ("/tools/openhands/", "/venvs/openhands/")
INSTALL = "install it with uv tool install openhands"
LOGIN = "start openhands and give it a model and a key, or set LLM_MODEL and LLM_API_KEY"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-chat", "openai-responses", "gemini")
HOLD_SECONDS = 240
"""After 300 s it gives up and asks again; it was seen to wait for 280 s."""
GUARDED = "LLM_BASE_URL with --override-with-envs"
NOT_COVERED = (
    "its own cloud and models",
    "serve, which runs in Docker",
    "other providers than those that tokenguard knows",
)
LEAVES = "a tmux server, in which its commands run, when it is killed"

_FLAG = "--override-with-envs"
_KEY, _URL, _MODEL = "LLM_API_KEY", "LLM_BASE_URL", "LLM_MODEL"
_ELSEWHERE = ("cloud", "serve", "web")
"""Subcommands that start it elsewhere: in its cloud, in a container, behind a web server."""
_ASKS_NO_MODEL = ("login", "logout", "mcp", "view")


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env, command = situation.env, "".join(situation.args[:1])
    plain = Recipe(situation.args, env=environment.direct_loopback(env), network=environment.network(env))
    folder = Path(env.get("OPENHANDS_PERSISTENCE_DIR") or situation.home / ".openhands")
    saved = read_json(folder / "agent_settings.json")
    given = _FLAG in situation.args
    chosen = {name: env.get(name) if given else None for name in (_KEY, _URL, _MODEL)}
    models = _models(saved, chosen[_MODEL])
    services = {service_of(model) for model in models}
    if command in _ASKS_NO_MODEL:
        return plain
    if command in _ELSEWHERE:
        why = f"OpenHands {command} starts it elsewhere"
    elif not models:
        why = "OpenHands has no settings yet"
    elif None in services or len(services) > 1:
        why = f"OpenHands' models {', '.join(models)} are not all served by one provider that is known"
    else:
        (service,) = (found for found in services if found is not None)
        theirs = chosen[_URL] or text_at(saved, "llm", "base_url")
        route = way(situation.base_url, situation.providers, service.provider, service.path, theirs)
        ours = {_URL: route.base_url} if given else {_URL: route.base_url, _KEY: "", _MODEL: ""}
        return structs.replace(
            plain,
            args=situation.args if given else (*situation.args, _FLAG),
            env={**plain.env, **ours},
            upstreams=route.upstreams,
        )
    return structs.replace(plain, notes=(f"{why}: its calls are not guarded",))


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request, and the text."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    addresses = ", ".join(f"{service.prefix}/... {base_url}/{service.provider}{service.path}" for service in SERVICES)
    return ByHand(notes=(f"in its settings (/settings, advanced), the base URL for a model: {addresses}",))


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(
        before=("--headless", _FLAG, "--task"),
        env={
            _KEY: key,
            _MODEL: "anthropic/claude-opus-5-5",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "OPENHANDS_SUPPRESS_BANNER": "1",
            # Else it fetches its public skills. There are none there.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "url.file:///nowhere/.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/",
        },
        stopped=0,
    )


def _models(saved: Mapping[str, Any], chosen: str | None) -> list[str]:
    """The model at work and the one that sums up; both are the one that is chosen in the environment, if one is."""
    found = (text_at(saved, "llm", "model"), text_at(saved, "condenser", "llm", "model"))
    return [chosen] if chosen else list(dict.fromkeys(filter(None, found)))
