"""Qwen Code.

Variables name base URLs, but those of `modelProviders` in its settings win over them: then it gets system settings of
ours, which begin as the administrator's own, with rewritten providers. After a prompt that needed no tool it makes a
second full call, to remember what was said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenguard.agents import environment
from tokenguard.agents.options import take
from tokenguard.agents.qwen_settings import (
    DEFAULTS_PATH,
    OPENAI,
    PROTOCOLS,
    SYSTEM_PATH,
    Layer,
    Model,
    addresses_of,
    files_of,
    first,
    layers_of,
    models_of,
)
from tokenguard.agents.settings import object_at, read_json
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways, is_session_url
from tokenguard.wire.shape import Refusal

NAME = "qwen"
TITLE = "Qwen Code"
COMMANDS = ("qwen",)
PROGRAMS = ("@qwen-code/qwen-code/",)
INSTALL = "install it with npm install -g @qwen-code/qwen-code"
LOGIN = "start qwen and type /auth, or set OPENAI_API_KEY and OPENAI_MODEL"
MINIMUM = ""
DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
HOLD_SECONDS = 100
"""It sends its request again after 120 s."""
GUARDED = "base-URL variables; system settings of the run where your settings name providers"
NOT_COVERED = ("Vertex AI", "a Qwen account", "its sandbox in a container", "providers that are set up while it runs")
LEAVES = ""


_ELSEWHERE = {"vertex-ai": "Google Vertex AI", "qwen-oauth": "a Qwen account"}


_FILE = "qwen-settings.json"


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    system, defaults = files_of(env)
    layers = layers_of(situation, system, defaults)
    flags, args = take(situation.args, "--openai-base-url")
    kinds, _ = take(args, "--auth-type")
    names, _ = take(args, "-m", "--model")
    kind = kinds[-1] if kinds else first(layers, "security", "auth", "selectedType") or "openai"
    name = names[-1] if names else first(layers, "model", "name")
    ways = Ways(situation.base_url, situation.providers)
    providers, models = models_of(layers)
    moved: dict[str, str] = {}
    notes: list[str] = []
    for model in sorted(models, key=lambda one: one.entry.get("id") != name):
        base_url = _way(ways, model, notes)
        if base_url is not None:
            moved.setdefault(model.url, base_url)
            model.entry["baseUrl"] = base_url
    theirs, said = addresses_of(situation, layers, kind)
    if flags:
        theirs[OPENAI.url] = flags[-1]
    variables: dict[str, str] = {}
    for protocol in dict.fromkeys(PROTOCOLS.values()):
        url = theirs.get(protocol.url)
        base_url = (ways.known(url) if url else None) or ways.to(protocol.provider, protocol.path, url)
        if base_url is None:
            notes.append(f"{protocol.url} names another address than modelProviders: its calls are not guarded")
        else:
            variables[protocol.url] = base_url
    if kind in _ELSEWHERE:
        notes.append(f"Qwen Code signs in with {_ELSEWHERE[kind]}: its calls are not guarded")
    ours = _overriding(layers, kind, variables, moved, models, name)
    if moved:
        ours["modelProviders"] = providers
    files: dict[str, str] = {}
    if ours:
        files[_FILE] = json.dumps({**read_json(system), **ours})
        variables |= {SYSTEM_PATH: str(situation.folder / _FILE), DEFAULTS_PATH: str(defaults)}
    return Recipe(
        args=args,
        env={**environment.direct_loopback(env), **variables},
        files=files,
        upstreams=ways.upstreams,
        network=environment.network(env),
        notes=(*said, *notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    urls = {protocol.url: f"{base_url}/{protocol.provider}{protocol.path}" for protocol in PROTOCOLS.values()}
    return ByHand(
        env=urls,
        settings=(("~/.qwen/settings.json", json.dumps({"env": urls}, indent=2)),),
        notes=("a baseUrl in modelProviders of ~/.qwen/settings.json wins: put the address there, too",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    settings = {
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "openai"}},
        "telemetry": {"enabled": False},
    }
    return Trial(
        env={"OPENAI_API_KEY": key, "OPENAI_MODEL": "gpt-6.1-sol"},
        files={".qwen/settings.json": json.dumps(settings)},
    )


def _way(ways: Ways, model: Model, notes: list[str]) -> str | None:
    """The base URL that a model gets in place of its own; None to leave it."""
    base_url = ways.known(model.url)
    if base_url is None and model.protocol is not None:
        if not model.own:
            notes.append(f"baseUrl {model.url} of this project is not used: the key that goes there is not with it")
        base_url = ways.to(model.protocol.provider, model.protocol.path, model.url if model.own else None)
    if base_url is None:
        notes.append(f"calls of {model.entry.get('id')} to {model.url} are not guarded")
    return base_url


def _overriding(
    layers: list[Layer],
    kind: str,
    variables: Mapping[str, str],
    moved: Mapping[str, str],
    models: list[Model],
    name: str | None,
) -> dict[str, Any]:
    """Settings that no variable wins over: the address of Gemini, and that by which the chosen model is found."""
    system = layers[0].settings
    ours: dict[str, Any] = {}
    if kind == "gemini" and first(layers, "security", "auth", "baseUrl"):
        auth = {**object_at(system, "security", "auth"), "baseUrl": variables.get(PROTOCOLS[kind].url)}
        ours["security"] = {**object_at(system, "security"), "auth": auth}
    if chosen := first(layers, "model", "baseUrl"):
        # One of an earlier run, which a person chose a model in, leads nowhere any more.
        same = next((one.entry["baseUrl"] for one in models if one.entry.get("id") == name), chosen)
        url = moved.get(chosen) or (same if is_session_url(chosen) else chosen)
        if url != chosen:
            ours["model"] = {**object_at(system, "model"), "baseUrl": url}
    return ours
