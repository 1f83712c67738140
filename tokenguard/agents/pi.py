"""pi.

It ignores base-URL variables. Started with an extension of ours, `-e`, which puts other base URLs in place of those of
its providers, whatever `models.json` says of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.settings import object_at, objects_at, read_json, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways
from tokenguard.wire.shape import Refusal

NAME = "pi"
TITLE = "pi"
COMMANDS = ("pi",)
PROGRAMS = ("/pi-coding-agent/",)
INSTALL = "install it with npm install -g @mariozechner/pi-coding-agent"
LOGIN = "start pi and type /login, or set ANTHROPIC_API_KEY, OPENAI_API_KEY or another provider's key"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-responses", "openai-chat", "gemini")
HOLD_SECONDS = 300
"""It was seen to wait for 320 s."""
GUARDED = "an extension, given with -e"
NOT_COVERED = (
    "providers that tokenguard does not know, GitHub Copilot and Bedrock among them",
    "providers that other extensions register",
)
LEAVES = ""


class _Service(Struct, frozen=True):
    """A provider as pi knows it."""

    provider: str
    path: str = ""
    """That is expected in a base URL."""


_SERVICES = {
    "anthropic": _Service("anthropic"),
    "openai": _Service("openai", "/v1"),
    "google": _Service("gemini", "/v1beta"),
    "openrouter": _Service("openrouter", "/api/v1"),
    "mistral": _Service("mistral"),
    "xai": _Service("xai", "/v1"),
    "groq": _Service("groq", "/openai/v1"),
    "deepseek": _Service("deepseek"),
    "moonshotai": _Service("kimi", "/v1"),
}
_CHATGPT = "openai-codex"
_CHATGPT_URL = "https://chatgpt.com/backend-api"
"""OpenAI with a ChatGPT login: paths of requests go on with `/codex`, which is in tokenguard's base URL already."""

_COMMANDS = ("install", "remove", "uninstall", "update", "list", "config")
"""What has options of its own, and asks no model."""
_FILE = "tokenguard.mjs"
"""Of a module of another kind it would leave a copy in the temporary folder."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env, network = environment.direct_loopback(situation.env), environment.network(situation.env)
    if situation.args[:1] and situation.args[0] in _COMMANDS:
        return Recipe(situation.args, env=env, network=network)
    folder = Path(situation.env.get("PI_CODING_AGENT_DIR") or situation.home / ".pi" / "agent")
    models = object_at(read_json(folder / "models.json"), "providers")
    set_up = {**models, **read_json(folder / "auth.json")}
    ways = Ways(situation.base_url, situation.providers)
    ours: dict[str, str] = {}
    for name in dict.fromkeys((*_SERVICES, *set_up)):
        theirs = text_at(models, name, "baseUrl")
        if service := _SERVICES.get(name):
            base_url = ways.to(service.provider, service.path, theirs)
        elif name == _CHATGPT:
            base_url = ways.to("chatgpt", theirs=theirs or _CHATGPT_URL)
        else:
            base_url = ways.known(theirs) if theirs else None
        if base_url is not None and not _has_others(models, name):
            ours[name] = base_url
    lost = ", ".join(sorted(set_up.keys() - ours.keys()))
    return Recipe(
        args=("-e", str(situation.folder / _FILE), *situation.args),
        env=env,
        files={_FILE: _extension(ours)},
        upstreams=ways.upstreams,
        network=network,
        notes=(f"calls to pi's {lost} are not guarded: tokenguard does not know where they go",) if lost else (),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request. Words of a rate limit or an outage, or 5xx in digits, make it go on."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    urls = {name: {"baseUrl": f"{base_url}/{service.provider}{service.path}"} for name, service in _SERVICES.items()}
    return ByHand(settings=(("~/.pi/agent/models.json", json.dumps({"providers": urls}, indent=2)),))


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(
        before=("--model", "anthropic/claude-opus-5-5", "-p"),
        env={"ANTHROPIC_API_KEY": key, "PI_OFFLINE": "1", "PI_TELEMETRY": "0"},
    )


def _has_others(models: Mapping[str, Any], name: str) -> bool:
    """Whether models of a provider have base URLs of their own, which the provider's would replace."""
    shared = text_at(models, name, "baseUrl")
    return any(text_at(model, "baseUrl") not in (None, shared) for model in objects_at(models, name, "models"))


def _extension(urls: Mapping[str, str]) -> str:
    lines = [
        f"  pi.registerProvider({json.dumps(name)}, {{ baseUrl: {json.dumps(url)} }});" for name, url in urls.items()
    ]
    return "\n".join(["export default function (pi) {", *lines, "}", ""])
