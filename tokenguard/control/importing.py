"""`POST /v1/import`: reads what agents write down, and tells how far it is until it is done."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec
from aiohttp import web
from msgspec import Struct

from tokenguard.agents.logs import LOGS
from tokenguard.control.host import Host
from tokenguard.errors import TokenguardError, UsageError
from tokenguard.importing.doctor import told
from tokenguard.importing.importer import Progress

_PAUSE_S = 0.1
"""Between two lines of progress."""


class _Asked(Struct, frozen=True, forbid_unknown_fields=True):
    home: str
    env: dict[str, str] = {}
    agents: tuple[str, ...] | None = None
    full: bool = False


async def serve(request: web.Request, host: Host, ledger: Path) -> web.StreamResponse:
    """Events with the progress so far; the last one has `done`, and `doctor`: what was odd, of whenever.

    An error after the beginning is an event with `error`. Whoever hangs up does not end the import.
    """
    asked = msgspec.json.decode(await request.read(), type=_Asked)
    for agent in asked.agents or ():
        if agent not in LOGS:
            raise UsageError(f'agent "{agent}" keeps no logs that are read', f"use one of {', '.join(LOGS)}")
    latest: list[Progress] = []
    reading = asyncio.ensure_future(
        host.import_logs(asked.env, Path(asked.home), asked.agents, asked.full, latest.append)
    )
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        while not (await asyncio.wait([reading], timeout=_PAUSE_S))[0]:
            if latest:
                await _send(response, latest[-1])
                latest.clear()
        try:
            progress = reading.result()
        except TokenguardError as error:
            await _send(response, {"error": {"message": error.message, "hint": error.hint}})
        else:
            doctor = await asyncio.to_thread(told, ledger, asked.agents)
            await _send(response, {**msgspec.to_builtins(progress), "doctor": doctor})
    return response


async def _send(response: web.StreamResponse, value: object) -> None:
    await response.write(b"data: %s\n\n" % msgspec.json.encode(value))
