"""What tokenguard itself answers, in place of a provider."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tokenguard.policy import wording
from tokenguard.wire.shape import Refusal

UNKNOWN_SESSION = "this session is over or unknown; start the agent with tokenguard run"


def problem(status: int, kind: str, text: str, *, close: bool = False) -> web.Response:
    """An error of one line, in a shape that every provider's client library can read."""
    body = {"type": "error", "error": {"type": kind, "message": f"tokenguard: {text}"}}
    return _response(status, "application/json", msgspec.json.encode(body), close)


def refused(refusal: Refusal, *, status: int | None = None, close: bool = False) -> web.Response:
    """A refusal in the dialect of the agent, as it was worded; `status` in place of its own."""
    return _response(status or refusal.status, refusal.content_type, refusal.body, close)


def unchangeable(model: str | None) -> str:
    """Why a call is refused whose request cannot be changed as the guard decided: to another model, else a limit."""
    if model is not None:
        return wording.plain_refusal(
            "a budget lets only a cheaper model serve it, and it cannot be moved to that one; choose another model"
        )
    return wording.plain_refusal(
        "a budget lets it have less output only, and that cannot be put into it; lower its output limit"
    )


def healthy(version: str) -> web.Response:
    """The answer to `GET /healthz`."""
    return _response(200, "application/json", msgspec.json.encode({"ok": True, "version": version}), False)


def _response(status: int, content_type: str, body: bytes, close: bool) -> web.Response:
    response = web.Response(status=status, body=body, headers={"Content-Type": content_type, "Server": "tokenguard"})
    if close:
        response.force_close()
    return response
