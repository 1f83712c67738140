"""opencode and what was made from it: base URLs that are merged over the user's settings by a variable.

A provider that is named there counts as one that the user has set up, so only those that are get an address. Only the
administrator's settings win over the variable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.opencode_settings import Kin, addresses_of, logins
from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, parse_json
from tokenguard.agents.shape import ByHand, Recipe, Situation
from tokenguard.agents.urls import Ways


class Service(Struct, frozen=True):
    """A provider as these agents know it."""

    provider: str
    path: str
    """That is expected in a base URL."""
    keys: tuple[str, ...]
    url: str = ""
    """Variable that holds the base URL where no settings do."""


SERVICES = {
    "anthropic": Service("anthropic", "/v1", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
    "openai": Service("openai", "/v1", ("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    "google": Service("gemini", "/v1beta", ("GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY")),
    "openrouter": Service("openrouter", "/api/v1", ("OPENROUTER_API_KEY",)),
    "mistral": Service("mistral", "/v1", ("MISTRAL_API_KEY",)),
    "xai": Service("xai", "/v1", ("XAI_API_KEY",)),
    "groq": Service("groq", "/openai/v1", ("GROQ_API_KEY",)),
    "deepseek": Service("deepseek", "", ("DEEPSEEK_API_KEY",)),
    "moonshotai": Service("kimi", "/v1", ("MOONSHOT_API_KEY",)),
}
CHATGPT = Service("chatgpt", "", ())
"""OpenAI with a ChatGPT login: paths without a version are left as they are, others are sent to ChatGPT directly."""


def recipe(kin: Kin, situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    variable = f"{kin.prefix}_CONFIG_CONTENT"
    content = parse_json(env.get(variable, "")) or {}
    auth = logins(kin, env, situation.home)
    theirs, notes = addresses_of(kin, situation, variable, content)
    ways = Ways(situation.base_url, situation.providers)
    ours: dict[str, str] = {}
    variables: dict[str, str] = {}
    clashes: list[str] = []
    for name, service in SERVICES.items():
        set_up = name in theirs or name in auth or any(env.get(key) for key in service.keys)
        if not set_up and not service.url:
            continue
        at = service_of(name, auth)
        base_url = ways.to(at.provider, at.path, theirs.get(name) or env.get(service.url))
        if base_url is None:
            clashes.append(name)
            continue
        if service.url:
            variables[service.url] = base_url
        if set_up:
            ours[name] = base_url
    unknown: list[str] = []
    for name in dict.fromkeys(one for one in (*theirs, *auth) if one not in SERVICES):
        url = theirs.get(name)
        base_url = ways.known(url) if url else None
        if base_url is not None:
            ours[name] = base_url
        else:
            unknown.append(name)
    return Recipe(
        args=situation.args,
        env={
            **environment.direct_loopback(env),
            **variables,
            **kin.env,
            variable: json.dumps(with_addresses(content, ours)),
        },
        upstreams=ways.upstreams,
        network=environment.network(env),
        notes=(*notes, *_not_guarded(kin, situation, clashes, unknown)),
    )


def by_hand(base_url: str, file: str, *notes: str) -> ByHand:
    """See `Agent.by_hand`: settings for a file, in which the user leaves what is needed."""
    services = {name: SERVICES[name] for name in ("anthropic", "openai", "google", "openrouter")}
    urls = {name: f"{base_url}/{service.provider}{service.path}" for name, service in services.items()}
    return ByHand(
        settings=((file, json.dumps(with_addresses({}, urls), indent=2)),),
        notes=(f"leave out what you have no key for; with a ChatGPT login, openai gets {base_url}/chatgpt", *notes),
    )


def service_of(name: str, logins: Mapping[str, str]) -> Service:
    """Where the calls of a provider of `SERVICES` go, with these logins."""
    return CHATGPT if name == "openai" and logins.get(name) == "oauth" else SERVICES[name]


def with_addresses(settings: Mapping[str, Any], urls: Mapping[str, str]) -> dict[str, Any]:
    """Settings with base URLs of providers put into them."""
    providers = object_at(settings, "provider")
    ours = {
        name: {**object_at(providers, name), "options": {**object_at(providers, name, "options"), "baseURL": url}}
        for name, url in urls.items()
    }
    return {**settings, "provider": {**providers, **ours}}


def _not_guarded(kin: Kin, situation: Situation, clashes: list[str], unknown: list[str]) -> Iterator[str]:
    title = kin.title
    if situation.args[:1] == ("attach",) or take(situation.args, "--attach")[0]:
        yield f"{title} asks a server that runs already: its calls are not guarded"
    if clashes:
        names = ", ".join(clashes)
        yield f"{title}'s {names} has another address than others that lead to the same provider: it is not guarded"
    if unknown:
        names = ", ".join(sorted(unknown))
        yield f"calls to {title}'s {names} are not guarded: tokenguard does not know where they go"
