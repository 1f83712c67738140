"""`/v1/sessions`: runs begin, are steered and end; `GET /v1/sessions/ID`: one in detail."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from tokenguard.control.answers import answer
from tokenguard.control.crossing import Guard
from tokenguard.control.host import Host
from tokenguard.errors import DaemonError, UsageError
from tokenguard.guard import Deed, OpenSession
from tokenguard.guard.showing import instant, totals_view
from tokenguard.guard.telling import told_of
from tokenguard.guard.view import subagent_view
from tokenguard.ledger import Where, queries
from tokenguard.ledger.subagents import subagents
from tokenguard.ledger.turns import Turn, turns
from tokenguard.records import Session

_MOST = 2_000


class _Asked(Struct, frozen=True, forbid_unknown_fields=True):
    calls: int = 300
    """How many of its last calls are told one by one."""


class _Steer(Struct, frozen=True, forbid_unknown_fields=True):
    deed: Deed
    pid: int
    """Of the agent, as it was seen, and when that process started."""
    started_us: int


class _Pid(Struct, frozen=True, forbid_unknown_fields=True):
    pid: int


class _End(Struct, frozen=True, forbid_unknown_fields=True):
    exit_code: int | None = None


class Sessions:
    """The endpoints of sessions."""

    def __init__(self, guard: Guard, host: Host, ledger: Path) -> None:
        self._guard = guard
        self._host = host
        self._ledger = ledger

    def routes(self) -> list[web.RouteDef]:
        """See the application."""
        return [
            web.get("/v1/sessions/{id}", self._detail),
            web.post("/v1/sessions", self._open),
            web.post("/v1/sessions/{id}/pid", self._set_pid),
            web.post("/v1/sessions/{id}/steer", self._steer),
            web.post("/v1/sessions/{id}/turn-ended", self._turn_ended),
            web.post("/v1/sessions/{id}/end", self._end),
        ]

    async def _detail(self, request: web.Request) -> web.Response:
        session_id = request.match_info["id"]
        asked = msgspec.convert(dict(request.query), _Asked, strict=False)
        past = await asyncio.to_thread(_past, self._ledger, session_id, asked.calls)
        present = await self._guard.session(session_id)
        if past["session"] is None and present is None:
            raise UsageError(f"there is no session {session_id}", "see tokenguard status")
        return answer(past | (present or {"budgets": [], "processes": []}))

    async def _open(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=OpenSession)
        if self._host.life.stopping:
            raise DaemonError("the daemon is stopping", "try again in a moment")
        session, token = await self._guard.open_session(asked)
        self._host.life.touch()
        return answer({"id": session.id, "token": token, "port": self._host.port})

    async def _set_pid(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Pid)
        self._guard.set_pid(request.match_info["id"], asked.pid)
        return answer({})

    async def _steer(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Steer)
        reached = await self._guard.steer(request.match_info["id"], asked.deed, asked.pid, asked.started_us)
        return answer({"reached": reached})

    async def _turn_ended(self, request: web.Request) -> web.Response:
        self._guard.turn_ended(request.match_info["id"])
        return answer({})

    async def _end(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_End)
        summary = await self._guard.end_session(request.match_info["id"], asked.exit_code)
        self._host.life.touch()
        return answer({**summary, **self._host.intercepted(request.match_info["id"])})


def _past(ledger: Path, session_id: str, calls: int) -> dict[str, Any]:
    """What the ledger knows of a session; its own calls, without those of sessions that were started in it."""
    own = Where(session=session_id)
    with closing(queries.connect_readonly(ledger)) as conn, queries.snapshot(conn):
        known = queries.sessions(conn, [session_id])
        models = queries.grouped(conn, ["model"], own)
        models.sort(key=lambda group: -group.totals.cost_nanos - group.totals.notional_nanos)
        return {
            "session": _ended(known[0]) | totals_view(queries.totals(conn, own)) if known else None,
            "models": [{"model": group.key[0], **totals_view(group.totals)} for group in models],
            "sub_agents": [subagent_view(one) for one in subagents(conn, session_id)],
            "turns": [_turn(one) for one in turns(conn, session_id, max(0, min(calls, _MOST)))],
        }


def _ended(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "agent": session.agent,
        "parent": session.parent,
        "repo": session.repo,
        "branch": session.branch,
        "pid": session.pid,
        "state": "ended",
        "task": session.task,
        "labels": dict(session.labels),
        "started_at": instant(session.started_us),
        "ended_at": instant(session.ended_us) if session.ended_us else None,
        "exit_code": session.exit_code,
    }


def _turn(one: Turn) -> dict[str, Any]:
    """A call, in the words of the events, and what was said of it."""
    return told_of(one.call) | {
        "task_type": one.call.task_type,
        "started_us": one.call.started_us,
        "ended_us": one.ended_us,
        "outcome": one.outcome,
        "status": one.status,
        "usage": one.usage,
        "cost_nanos": one.cost_nanos,
        "confidence": one.confidence,
        "budget": one.budget,
        "reason": one.reason,
        "fees": dict(one.fees),
        "decisions": [{"kind": each.kind, "who": each.who, "reason": each.reason} for each in one.decisions],
    }
