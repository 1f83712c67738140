"""The endpoints."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from tokenguard import __version__
from tokenguard.control import charts, importing, recent, streams
from tokenguard.control.advice import advice
from tokenguard.control.answers import answer, errors_as_json
from tokenguard.control.budgets import Limits
from tokenguard.control.crossing import Guard
from tokenguard.control.host import Host
from tokenguard.control.report import report
from tokenguard.control.sessions import Sessions
from tokenguard.control.teams import Shared
from tokenguard.guard import AskForMore
from tokenguard.records import Event


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    answer: Literal["approve", "cheaper", "deny"]
    amount: str | None = None
    reason: str | None = None


class _Official(Struct, frozen=True, forbid_unknown_fields=True):
    rate_limits: msgspec.Raw


class _Shutdown(Struct, frozen=True, forbid_unknown_fields=True):
    mode: Literal["graceful", "now"] = "graceful"
    only_idle: bool = False


class Control:
    """The control API's application. To be made in a running event loop; `close` ends the answers that stay open."""

    def __init__(self, guard: Guard, host: Host, ledger: Path) -> None:
        self._guard = guard
        self._ledger = ledger
        self._host = host
        self._closing = asyncio.Event()
        self._watched: Counter[str] = Counter()

    def app(self) -> web.Application:
        """The application, to be served on a socket that only the user can reach."""
        app = web.Application(middlewares=[errors_as_json])
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/v1/version", self._version),
                web.get("/v1/status", self._status),
                web.get("/v1/report", self._report),
                web.get("/v1/recent", self._recent),
                web.get("/v1/models", self._models),
                web.get("/v1/history", self._history),
                web.get("/v1/advice", self._advice),
                web.get("/v1/events", self._events),
                web.get("/v1/watch", self._watch),
                web.get("/v1/sessions/{id}/watch", self._watch),
                web.post("/v1/holds", self._ask_for_more),
                web.post("/v1/holds/{id}", self._answer_hold),
                web.post("/v1/official", self._official),
                web.post("/v1/import", self._import),
                web.post("/v1/shutdown", self._shutdown),
            ]
        )
        app.add_routes(Sessions(self._guard, self._host, self._ledger).routes())
        app.add_routes(Limits(self._guard, self._host, self._ledger).routes())
        app.add_routes(Shared(self._host).routes())
        return app

    def watched(self, session_id: str) -> bool:
        """Whether the `run` of a session is there."""
        return self._watched[session_id] > 0

    def close(self) -> None:
        """End the answers that stay open."""
        self._closing.set()

    async def _version(self, request: web.Request) -> web.Response:
        return answer(
            {
                "version": __version__,
                "pid": os.getpid(),
                "port": self._host.port,
                "stopping": self._host.life.stopping,
            }
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        text, content_type = self._host.metrics
        return web.Response(body=text.encode(), headers={"Content-Type": content_type})

    async def _status(self, request: web.Request) -> web.Response:
        daemon = {
            "pid": os.getpid(),
            "port": self._host.port,
            "version": __version__,
            "uptime_s": round(self._host.life.uptime_s, 1),
            "stopping": self._host.life.stopping,
        }
        return answer({"daemon": daemon, **self._guard.status(), "logs": self._host.logs})

    async def _report(self, request: web.Request) -> web.Response:
        return answer(await asyncio.to_thread(report, self._ledger, dict(request.query)))

    async def _recent(self, request: web.Request) -> web.Response:
        return answer(await asyncio.to_thread(recent.answer, self._ledger, dict(request.query)))

    async def _models(self, request: web.Request) -> web.Response:
        catalogue = self._host.settings.catalogue
        return answer(await asyncio.to_thread(charts.models, self._ledger, catalogue, dict(request.query)))

    async def _history(self, request: web.Request) -> web.Response:
        return answer(await asyncio.to_thread(charts.history, self._ledger, dict(request.query)))

    async def _advice(self, request: web.Request) -> web.Response:
        catalogue = self._host.settings.catalogue
        return answer(await asyncio.to_thread(advice, self._ledger, catalogue, dict(request.query)))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        with self._guard.subscribe() as events:
            return await streams.serve(request, events, self._closing)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        """Stays open for as long as the daemon lives: how others notice its end at once, whatever ends it.

        The `run` of a session is told on it of the session's calls that wait for an answer.
        """
        session_id = request.match_info.get("id", "")
        self._watched[session_id] += 1
        try:
            with self._guard.subscribe("hold.asked") as asked:
                return await streams.serve(request, _of_session(session_id, asked), self._closing)
        finally:
            self._watched[session_id] -= 1
            if not self._watched[session_id]:
                del self._watched[session_id]

    async def _answer_hold(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Answer)
        hold_id = request.match_info["id"]
        return answer(
            await self._guard.grants.answer_hold(hold_id, answer=asked.answer, amount=asked.amount, reason=asked.reason)
        )

    async def _ask_for_more(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=AskForMore)
        return answer(await self._guard.grants.ask_for_more(asked))

    async def _official(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Official)
        self._guard.official(bytes(asked.rate_limits))
        return answer({})

    async def _import(self, request: web.Request) -> web.StreamResponse:
        return await importing.serve(request, self._host, self._ledger)

    async def _shutdown(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Shutdown)
        if asked.only_idle and not self._host.life.idle:
            return answer({"stopping": self._host.life.stopping})
        self._host.life.stop(now=asked.mode == "now")
        return answer({"stopping": True})


async def _of_session(session_id: str, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    async for event in events:
        if event.data.get("session") == session_id:
            yield event
