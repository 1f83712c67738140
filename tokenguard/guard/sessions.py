"""Sessions from their beginning to their end: tokens, places, limits of their own, what they have spent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.attribution import Place, locate
from tokenguard.attribution.callers import Caller
from tokenguard.errors import UsageError
from tokenguard.guard import remarks, steering
from tokenguard.guard.leftovers import leftovers
from tokenguard.guard.nesting import Nesting
from tokenguard.guard.own_budgets import own_budgets
from tokenguard.guard.recalling import interrupted, recall
from tokenguard.guard.registry import UNWRAPPED, Live, Registry, new_id, new_token, token_hash
from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import Ledger, queries
from tokenguard.records import Session
from tokenguard.upstream import Network


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
    parent: str | None = None
    """Id of the session that its environment names; what is no session that runs counts as none."""
    run_pid: int | None = None
    """Process of `run` itself."""
    id: str | None = None
    """With `token`: a session that an earlier daemon opened, to be known again."""
    token: str | None = None


class Sessions:
    """The sessions that run, and the doors through which they come and go."""

    def __init__(self, ledger: Ledger, now: Callable[[], int]) -> None:
        self.running = Registry()
        self._ledger = ledger
        self._now = now
        self._nesting = Nesting(ledger, self.running)
        unwrapped = Session(id=UNWRAPPED, agent="unknown", started_us=now())
        self.running.add(self._live(unwrapped, None, Place()))
        if not queries.sessions(ledger.read(), [UNWRAPPED]):
            unwaited(ledger.open_session(unwrapped, None), "a session")

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
            parent=known[0].parent if known else await self._nesting.outer(asked.parent, asked.run_pid),
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
        live.network, live.run_pid = Network.from_env(asked.network), asked.run_pid
        live.process = steering.known(asked.pid)
        if known:
            recall(self._ledger.read(), live)
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
        recall(self._ledger.read(), live)
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
        known = interrupted(self._ledger.read(), self.running, asked, int(caller.started * 1_000_000))
        live = self._live(known or asked, None, place)
        live.network, live.last_us = network, now
        live.process = steering.known(caller.pid, caller.started)
        if known is None:
            unwaited(self._ledger.open_session(asked, None), "a session")
        else:
            recall(self._ledger.read(), live)
        self.running.add(live)
        return live

    def of(self, session_id: str) -> Live:
        """A running session by its id; calls of one that has ended meanwhile count as unwrapped."""
        return self.running.get(session_id) or self.running[UNWRAPPED]

    def within(self, session_id: str) -> list[Session]:
        """The sessions that were started in one, and in those, whether they still run or not."""
        return queries.sessions_within(self._ledger.read(), session_id)

    def set_pid(self, session_id: str, pid: int) -> None:
        """Note which process the agent of a session is."""
        live = self._known(session_id)
        live.session, live.process = replace(live.session, pid=pid), steering.known(pid)
        unwaited(self._ledger.set_pid(session_id, pid), "a session")

    async def end(self, session_id: str, exit_code: int | None) -> Live:
        """End a session and return what it was. Raises `UsageError` if it does not run.

        What its agent has left running holds it open: calls of that count in it, and are guarded as before.
        """
        live = self._known(session_id)
        if not live.left:
            remarks.ended(live, exit_code, self._now())
        if live.token_hash is not None:
            runs = {one.run_pid: one.session for one in self.running.all() if one.run_pid is not None}
            live.left = await asyncio.to_thread(leftovers, session_id, runs)
        code = exit_code if live.session.exit_code is None else live.session.exit_code
        if live.left:
            live.session = replace(live.session, pid=live.left[0].pid, exit_code=code)
            live.process = steering.known(live.left[0].pid)
            unwaited(self._ledger.set_pid(session_id, live.left[0].pid), "a session")
            return live
        await self._ledger.end_session(session_id, self._now(), code)
        self.running.remove(session_id)
        return live

    def _known(self, session_id: str) -> Live:
        live = self.running.get(session_id)
        if live is None or session_id == UNWRAPPED:
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        return live

    def _live(self, session: Session, hashed: bytes | None, place: Place) -> Live:
        budgets, above = own_budgets(session), self._nesting.above(session)
        return Live(session=session, token_hash=hashed, place=place, budgets=budgets, above=above)
