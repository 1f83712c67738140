"""Continue's command line, `cn`.

Base URLs stand with each model in `config.yaml`, and no variable replaces them, but for Gemini's: started with a copy
of the user's file in which they are ours, given with `--config`. Files that it refers to are looked for beside it, so
the copy names them in full. With `--config` it also leaves the user's own file alone, into which `cn -p` would write
models if it found `ANTHROPIC_API_KEY`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, read_text, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways
from tokenguard.wire.shape import Refusal

NAME = "continue"
TITLE = "Continue"
COMMANDS = ("cn",)
PROGRAMS = ("@continuedev/cli/",)
INSTALL = "install it with npm install -g @continuedev/cli"
LOGIN = "put a model and its apiKey into ~/.continue/config.yaml"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-chat", "openai-responses", "gemini")
HOLD_SECONDS = 300
"""It was seen to wait for 320 s."""
GUARDED = "a copy of its config.yaml with other addresses, given with --config"
NOT_COVERED = ("providers that tokenguard does not know", "cn review", "models from --model and --agent")
LEAVES = ""

SERVICES = {
    "anthropic": ("anthropic", "/v1"),
    "openai": ("openai", "/v1"),
    "openrouter": ("openrouter", "/api/v1"),
    "mistral": ("mistral", "/v1"),
    "xAI": ("xai", "/v1"),
    "groq": ("groq", "/openai/v1"),
    "deepseek": ("deepseek", ""),
    "moonshot": ("kimi", "/v1"),
}
"""Its name of a provider -> ours, and the path in base URLs of that kind."""

_GEMINI = "GOOGLE_GEMINI_BASE_URL"
_FILE = "continue.yaml"
_ASKED = {"chat", "subagent"}
"""Roles of the models that it asks itself; the others are for editors, which read the same file."""


class _Model(Struct, frozen=True):
    """A model of the user's settings."""

    place: dict[str, Any]
    """The object in which an address counts: the model's own, or what overrides a file's that is used."""
    settings: Mapping[str, Any]
    """Everything that is set for it."""

    @property
    def is_asked(self) -> bool:
        roles = self.settings.get("roles")
        return not isinstance(roles, list) or any(role in _ASKED for role in cast("list[object]", roles))


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    given, rest = take(situation.args, "--config")
    file = situation.cwd / given[-1] if given else _home(situation) / "config.yaml"
    config = _read(file)
    env, network = environment.direct_loopback(situation.env), environment.network(situation.env)
    if config is None:
        note = f"Continue finds no settings in {file}: its calls are not guarded"
        return Recipe(situation.args, env=env, network=network, notes=(note,))
    for entry in _entries(config):
        _name_in_full(entry, situation, file.parent)
    ways = Ways(situation.base_url, situation.providers)
    notes: list[str] = []
    for model in _models(config):
        provider, theirs = text_at(model.settings, "provider") or "", text_at(model.settings, "apiBase")
        if provider == "gemini":
            env[_GEMINI] = ways.to("gemini", theirs=situation.env.get(_GEMINI)) or ""
            continue
        if base_url := _base_url(ways, provider, theirs):
            model.place["apiBase"] = f"{base_url}/"
            network |= _network(model.settings)
        elif model.is_asked:
            name, where = text_at(model.settings, "name"), theirs or provider or "a provider without a name"
            notes.append(f"Continue's model {name} is at {where}: its calls are not guarded")
    return Recipe(
        args=("--config", str(situation.folder / _FILE), *rest),
        env=env,
        files={_FILE: json.dumps(config, ensure_ascii=False)},
        upstreams=ways.upstreams,
        network=network,
        notes=(*notes, *_others(rest)),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    bases = (
        f"  - provider: {name}\n    apiBase: {base_url}/{SERVICES[name][0]}/v1/" for name in ("anthropic", "openai")
    )
    return ByHand(
        settings=(("~/.continue/config.yaml", "\n".join(("models:", *bases))),),
        notes=(f"models of Gemini take {_GEMINI}={base_url}/gemini from the environment",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    model = {"name": "main", "provider": "anthropic", "model": "claude-opus-5-5", "apiKey": key}
    config = {"name": "main", "version": "1.0.0", "schema": "v1", "models": [model]}
    return Trial(before=("-p",), files={".continue/config.yaml": json.dumps(config)})


def _home(situation: Situation) -> Path:
    return Path(situation.env.get("CONTINUE_GLOBAL_DIR") or situation.home / ".continue")


def _read(file: Path) -> dict[str, Any] | None:
    from tokenguard.agents.core_yaml import parse_yaml  # costs some milliseconds, needed for this agent only

    return parse_yaml(read_text(file))


def _entries(config: Mapping[str, Any], *sections: str) -> Iterator[dict[str, Any]]:
    """The objects in its lists: models, rules, servers."""
    for name, items in config.items():
        if isinstance(items, list) and (not sections or name in sections):
            yield from (cast("dict[str, Any]", one) for one in cast("list[object]", items) if isinstance(one, dict))


def _name_in_full(entry: dict[str, Any], situation: Situation, folder: Path) -> None:
    """Files are looked for in the working folder, then beside the settings."""
    used = text_at(entry, "uses") or ""
    path = used.removeprefix("file://")
    if path.startswith("~"):
        path = f"{situation.home}{path[1:]}"
    if path != used or path.startswith((".", "/")):
        here = situation.cwd / path
        entry["uses"] = str(here if here.exists() else folder / path)


def _models(config: Mapping[str, Any]) -> Iterator[_Model]:
    for entry in _entries(config, "models"):
        if used := text_at(entry, "uses"):
            block = next(_entries(_read(Path(used)) or {}, "models"), dict[str, Any]())
            entry["override"] = own = object_at(entry, "override")
            yield _Model(own, {"name": used, **block, **own})
        else:
            yield _Model(entry, entry)


def _base_url(ways: Ways, provider: str, theirs: str | None) -> str | None:
    """What a model gets; None if we know no way there, or see none: an address may be kept where keys are."""
    if theirs and "${{" in theirs:
        return None
    if service := SERVICES.get(provider):
        return ways.to(*service, theirs)
    return ways.known(theirs) if theirs else None


def _network(settings: Mapping[str, Any]) -> dict[str, str]:
    """How it would have reached this model's provider, where that is set for the model."""
    proxy, authority = (text_at(settings, "requestOptions", name) for name in ("proxy", "caBundlePath"))
    found = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), proxy) | {"NODE_EXTRA_CA_CERTS": authority}
    return {name: value for name, value in found.items() if value}


def _others(args: tuple[str, ...]) -> Iterator[str]:
    """What to say of models that come from elsewhere."""
    for option in ("--model", "--agent"):
        if take(args, option)[0]:
            yield f"what {option} adds to Continue's models is not guarded"
    if "review" in args:
        yield "cn review reads the settings itself: its calls are not guarded"
