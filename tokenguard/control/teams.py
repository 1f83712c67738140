"""Budgets that are shared: `GET /v1/team`, and what can be asked of teams."""

from __future__ import annotations

import msgspec
from aiohttp import web
from msgspec import Struct

from tokenguard.control.answers import answer
from tokenguard.control.host import Host


class _Sync(Struct, frozen=True, forbid_unknown_fields=True):
    team: str | None = None
    """None: every team."""


class _Lease(Struct, frozen=True, forbid_unknown_fields=True):
    amount: str
    team: str | None = None


class _Change(Struct, frozen=True, forbid_unknown_fields=True):
    budget: str
    amount: str
    """`+50`, `-10`."""
    reason: str
    team: str | None = None


class _Leave(Struct, frozen=True, forbid_unknown_fields=True):
    team: str


class Shared:
    """The endpoints of teams; each answers with all of them, as they stand then."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def routes(self) -> list[web.RouteDef]:
        """See the application."""
        return [
            web.get("/v1/team", self._view),
            web.post("/v1/team/sync", self._sync),
            web.post("/v1/team/lease", self._lease),
            web.post("/v1/team/change", self._change),
            web.post("/v1/team/leave", self._leave),
            web.post("/v1/team/reload", self._reload),
        ]

    async def _view(self, request: web.Request) -> web.Response:
        return answer(self._host.teams.view())

    async def _sync(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read() or b"{}", type=_Sync)
        await self._host.teams.sync(asked.team)
        return answer(self._host.teams.view())

    async def _lease(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Lease)
        await self._host.teams.lease(asked.team, asked.amount)
        return answer(self._host.teams.view())

    async def _change(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Change)
        await self._host.teams.change(asked.team, asked.budget, asked.amount, asked.reason)
        return answer(self._host.teams.view())

    async def _leave(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Leave)
        await self._host.teams.leave(asked.team)
        return answer(self._host.teams.view())

    async def _reload(self, request: web.Request) -> web.Response:
        self._host.teams.reload()
        return answer(self._host.teams.view())
