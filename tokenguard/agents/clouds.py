"""Where Amazon Bedrock and Google Vertex AI are: their addresses depend on a region, and agents take it from the same
places as the clouds' own tools do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tokenguard.agents.settings import read_text

_AREAS = frozenset({"eu", "us"})
"""Locations at Vertex AI that are several regions."""


def vertex_url(location: str) -> str:
    """The address of a location, `global` among them."""
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in _AREAS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def bedrock_url(env: Mapping[str, str], home: Path) -> str:
    """The address of the region that environment or profile name."""
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or _region(env, home) or "us-east-1"
    return f"https://bedrock-runtime.{region}.amazonaws.com"


def _region(env: Mapping[str, str], home: Path) -> str | None:
    """The region of the profile in use."""
    import configparser  # costs some milliseconds, needed for few users

    profile = env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or "default"
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_text(Path(env.get("AWS_CONFIG_FILE") or home / ".aws" / "config")))
    except configparser.Error:
        return None
    section = profile if profile == "default" else f"profile {profile}"
    return parser.get(section, "region", fallback=None)
