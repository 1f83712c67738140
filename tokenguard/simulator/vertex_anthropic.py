"""Claude at Google's Vertex AI: Anthropic Messages with the model in the path."""

from __future__ import annotations

import re

from msgspec.structs import replace

from tokenguard.simulator import anthropic
from tokenguard.simulator.anthropic import broken as broken
from tokenguard.simulator.anthropic import count as count
from tokenguard.simulator.anthropic import events as events
from tokenguard.simulator.anthropic import failure as failure
from tokenguard.simulator.anthropic import padding as padding
from tokenguard.simulator.anthropic import whole as whole
from tokenguard.simulator.anthropic_answer import identity as identity
from tokenguard.simulator.shape import Ask, Rejected, Request

NAME = "vertex-anthropic"

_PATH = re.compile(r".*/publishers/anthropic/models/(?P<model>[^/:]+):(?P<verb>rawPredict|streamRawPredict)")
_VERSION = "vertex-2023-10-16"


def read(request: Request) -> Ask:
    path = _PATH.fullmatch(request.path)
    if path is None or request.body.get("anthropic_version") != _VERSION:
        raise Rejected(400, f"anthropic_version: use {_VERSION}")
    ask = anthropic.read(request)
    # Vertex writes a date behind an @ that Anthropic writes behind a dash.
    model = path["model"].replace("@", "-")
    return replace(ask, dialect=NAME, model=model, stream=ask.stream or path["verb"] == "streamRawPredict")


def headers(key: str) -> dict[str, str]:
    """Google names requests in its logs only."""
    return {"vary": "Origin, X-Origin, Referer"}
