"""Clients without a token: who they are, and the sessions to which their calls belong.

An agent that was not started by `run`, or an editor, has a session of its own for as long as it runs; calls of any
other program share one for each working tree. Whoever bears the name of a running session belongs to that one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from msgspec import Struct

from tokenguard import platforms
from tokenguard.agents import Agent, environment
from tokenguard.attribution.callers import Caller, identify
from tokenguard.attribution.naming import Marks, likely_names
from tokenguard.attribution.processes import environment as environment_of
from tokenguard.errors import ConfigError
from tokenguard.guard.registry import UNWRAPPED, VARIABLE, Live
from tokenguard.guard.sessions import Sessions
from tokenguard.policy.naming import printable
from tokenguard.records import Session
from tokenguard.upstream import Network

IDLE_US = 3_600_000_000
"""After so long without a call the session of a client without a token is over; the next call begins another one."""

_LONGEST_NAME = 64
_TRIES = 3
"""Processes are looked through one after the other, while they open and close what they have: one may be missed. And a
child that an agent has just forked has all its descriptors, until it runs its own program or is gone again."""

_REMEMBERED = 16
"""Processes that are looked at first for the next connection."""

Address = tuple[str, int]

log = logging.getLogger(__name__)


class _Client(Struct, frozen=True):
    """Who is at the other end of a connection, and what its environment says."""

    caller: Caller = Caller()
    says: str | None = None
    """The session that it names."""
    network: Network = Network()


_NOBODY = _Client()


class _Key(NamedTuple):
    """Clients that share it share a session."""

    agent: str | None
    pid: int | None
    started: float
    worktree: str | None
    task: str | None


class Unwrapped:
    """The sessions of clients without a token. Lives on the event loop; only looking at processes is done beside it."""

    def __init__(self, sessions: Sessions, tell: Callable[[Live], None]) -> None:
        """`tell` is told of sessions that begin."""
        self._sessions = sessions
        self._tell = tell
        self._known: dict[str, Marks] = {}
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)
        self._by_key: dict[_Key, Live] = {}

    def know(self, agents: Mapping[str, Agent]) -> None:
        """Recognise these agents from now on, the later ones first."""
        self._known = {name: Marks(agent.COMMANDS, agent.PROGRAMS) for name, agent in reversed(list(agents.items()))}

    async def client(self, own: Address, peer: Address) -> Callable[[str | None], Session]:
        """Who is at the other end of a connection, by both addresses of our end; never raises.

        The answer tells to which session a call belongs now, by what its request says. That raises `ConfigError`.
        """
        try:
            client = await asyncio.to_thread(self._find, own, peer, tuple(self._recent), self._known)
        except Exception as error:
            log.error("a client without a token could not be identified: %s", type(error).__name__)
            client = _NOBODY
        if client.caller.lineage and (pid := client.caller.lineage[0]) not in self._recent:
            self._recent.append(pid)
        return partial(self._session, client)

    def _session(self, client: _Client, name: str | None) -> Session:
        name, running = _sound(name) or _sound(client.says), self._sessions.running
        if name is not None and (live := running.get(name) or running.by_token(name)) is not None:
            return live.session
        if (live := running.around(client.caller.lineage)) is not None:
            return live.session
        if (live := self._by_key.get(_key(client, name))) is not None and running.get(live.session.id) is live:
            return live.session
        if name is not None and self._sessions.is_known(name):
            return self._own(client, None).session  # it has ended
        return self._own(client, name).session

    def _own(self, client: _Client, task: str | None) -> Live:
        """The session of a client alone; the one for all if nothing is known of it."""
        caller, running = client.caller, self._sessions.running
        if caller.agent is None and task is None:
            return running[UNWRAPPED]
        key = _key(client, task)
        live = self._by_key.get(key)
        if live is None or running.get(live.session.id) is not live:
            self._by_key = {key: live for key, live in self._by_key.items() if running.get(live.session.id) is live}
            live = self._by_key[key] = self._sessions.open_unwrapped(caller, task, client.network)
            self._tell(live)
        return live

    @staticmethod
    def _find(own: Address, peer: Address, likely: tuple[int, ...], known: Mapping[str, Marks]) -> _Client:
        """Blocks for some milliseconds."""
        for _ in range(_TRIES):
            pid = platforms.peer_pid(own, peer, likely, likely_names(known))
            if pid is not None and (client := _look_at(pid, known)) is not None:
                return client
        return _NOBODY


def _look_at(pid: int, known: Mapping[str, Marks]) -> _Client | None:
    """What there is to see of a process; None if it has gone."""
    ours, env, caller = platforms.sees_our_files(pid), environment_of(pid), identify(pid, known)
    if not caller.lineage:
        return None
    if not ours:
        return _Client(says=env.get(VARIABLE))  # in a container folders, and what runs, are not what they seem
    try:
        network = Network.from_env(environment.network(env))
    except ConfigError as error:
        log.warning("the proxy settings of a client without a token are not used: %s", error.message)
        network = Network()
    return _Client(caller, env.get(VARIABLE), network)


def _key(client: _Client, task: str | None) -> _Key:
    caller = client.caller
    return _Key(caller.agent, caller.pid, caller.started, caller.place.worktree, task)


def _sound(name: str | None) -> str | None:
    """A name as it may stand in the ledger and on a terminal; None for what is none."""
    name = (name or "").strip()
    return name if 0 < len(name) <= _LONGEST_NAME and printable(name) == name else None
