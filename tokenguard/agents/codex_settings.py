"""What Codex' settings say: overrides on the command line, a profile, the user's file. Which provider it asks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, parse_toml, read_json, read_toml, text_at
from tokenguard.agents.shape import Situation

_PLAIN_KEY = re.compile(r"[\w-]+")
"""A provider's name that `-c` can reach: its dotted path knows no quotes. Another one gets a copy with our name."""

COPY = "tokenguard"
"""Our name for such a copy."""
_SECRETS = frozenset({"experimental_bearer_token", "http_headers"})
"""What may hold a key: no copy of that may stand among arguments, which everybody sees."""

_SYSTEM = Path("/etc/codex/config.toml")
"""The administrator's settings, which lose against the user's."""

OVERRIDE = ("-c", "--config")
_PROFILE = ("-p", "--profile")


def model_provider(situation: Situation) -> tuple[str, str | None, str | None]:
    """(model provider, setting that holds its base URL or None if we cannot set it, the URL if the user set one)."""
    if "--oss" in situation.args:
        return "oss", None, None
    layers = layers_of(situation)
    provider = _first(layers, "model_provider") or "openai"
    if provider == "openai":
        return provider, "openai_base_url", _first(layers, "openai_base_url")
    theirs = _first(layers, "model_providers", provider, "base_url")
    if theirs is None:
        return provider, None, None
    if _PLAIN_KEY.fullmatch(provider) is None:
        return provider, COPY if _SECRETS.isdisjoint(merged(situation, provider)) else None, theirs
    return provider, f"model_providers.{provider}.base_url", theirs


def merged(situation: Situation, provider: str) -> dict[str, Any]:
    """What all layers together say of a model provider."""
    found: dict[str, Any] = {}
    for layer in reversed(layers_of(situation)):
        found |= object_at(layer, "model_providers", provider)
    return found


def has_chatgpt_login(situation: Situation) -> bool:
    """Whether calls carry the tokens of a ChatGPT account, and no API key."""
    if "CODEX_API_KEY" in situation.env and not {"exec", "e"}.isdisjoint(situation.args):
        return False
    auth = read_json(_folder(situation) / "auth.json")
    return not text_at(auth, "OPENAI_API_KEY") and text_at(auth, "tokens", "access_token") is not None


def _folder(situation: Situation) -> Path:
    return Path(situation.env.get("CODEX_HOME") or situation.home / ".codex")


def layers_of(situation: Situation) -> list[dict[str, Any]]:
    """The settings that apply, the strongest first: overrides on the command line, the profile, the user's file."""
    folder = _folder(situation)
    config = read_toml(folder / "config.toml")
    overrides, rest = take(situation.args, *OVERRIDE)
    layers = [_parsed(override) for override in reversed(overrides)]
    chosen, _ = take(rest, *_PROFILE)
    profile = chosen[-1] if chosen else text_at(config, "profile")
    if profile:
        layers += [read_toml(folder / f"{profile}.config.toml"), object_at(config, "profiles", profile)]
    return [*layers, config]


def administrators() -> dict[str, Any]:
    """The settings that lose against all of these."""
    return read_toml(_SYSTEM)


def _first(layers: list[dict[str, Any]], *path: str) -> str | None:
    return next((found for layer in layers if (found := text_at(layer, *path))), None)


def _parsed(override: str) -> dict[str, Any]:
    """`key=value`; what is not TOML is a string as it stands, as Codex reads it."""
    key, value = split(override)
    return parse_toml(f"{key} = {value}") or parse_toml(f"{key} = {json.dumps(value)}") or {}


def split(override: str) -> tuple[str, str]:
    """(key, value) of an override."""
    key, _, value = override.partition("=")
    return key.strip(), value.strip()
