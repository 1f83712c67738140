"""What a client asks: its body, whole, and what that says about the cost."""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

from aiohttp import web

from tokenguard import wire
from tokenguard.proxy.encoding import decode
from tokenguard.records import Facts
from tokenguard.wire.rewriting import rewrite
from tokenguard.wire.shape import Dialect

LARGEST_BODY = 100 << 20
"""Bytes of a request body, as it comes and decoded."""
OFF_LOOP = 1 << 20
"""Bytes from which on a body is decoded in a thread."""

_log = logging.getLogger(__name__)


class Ask(NamedTuple):
    """A request that was understood."""

    facts: Facts
    body: bytes
    """What goes upstream: the client's bytes, or a rewritten body without any encoding."""
    sieve: wire.Filter | None = None
    """Of a body into which something was injected: what takes its effect out of the answer again."""
    rewritten: bool = False


async def read_body(request: web.BaseRequest) -> bytes | None:
    """The whole body; None if it is too large."""
    if (request.content_length or 0) > LARGEST_BODY:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    pieces: list[bytes] = []
    size = 0
    while piece := await request.content.readany():
        size += len(piece)
        if size > LARGEST_BODY:
            return None
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def understand(dialect: Dialect, path: str, body: bytes, content_encoding: str | None) -> Ask:
    """Read what the estimate needs; a body that cannot be read is for the guard to judge."""
    if len(body) < OFF_LOOP:
        return _understood(dialect, path, body, content_encoding)
    return await asyncio.to_thread(_understood, dialect, path, body, content_encoding)


def _understood(dialect: Dialect, path: str, body: bytes, content_encoding: str | None) -> Ask:
    try:
        plain = decode(body, content_encoding, LARGEST_BODY)
        facts = dialect.facts(path, plain)
        injected = wire.inject(dialect, plain, facts)
    except Exception as error:
        # `ValueError` says that the request is not of the dialect; anything else is our fault, and not the agent's.
        if not isinstance(error, ValueError):
            _log.error("a request of %s could not be read: %s", dialect.NAME, type(error).__name__)
        return Ask(Facts(model="unknown", body_bytes=len(body), uncapped=("unreadable-request",)), body)
    return Ask(facts, body) if injected is None else Ask(facts, *injected, rewritten=True)


async def change(
    dialect: Dialect, path: str, ask: Ask, content_encoding: str | None, *, model: str | None, max_output: int | None
) -> tuple[str, Ask] | None:
    """The path and the request with another model or a lower limit; None if it cannot be changed without doubt."""

    def changed() -> tuple[str, Ask] | None:
        plain = ask.body if ask.rewritten else decode(ask.body, content_encoding, LARGEST_BODY)
        put = rewrite(dialect.NAME, path, plain, model=model, max_output=max_output)
        if put is None:
            return None
        facts = dialect.facts(*put)
        return (put[0], Ask(facts, put[1], ask.sieve, rewritten=True)) if is_done(facts, model, max_output) else None

    try:
        return changed() if len(ask.body) < OFF_LOOP else await asyncio.to_thread(changed)
    except Exception as error:
        _log.error("a request of %s could not be changed: %s", dialect.NAME, type(error).__name__)
        return None


def is_done(facts: Facts, model: str | None, max_output: int | None) -> bool:
    """Whether a request that was changed is read as it was meant to be."""
    limit = facts.max_output
    return model in (None, facts.model) and (max_output is None or (limit is not None and limit <= max_output))
