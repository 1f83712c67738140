"""Claude Code at Amazon Bedrock and at Google Vertex AI: one base URL each, in place of the region's own.

A signature of AWS covers host and path of the request that is signed, so a signed call that came through another host
would be turned away; calls with a Bedrock API key can come through. Google's tokens hold for any host.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tokenguard.agents.clouds import bedrock_url, vertex_url
from tokenguard.agents.shape import Situation
from tokenguard.agents.urls import Ways, is_session_url

BEDROCK, VERTEX = "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"
"""Variables that choose them."""

_BEDROCK_URL, _VERTEX_URL = "ANTHROPIC_BEDROCK_BASE_URL", "ANTHROPIC_VERTEX_BASE_URL"
_SMALL_REGION = "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION"
_UNSIGNED = ("AWS_BEARER_TOKEN_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH")
_REGION, _OF_A_MODEL = "CLOUD_ML_REGION", "VERTEX_REGION_CLAUDE_"
_OFF = ("", "0", "false", "no", "off")


class Clouds(Struct, frozen=True):
    """What Claude Code gets for the clouds that it uses."""

    env: Mapping[str, str] = {}
    upstreams: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()


def is_on(env: Mapping[str, str], variable: str) -> bool:
    """Whether a variable that switches something on is set, as Claude Code reads it."""
    return env.get(variable, "").lower() not in _OFF


def clouds(situation: Situation, env: Mapping[str, str]) -> Clouds:
    """The base URLs for those that are chosen; `env` as its settings leave it."""
    ours: dict[str, str | None] = {}
    notes: list[str] = []
    ways = Ways(situation.base_url, situation.providers)
    if is_on(env, BEDROCK):
        if reason := _not_guarded_at_bedrock(env):
            notes.append(f"{reason}: Claude Code's calls to Amazon Bedrock are not guarded")
        else:
            ours[_BEDROCK_URL] = ways.to("bedrock", theirs=_own(env, _BEDROCK_URL) or bedrock_url(env, situation.home))
    if is_on(env, VERTEX):
        location = env.get(_REGION) or "us-east5"
        others = {env[name] for name in env if name.startswith(_OF_A_MODEL) and env[name]} - {location}
        if others and not _own(env, _VERTEX_URL):
            notes.append(
                f"{_REGION} and {_OF_A_MODEL}* name several regions: Claude Code's calls to Vertex AI are not guarded"
            )
        else:
            ours[_VERTEX_URL] = ways.to("vertex", "/v1", _own(env, _VERTEX_URL) or f"{vertex_url(location)}/v1")
    return Clouds({name: url for name, url in ours.items() if url}, ways.upstreams, tuple(notes))


def by_hand_at_clouds(base_url: str) -> tuple[str, ...]:
    """What to set for them without `run`."""
    return (
        f"with a Bedrock API key: {_BEDROCK_URL}={base_url}/bedrock, and your region's address as"
        " providers.bedrock.base_url",
        f"with Vertex AI: {_VERTEX_URL}={base_url}/vertex/v1, and your region's address as providers.vertex.base_url",
    )


def _not_guarded_at_bedrock(env: Mapping[str, str]) -> str | None:
    if not any(is_on(env, name) for name in _UNSIGNED):
        return f"signed for their address, and only a Bedrock API key ({_UNSIGNED[0]}) holds elsewhere"
    region = env.get("AWS_REGION")
    return f"{_SMALL_REGION} names another region" if env.get(_SMALL_REGION, region) != region else None


def _own(env: Mapping[str, str], variable: str) -> str | None:
    """The user's own base URL; what an outer run of tokenguard put there is none."""
    given = env.get(variable)
    return given if given and not is_session_url(given) else None
