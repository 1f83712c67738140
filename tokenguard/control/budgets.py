"""Budgets: `GET /v1/budgets`, as they are set, with the audit trail; `POST /v1/budgets/...`, what is done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from tokenguard.config.budgets import table_of
from tokenguard.control.answers import answer
from tokenguard.control.crossing import Guard
from tokenguard.control.host import Host
from tokenguard.guard.showing import instant
from tokenguard.ledger import queries
from tokenguard.ledger.audit import Entry, trail
from tokenguard.policy.budgets import short_key

_MOST = 1_000


class _Asked(Struct, frozen=True, forbid_unknown_fields=True):
    entries: int = 100
    """How much of the audit trail is told."""


class _Set(Struct, frozen=True, forbid_unknown_fields=True):
    table: dict[str, Any]
    """As a `[[budget]]` of a file."""
    new: bool = False
    """Whether none of this name is there yet."""


class _Remove(Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class _Raise(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    amount: str
    reason: str
    ttl: str | None = None


class _Land(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    reason: str = ""


class Limits:
    """The endpoints of budgets."""

    def __init__(self, guard: Guard, host: Host, ledger: Path) -> None:
        self._guard = guard
        self._host = host
        self._ledger = ledger

    def routes(self) -> list[web.RouteDef]:
        """See the application."""
        return [
            web.get("/v1/budgets", self._list),
            web.post("/v1/budgets/set", self._set),
            web.post("/v1/budgets/remove", self._remove),
            web.post("/v1/budgets/reload", self._reload),
            web.post("/v1/budgets/raise", self._raise),
            web.post("/v1/budgets/land", self._land),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        asked = msgspec.convert(dict(request.query), _Asked, strict=False)
        entries = await asyncio.to_thread(_trail, self._ledger, max(0, min(asked.entries, _MOST)))
        budgets = self._host.settings.budgets
        scopes = {budget.name: budget.scope for budget, _ in budgets}
        return answer(
            {
                "budgets": [
                    {"name": budget.name, "source": budget.source, "changeable": ours, "table": table_of(budget)}
                    for budget, ours in budgets
                ],
                "trail": [_told(entry, scopes) for entry in entries],
            }
        )

    async def _set(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Set)
        self._host.settings.set_budget(asked.table, new=asked.new)
        return answer({})

    async def _remove(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Remove)
        self._host.settings.remove_budget(asked.name)
        return answer({})

    async def _reload(self, request: web.Request) -> web.Response:
        self._host.settings.reload()
        return answer({})

    async def _raise(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Raise)
        return answer(await self._guard.grants.raise_budget(asked.name, asked.amount, asked.reason, asked.ttl))

    async def _land(self, request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=_Land)
        return answer(await self._guard.grants.release_landing(asked.name, asked.reason))


def _trail(ledger: Path, limit: int) -> list[Entry]:
    with closing(queries.connect_readonly(ledger)) as conn:
        return trail(conn, limit)


def _told(entry: Entry, scopes: Mapping[str, str]) -> dict[str, Any]:
    """An entry, its budget by the name by which people see it."""
    name, key = entry.budget or "", entry.key or ""
    # A repository's budgets are written with its path.
    path, _, own = name.rpartition(":")
    label = f"{short_key('repo', path)}:{own}" if path.startswith("/") else name
    scope = "branch" if "\0" in key else scopes.get(name, "repo" if key.startswith("/") else "")
    return {
        "at": instant(entry.at_us),
        "kind": entry.kind,
        "who": entry.who,
        "budget": f"{short_key(scope, key)}/{label}" if key else label,
        "amount": entry.amount,
        "unit": entry.unit,
        "reason": entry.reason,
        "expires_at": instant(entry.expires_us) if entry.expires_us else None,
        "session": entry.session,
        "agent": entry.agent,
        "model": entry.model,
    }
