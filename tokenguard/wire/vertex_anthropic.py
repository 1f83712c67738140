"""Claude at Google's Vertex AI: `.../publishers/anthropic/models/X:rawPredict` and `:streamRawPredict`.

Body and answer are Anthropic's, but the model is in the path.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from msgspec.structs import replace

from tokenguard.records import Facts
from tokenguard.wire import anthropic
from tokenguard.wire.anthropic import meter, refuse

__all__ = ["NAME", "claims", "facts", "meter", "refuse"]

NAME = "vertex-anthropic"

_PATH = re.compile(r"/publishers/anthropic/models/(?!count-tokens:)([^/:]+):(r|streamR)awPredict$")


def claims(method: str, path: str) -> bool:
    return method == "POST" and _PATH.search(path) is not None


def facts(path: str, body: bytes) -> Facts:
    found = _PATH.search(path)
    if found is None:
        raise ValueError("no model in the path")
    request = anthropic.facts(path, body)
    return replace(request, model=unquote(found[1]), stream=request.stream or found[2] == "streamR")
