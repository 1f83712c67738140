"""JSON answers, and what becomes of errors."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from tokenguard.errors import ConfigError, DaemonError, TeamError, TokenguardError, UsageError

log = logging.getLogger(__name__)

_STATUS: dict[type[TokenguardError], int] = {UsageError: 400, ConfigError: 400, DaemonError: 409, TeamError: 409}


def answer(value: object, status: int = 200) -> web.Response:
    """`value` as JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def problem(status: int, message: str, hint: str) -> web.Response:
    """An error, as clients take it apart."""
    return answer({"error": {"message": message, "hint": hint}}, status)


@web.middleware
async def errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Whatever an endpoint raises, in words."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return problem(error.status, f"{request.method} {request.path}: {error.reason.lower()}", "")
    except msgspec.MsgspecError as error:
        return problem(400, f"the request is not understood: {error}", "")
    except TokenguardError as error:
        return problem(_STATUS.get(type(error), 500), error.message, error.hint)
    except ConnectionError:
        raise
    except Exception as error:
        log.exception("%s failed", request.method)
        return problem(500, f"internal error: {type(error).__name__}", "see: tokenguard daemon logs")
