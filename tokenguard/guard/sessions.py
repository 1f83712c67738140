"""Sessions from their beginning to their end: tokens, places, limits of their own, what they have spent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.attribution import Place, locate
from tokenguard.attribution.callers import Caller
from tokenguard.config.budgets import read_repository_budgets
from tokenguard.errors import UsageError
from tokenguard.guard import beside
from tokenguard.guard import remarks
from tokenguard.guard.registry import UNWRAPPED, Live, Registry, new_id, new_token, token_hash
from tokenguard.ledger import Ledger, Where, queries
from tokenguard.policy.budgets import RUN
from tokenguard.policy.money import parse_amount
from tokenguard.records import Budget, Session, Totals, Unit
from tokenguard.upstream import Network

log = logging.getLogger(__name__)

RUN_BUDGET = "session"
"""Name of the budget that `run --budget` makes."""


class OpenSession(Struct, frozen=True, forbid_unknown_fields=True):
    """What `run` says when it asks for a session."""

    agent: str
    cwd: str
    task: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    budget: str | None = None
    pid: int | None = None
    upstreams: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    """What `run` has told its user: above all, what is not guarded."""
    network: dict[str, str] = {}
    """Proxy and certificate variables of the run's environment."""
    id: str | None = None
    """With `token`: a session that an earlier daemon opened, to be known again."""
    token: str | None = None


class Sessions:
    """The sessions that run, and the doors through which they come and go."""

    def __init__(self, ledger: Ledger, now: Callable[[], int]) -> None:
        self.running = Registry()
        self._ledger = ledger
        self._now = now
        unwrapped = Session(id=UNWRAPPED, agent="unknown", started_us=now())
        self.running.add(self._live(unwrapped, None, Place()))
        if not queries.sessions(ledger.read(), [UNWRAPPED]):
            ledger.open_session(unwrapped, None).add_done_callback(_log_failure)

    async def open(self, asked: OpenSession) -> tuple[Live, str]:
        """Begin a session, or know one again; also its token. Raises `ConfigError`, `UsageError` or `LedgerError`."""
        place = locate(Path(asked.cwd))
        known = queries.sessions(self._ledger.read(), [asked.id]) if asked.id else []
        session = Session(
            id=asked.id or new_id(),
            agent=asked.agent,
            started_us=known[0].started_us if known else self._now(),
            repo=place.repo,
            worktree=place.worktree,
            branch=place.branch(),
            task=asked.task,
            labels=asked.labels,
            pid=asked.pid,
            budget=asked.budget,
            upstreams=asked.upstreams,
        )
        token = asked.token or new_token()
        holder = self.by_token(token)
        if holder is not None and holder.session.id != session.id:
            remarks.shared(holder.session, asked.agent)
            raise UsageError(
                f"this run has the token of session {holder.session.id} of {holder.session.agent}",
                "start each agent with a tokenguard run of its own",
            )
        live = self._live(session, token_hash(token), place)
        live.network = Network.from_env(asked.network)
        if known:
            self._recall(live)
        else:
            await self._ledger.open_session(session, live.token_hash)
            remarks.begun(session, asked.notes)
        self.running.add(live)
        return live, token

    def by_token(self, token: str) -> Live | None:
        """The running session that a token stands for, also one that only the ledger remembers from before a crash."""
        live = self.running.by_token(token)
        if live is not None:
            return live
        hashed = token_hash(token)
        session = queries.session_by_token(self._ledger.read(), hashed)
        if session is None or session.ended_us is not None:
            return None
        live = self._live(session, hashed, locate(Path(session.worktree)) if session.worktree else Place())
        self._recall(live)
        self.running.add(live)
        return live

    def is_known(self, name: str) -> bool:
        """Whether a session of this id or token runs, or ever ran."""
        ledger = self._ledger.read()
        return bool(queries.sessions(ledger, [name])) or queries.session_by_token(ledger, token_hash(name)) is not None

    def open_unwrapped(self, caller: Caller, task: str | None, network: Network) -> Live:
        """A session for a client without a token, or the one that it had before a crash. Raises `ConfigError`."""
        place, now = caller.place, self._now()
        asked = Session(
            id=new_id(),
            agent=caller.agent or "unknown",
            started_us=now,
            repo=place.repo,
            worktree=place.worktree,
            branch=place.branch(),
            task=task,
            labels=(("editor", caller.editor),) if caller.editor else (),
            pid=caller.pid,
        )
        known = self._interrupted(asked, int(caller.started * 1_000_000))
        live = self._live(known or asked, None, place)
        live.network, live.last_us = network, now
        if known is None:
            self._ledger.open_session(asked, None).add_done_callback(_log_failure)
        else:
            self._recall(live)
        self.running.add(live)
        return live

    def _interrupted(self, asked: Session, since_us: int) -> Session | None:
        """The session of the same process, or of the same program in the same place, that an earlier daemon had."""
        for session in queries.running_unwrapped(self._ledger.read()):
            same = replace(asked, id=session.id, started_us=session.started_us, branch=session.branch)
            if same == session and session.started_us >= since_us and self.running.get(session.id) is None:
                return session
        return None

    def of(self, session_id: str) -> Live:
        """A running session by its id; calls of one that has ended meanwhile count as unwrapped."""
        return self.running.get(session_id) or self.running[UNWRAPPED]

    def set_pid(self, session_id: str, pid: int) -> None:
        """Note which process the agent of a session is."""
        live = self._known(session_id)
        live.session = replace(live.session, pid=pid)
        self._ledger.set_pid(session_id, pid).add_done_callback(_log_failure)

    async def end(self, session_id: str, exit_code: int | None) -> Live:
        """End a session and return what it was. Raises `UsageError` if it does not run."""
        live = self._known(session_id)
        await self._ledger.end_session(session_id, self._now(), exit_code)
        self.running.remove(session_id)
        return live

    def _known(self, session_id: str) -> Live:
        live = self.running.get(session_id)
        if live is None or session_id == UNWRAPPED:
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        return live

    def _recall(self, live: Live) -> None:
        """Take over what the ledger knows of a session that an earlier daemon had."""
        ledger, session_id = self._ledger.read(), live.session.id
        live.totals = queries.totals(ledger, Where(session=session_id))
        live.beside = beside.known(ledger, session_id)

    def _live(self, session: Session, hashed: bytes | None, place: Place) -> Live:
        budgets: tuple[Budget, ...] = ()
        if session.budget is not None:
            budgets = (_run_budget(session.budget),)
        if session.repo and session.worktree:
            budgets += read_repository_budgets(Path(session.worktree), session.repo)
        return Live(session=session, token_hash=hashed, place=place, budgets=budgets, totals=Totals())


def _log_failure(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and written.exception() is not None:
        log.error("a session is not in the ledger: %s", written.exception())


def _run_budget(text: str) -> Budget:
    try:
        limit, unit = parse_amount(text)
    except ValueError as error:
        raise UsageError(f"--budget {error}") from error
    if unit is Unit.PERCENT:
        raise UsageError("--budget is no percentage", "give dollars, tokens or calls")
    return Budget(RUN_BUDGET, limit, scope="session", unit=unit, window="session", counts="all", source=RUN)
