"""Gemini through Code Assist, the log-in of Gemini CLI: Gemini's requests and answers in an envelope."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw
from msgspec.structs import replace

from tokenguard.simulator import gemini
from tokenguard.simulator.gemini import broken as broken
from tokenguard.simulator.gemini import failure as failure
from tokenguard.simulator.gemini import headers as headers
from tokenguard.simulator.gemini import identity as identity
from tokenguard.simulator.gemini import padding as padding
from tokenguard.simulator.shape import SSE, Ask, Event, Reply, Request
from tokenguard.simulator.values import encode, mint, obj, text

NAME = "code-assist"
_ASKED_OF_A_MODEL = ("generateContent", "streamGenerateContent", "countTokens")
_ACCOUNT = {
    "currentTier": {"id": "standard-tier", "name": "Gemini Code Assist"},
    "cloudaicompanionProject": "simulated-project",
}
"""Somebody who has signed in before."""


def read(request: Request) -> Ask:
    model = text(request.body.get("model")).removeprefix("models/")
    verb = request.path.rpartition(":")[2]
    inner = Request(f"/models/{model or '-'}:{verb}", request.query, obj(request.body.get("request")))
    return replace(gemini.read(inner), dialect=NAME, model=model, media_type=SSE)


def count(request: Request) -> bytes:
    """The answer of the free token counter."""
    return gemini.count(Request(request.path, request.query, obj(request.body.get("request"))))


def account(path: str) -> bytes | None:
    """What Code Assist says of an account and its settings, for free; None where a path asks something else."""
    method = path.rpartition("/v1internal:")[2] if "/v1internal:" in path else "countTokens"
    if method in _ASKED_OF_A_MODEL:
        return None
    return encode(_ACCOUNT if method == "loadCodeAssist" else {})


def whole(reply: Reply) -> bytes:
    return _wrapped(reply, gemini.whole(reply))


def events(reply: Reply) -> Iterator[Event]:
    for event in gemini.events(reply):
        data = event.data.removeprefix(b"data: ").rstrip()
        yield Event(b"data: " + _wrapped(reply, data) + b"\r\n\r\n", event.output)


def _wrapped(reply: Reply, data: bytes) -> bytes:
    return encode({"response": Raw(data), "traceId": mint(reply.key, "", 16).lower()})
