"""Gemini through Code Assist, the log-in of Gemini CLI: `/v1internal:generateContent` and `:streamGenerateContent`.

Request and answer are Gemini's in an envelope: the model beside `request`, the answer inside `response`.
"""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records import Facts
from tokenguard.wire import gemini
from tokenguard.wire.decoding import Reader
from tokenguard.wire.gemini import meter, refuse

__all__ = ["NAME", "claims", "facts", "meter", "refuse"]

NAME = "code-assist"


class _Envelope(Struct):
    model: str = ""
    request: gemini.Request | None = None


_ENVELOPE = Reader(_Envelope)


def claims(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(("/v1internal:generateContent", "/v1internal:streamGenerateContent"))


def facts(path: str, body: bytes) -> Facts:
    envelope, whole = _ENVELOPE.read(body)
    if envelope is None:
        raise ValueError("not a JSON object")
    request = envelope.request or gemini.Request()
    return gemini.facts_of(request, body, model=envelope.model, stream=gemini.is_stream(path), whole=whole)
