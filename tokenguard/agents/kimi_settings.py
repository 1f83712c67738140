"""What Kimi Code and Kimi CLI have in common: settings with a table of providers, and what these are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct

from tokenguard.agents.settings import object_at, text_at
from tokenguard.agents.urls import Ways


class Service(Struct, frozen=True):
    """A type of provider."""

    provider: str
    """Ours."""
    path: str
    """In base URLs of this kind."""
    variable: str
    """That may hold one."""


_OPENAI = Service("openai", "/v1", "OPENAI_BASE_URL")
_GEMINI = Service("gemini", "", "GOOGLE_GEMINI_BASE_URL")
SERVICES = {
    "kimi": Service("kimi", "/v1", "KIMI_BASE_URL"),
    "openai": _OPENAI,
    "openai_legacy": _OPENAI,
    "openai_responses": _OPENAI,
    "anthropic": Service("anthropic", "", "ANTHROPIC_BASE_URL"),
    "gemini": _GEMINI,
    "google_genai": _GEMINI,
    "google-genai": _GEMINI,
}
"""By the name that it has in settings. Vertex AI is missing."""


def objects(value: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """The members of a table that are tables themselves."""
    return {key: cast("dict[str, Any]", one) for key, one in object_at(value, name).items() if isinstance(one, dict)}


def guard(agent: str, entries: Mapping[str, dict[str, Any]], theirs: Mapping[str, str | None], ways: Ways) -> list[str]:
    """Put our addresses into providers; returns what to say of those in which that is impossible.

    `theirs` has, for each type of provider, the address that is in force without one in the entry. With a login the
    address belongs to a plan, which nobody pays by the call.
    """
    notes: list[str] = []
    for name, entry in entries.items():
        kind = text_at(entry, "type") or ""
        service, address = SERVICES.get(kind), text_at(entry, "base_url") or theirs.get(kind)
        if object_at(entry, "oauth"):
            notes.append(f"{agent}'s provider {name} is used by a login: its calls are not guarded")
        elif service and (base_url := ways.to(service.provider, service.path, address)):
            entry["base_url"] = base_url
        else:
            notes.append(f"{agent}'s provider {name} is at {address or kind}: its calls are not guarded")
    return notes
