"""The desk: what people and programs ask of the guard besides calls. The control API speaks to it."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress
from typing import Any

from msgspec import Struct

from tokenguard.errors import UsageError
from tokenguard.guard import prompts, showing, steering, view
from tokenguard.guard.asking import PATIENCE_S, Asked
from tokenguard.guard.crossing import Guard
from tokenguard.guard.holds import Answer, Holds
from tokenguard.guard.limits import amount_for
from tokenguard.guard.registry import UNWRAPPED, Live
from tokenguard.guard.sessions import OpenSession
from tokenguard.guard.steering import Deed
from tokenguard.ledger import Ledger, queries
from tokenguard.platforms import processes
from tokenguard.policy.budgets import TEAM, Slot, Standing, ident
from tokenguard.policy.spans import span_us
from tokenguard.policy.wording import safe_label
from tokenguard.records import Budget, Event, Session
from tokenguard.wire.official import read_status_line

_MOMENT_S = 0.1


class AskForMore(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent says when it asks for more."""

    session: str
    amount: str
    reason: str
    budget: str | None = None
    """Its label or name; without it, the one that is nearest its end."""
    wait_s: float = 0
    """For how many seconds an answer is waited for."""


_RECENT = 200
"""Sessions, running or not, whose budgets are shown and can be raised."""


