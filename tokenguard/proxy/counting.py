"""The provider's own count of a prompt, asked for before its call is made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import ClientResponse, web

from tokenguard.proxy.asking import LARGEST_BODY, OFF_LOOP, Ask
from tokenguard.proxy.encoding import decode
from tokenguard.proxy.headers import question_headers
from tokenguard.proxy.routing import Route
from tokenguard.upstream import Network, UpstreamError, Upstreams, next_bytes
from tokenguard.wire import counting
from tokenguard.wire.shape import Dialect

DEADLINE = 3.0
"""Seconds in which a counter has to answer."""
_LARGEST_ANSWER = 1 << 16
"""Bytes."""

_log = logging.getLogger(__name__)


def counter(
    upstreams: Upstreams, network: Network, request: web.BaseRequest, route: Route, dialect: Dialect, ask: Ask
) -> Callable[[], Awaitable[int | None]] | None:
    """What asks for the tokens of a call's prompt, where its provider has a counter that is known to be free.

    It is asked at the same upstream, with the credentials of the call. It gives None where no answer comes in time.
    """
    if not counting.is_counted(route.provider, dialect.NAME, route.path):
        return None

    async def count() -> int | None:
        try:
            async with asyncio.timeout(DEADLINE):
                question = await _question(request, route, dialect, ask)
                if question is None:
                    return None
                answer = await upstreams.send(
                    network,
                    route.base_url,
                    question.path + question.query,
                    method="POST",
                    headers=question_headers(request.raw_headers, len(question.body)),
                    body=question.body,
                )
                return await _read(answer)
        except (UpstreamError, TimeoutError) as error:
            _log.warning("%s did not count a prompt: %s", route.provider, type(error).__name__)
            return None

    return count


async def _question(request: web.BaseRequest, route: Route, dialect: Dialect, ask: Ask) -> counting.Question | None:
    def asked() -> counting.Question | None:
        try:
            body = (
                ask.body if ask.rewritten else decode(ask.body, request.headers.get("Content-Encoding"), LARGEST_BODY)
            )
        except ValueError:
            return None
        return counting.question(dialect.NAME, route.path, route.query, body)

    return asked() if len(ask.body) < OFF_LOOP else await asyncio.to_thread(asked)


async def _read(answer: ClientResponse) -> int | None:
    try:
        if answer.status != 200:
            _log.info("a counter answered with status %d", answer.status)
            return None
        body = b""
        while not answer.content.at_eof():
            body += await next_bytes(answer)
            if len(body) > _LARGEST_ANSWER:
                return None
        return counting.answer(body)
    finally:
        answer.close()
