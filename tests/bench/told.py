"""A daemon that tells what it is asked to tell, for the dashboard to show: as much and as fast as that should be."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.tui.told import STATUS
from tokenguard import __version__
from tokenguard.config.paths import Paths
from tokenguard.platforms import socket_path

USAGE = {"input": 2_100, "cache_read": 214_000, "cache_write_5m": 0, "cache_write_1h": 0, "output": 318}
SESSIONS = 5


class Told:
    """Serves the control socket of a home folder from a thread, until `close`."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._loop = asyncio.new_event_loop()
        self._events: list[asyncio.Queue[bytes]] = []
        self._ids = itertools.count(1)
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._ready.wait()

    def tell(self, count: int) -> None:
        """So many events at once, of calls of a few sessions in turn."""
        block = b"".join(self._event() for _ in range(count))
        self._loop.call_soon_threadsafe(self._put, block)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _put(self, block: bytes) -> None:
        for queue in self._events:
            queue.put_nowait(block)

    def _event(self) -> bytes:
        """Of ten events of a call, the first begins and the last ends it."""
        number, step = divmod(next(self._ids), 10)
        which = number % SESSIONS
        data = {"id": number, "session": f"s{which}", "agent": "claude", "model": "claude-opus-5-5", "repo": "/src/web"}
        data |= {"billing": "metered", "request_class": "main", "usage": USAGE, "output_bytes": 400 * step}
        if step == 9:
            data |= {"cost_nanos": 130_000_000, "confidence": "exact", "outcome": "ok"}
        kind = "call.started" if step == 0 else "call.settled" if step == 9 else "call.progress"
        told = json.dumps({"type": kind, "at_us": 1_800_000_000_000_000 + number, "data": data})
        return f"event: {kind}\ndata: {told}\n\n".encode()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        answers: Mapping[str, Any] = {
            "/v1/version": {"version": __version__, "pid": 1, "port": 1, "stopping": False},
            "/v1/status": {**STATUS, "holds": [], "sessions": [_session(which) for which in range(SESSIONS)]},
            "/v1/recent": {"calls": [], "minutes": []},
        }
        app.router.add_get("/v1/events", self._stream)
        app.router.add_get("/{rest:.*}", lambda request: _answer(answers.get(request.path)))
        runner = web.AppRunner(app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.UnixSite(runner, str(socket_path(self._paths.state_dir))).start())
        self._ready.set()
        self._loop.run_until_complete(self._end.wait())
        for queue in self._events:
            queue.put_nowait(b"")
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": still here\n\n")
        with suppress(ConnectionError):
            async for block in self._told():
                await response.write(block)
        return response

    async def _told(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._events.append(queue)
        while block := await queue.get():
            yield block


async def _answer(told: Any) -> web.Response:
    return (
        web.json_response(told)
        if told is not None
        else web.json_response({"error": {"message": "unknown", "hint": ""}}, status=404)
    )


def _session(which: int) -> dict[str, Any]:
    begun = {**STATUS["sessions"][0], "started_at": f"2026-11-21T10:0{which}:00Z"}
    return {**begun, "id": f"s{which}", "branch": f"feat/{which}"}