class Desk:
    """Sessions, budgets and what is being spent now."""

    def __init__(self, guard: Guard, ledger: Ledger) -> None:
        self._guard = guard
        self._ledger = ledger
        self._recalled: tuple[Budget, ...] | None = None
        """The configured budgets for which it was looked what was spent before."""

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        guard = self._guard
        running = guard.sessions.running.all()
        books, standings = guard.counting.books, guard.counting.standings
        if self._recalled is not guard.config.budgets:
            self._recalled = guard.config.budgets
            standings.recall(queries.recent_sessions(self._ledger.read(), _RECENT))
        return {
            "totals": showing.lately(self._ledger.read(), guard.now()),
            "sessions": [
                view.session_view(live, books.reserved_nanos(live.session.id), _state(live, guard.holds))
                for live in running
                if live.session.id != UNWRAPPED or live.totals.calls
            ],
            "budgets": [
                showing.budget_view(standing)
                for standing in standings.in_force(live.session for live in running)
                if standing.slot.key != UNWRAPPED or standing.spent or standing.reserved
            ],
            "ledger": view.ledger_view(self._ledger),
            "windows": [showing.window_view(window) for window in guard.official.all()],
            "holds": [view.hold_view(hold) for hold in guard.holds],
        }

    async def open_session(self, asked: OpenSession) -> tuple[Session, str]:
        """Begin a session; also its token. Raises `ConfigError`, `UsageError` or `LedgerError`."""
        live, token = await self._guard.sessions.open(asked)
        self._guard.tell("session.started", view.session_view(live, 0))
        return live.session, token

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """A session that runs, what counts for it, and its processes; None if it does not run."""
        guard = self._guard
        live = guard.sessions.running.get(session_id)
        if live is None:
            return None
        reserved = guard.counting.books.reserved_nanos(session_id)
        return {
            "session": view.session_view(live, reserved, _state(live, guard.holds)),
            "budgets": [showing.budget_view(standing) for standing in guard.counting.standings.ahead([live.session])],
            "processes": await steering.told(live),
            "at_us": guard.now(),
        }

    async def steer(self, session_id: str, deed: Deed, pid: int, started_us: int) -> int:
        """Pause, resume or stop a session's processes; how many were reached. Raises `UsageError`.

        `pid` and `started_us` name the agent's process as the person saw it.
        """
        live = self._guard.sessions.running.get(session_id)
        if live is None:
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        reached = await steering.do(live, deed, pid, started_us)
        self._guard.tell("session.steered", {"id": session_id, "deed": deed, "who": getpass.getuser()})
        return reached

    def set_pid(self, session_id: str, pid: int) -> None:
        """Note which process the agent of a session is."""
        self._guard.sessions.set_pid(session_id, pid)

    def turn_ended(self, session_id: str) -> None:
        """Note that the agent of a session waits for its person, until it calls again. Raises `UsageError`."""
        guard = self._guard
        live = guard.sessions.running.get(session_id)
        if live is None:
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        live.your_turn = True
        guard.tell("session.turn-ended", {"id": session_id, "agent": live.session.agent, "repo": live.session.repo})

    async def end_session(self, session_id: str, exit_code: int | None) -> dict[str, Any]:
        """The agent of a session has ended; what it was and what it cost. Raises `UsageError` if it does not run.

        The session ends with it, or once nothing is left running of it.
        """
        guard = self._guard
        await guard.counting.tally.written()
        budgets = guard.counting.standings.ahead([guard.sessions.of(session_id).session])
        told_before = bool(guard.sessions.of(session_id).left)
        guard.asking.gone(session_id)
        live = await guard.sessions.end(session_id, exit_code)
        written = self._ledger.failing is None
        inner = guard.sessions.within(session_id)
        summary = view.summary_view(self._ledger.read(), live, budgets, inner, written=written)
        if not live.left:
            guard.forget(session_id)
            guard.tell("session.ended", {**summary, "exit_code": live.session.exit_code or exit_code})
        elif not told_before:
            guard.tell("session.left", {**summary, "exit_code": exit_code})
        return summary

    async def raise_budget(self, name: str, amount: str, reason: str, ttl: str | None) -> dict[str, Any]:
        """Raise a budget until its window ends, or for `ttl` (`30m`, `4h`, `2d`). Raises `UsageError`."""
        if not reason.strip():
            raise UsageError("a raise needs a reason", "add --reason WHY")
        slot = self._find(name)
        standing = await self._guard.counting.raise_by(
            slot, amount_for(slot, amount), reason=reason, who=getpass.getuser(), ttl_us=_ttl_us(ttl)
        )
        return self._raised(standing)

    async def release_landing(self, name: str, reason: str) -> dict[str, Any]:
        """Give out what a budget holds back for landing, until its window ends. Raises `UsageError`."""
        slot = self._find(name)
        if not slot.budget.landing:
            raise UsageError(f"{slot.label} holds nothing back", "its landing is not set; see tokenguard budget list")
        if not self._guard.counting.standings.of(slot).held_back:
            raise UsageError(f"the landing reserve of {slot.label} is open already", "see tokenguard status")
        return self._raised(
            await self._guard.counting.release_landing(slot, reason=reason or "released", who=getpass.getuser())
        )

    async def answer_hold(
        self, hold_id: str, *, answer: str, amount: str | None, reason: str | None, who: str | None = None
    ) -> dict[str, Any]:
        """Let a call that waits go on (`approve`, `cheaper`), or not (`deny`). Raises `UsageError`.

        Its budget is raised by `amount` if one is given, which other calls may use too; else by what the call takes, or
        by what its agent asked for.
        """
        guard, who = self._guard, who or getpass.getuser()
        hold = guard.holds.find(hold_id)
        if answer == "cheaper" and hold.cheaper is None:
            raise UsageError(f"there is no cheaper model for call {hold_id}", "approve it as it is, or deny it")
        value = hold.wants
        if amount is not None:
            if answer == "deny":
                raise UsageError("a denial takes no amount", "leave --amount out")
            if hold.slot is None:
                raise UsageError(f"call {hold_id} waits for no budget", "approve it without --amount")
            value = amount_for(hold.slot, amount)
        if value is not None and hold.slot is not None and answer != "deny":
            await guard.counting.raise_by(hold.slot, value, reason=reason or "approved", who=who)
        if not hold.answer.done():
            hold.answer.set_result(Answer(answer, who, reason))
        return view.hold_view(hold) | {"answer": hold.answer.result().kind}

    async def ask_for_more(self, asked: AskForMore) -> dict[str, Any]:
        """An agent asks a person for more of a budget: its request, and the `answer`, if there is one in time.

        Asked again while it is open, that is waited for. Raises `UsageError`.
        """
        guard = self._guard
        live = guard.sessions.running.get(asked.session)
        if live is None or live.session.id == UNWRAPPED:
            raise UsageError(f"no session {asked.session} is running", "see tokenguard status")
        slot = self._raisable(live.session, asked.budget)
        hold = guard.asking.ask(live.session, Asked(slot, amount_for(slot, asked.amount), asked.reason))
        await asyncio.wait([hold.answer], timeout=min(asked.wait_s, PATIENCE_S))
        answer = hold.answer.result() if hold.answer.done() else Answer("waiting")
        told = {"answer": answer.kind, "who": answer.who, "answer_reason": answer.reason}
        return view.hold_view(hold) | told | {"standing": showing.budget_view(guard.counting.standings.of(slot))}

    def official(self, rate_limits: bytes) -> None:
        """Take note of what Claude Code's status line was told of official windows, as JSON."""
        guard = self._guard
        for window in guard.official.hear(read_status_line(rate_limits, guard.now())):
            guard.tell("official.window", showing.window_view(window))

    async def written(self) -> None:
        """Wait until the sums that `status` tells have in them what was charged so far, but no longer than a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT_S):
                await self._guard.counting.tally.written()

    def runs(self) -> list[str]:
        """The sessions of `run` whose agent still runs."""
        return [
            live.session.id
            for live in self._guard.sessions.running.all()
            if live.token_hash is not None and not live.left
        ]

    def refused_prompt(self, session_id: str) -> tuple[Standing, int] | None:
        """The standing that refuses whatever a session asks for, and until when that is known for sure.

        In microseconds; 0 is until something changes. None if its next prompt may begin.
        """
        live = self._guard.sessions.running.get(session_id)
        return None if live is None else prompts.refused(self._guard.counting.standings, live, self._guard.now())

    def _find(self, label: str) -> Slot:
        """The slot that people call `label`: its label, the whole or the opaque one, or its budget's name.

        Sessions that have ended count too: their repositories' budgets can be raised before the next one. Raises
        `UsageError` if there is none, or more than one.
        """
        counting, running = self._guard.counting, self._guard.sessions.running.all()
        recent = queries.recent_sessions(self._ledger.read(), _RECENT)
        slots = [one.slot for one in counting.standings.in_force([*(live.session for live in running), *recent])]
        slots += [slot for slot in counting.standings.glanced() if slot not in slots]
        found = [slot for slot in slots if label in (slot.label, safe_label(slot.label), slot.whole_label)]
        found = found or [slot for slot in slots if slot.budget.name == label]
        if not found:
            raise UsageError(f"there is no budget {label}", "see tokenguard status")
        if len({(ident(slot.budget), slot.key) for slot in found}) > 1:
            names = [slot.label for slot in found]
            names = names if len(set(names)) == len(names) else [slot.whole_label for slot in found]
            raise UsageError(f"{label} is more than one budget", f"name one: {', '.join(names)}")
        return found[0]

    def _raisable(self, session: Session, name: str | None) -> Slot:
        """The budget of this name that counts for a session and can be raised here; else the one nearest its end."""
        for standing in self._guard.counting.standings.ahead([session]):
            slot = standing.slot
            if slot.budget.scope != TEAM and name in (None, slot.label, slot.budget.name):
                return slot
        which = "no budget" if name is None else f"no budget {name}"
        raise UsageError(f"{which} that a person here can raise counts for this session", "see tokenguard status")

    def _raised(self, standing: Standing) -> dict[str, Any]:
        told = showing.budget_view(standing)
        self._guard.tell("budget.raised", told)
        return told

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types, or all of them, from now on."""
        return self._guard.hub.subscribe(*types)


def _state(live: Live, holds: Holds) -> str:
    """What a session does now."""
    if live.left:
        return "ended"
    if holds.of_session(live.session.id):
        return "waiting"
    suspended = live.session.pid is not None and processes.is_stopped(live.session.pid)
    return "suspended" if suspended else "running"


def _ttl_us(text: str | None) -> int | None:
    try:
        return None if text is None else span_us(text)
    except ValueError as error:
        raise UsageError(str(error), "use 30m, 4h or 2d") from error
