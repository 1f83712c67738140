"""The sessions that run now: who holds which token, where they work, what they have spent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from hashlib import sha256

import psutil
from msgspec import Struct, field

from tokenguard.attribution import Place
from tokenguard.guard.beside import Beside
from tokenguard.records import Budget, Session, Totals
from tokenguard.upstream import Network

_LETTERS = "bcdfghjkmnpqrstvwxz"
"""For ids: no vowel, so that no word appears, and no digit, so that no agent takes an id for an error code."""

VARIABLE = "TOKENGUARD_SESSION"
"""In the environment of whatever runs in a session: its id. Clients without a token may name themselves by it."""

UNWRAPPED = "unwrapped"
"""Id of the session to which calls without a token belong."""


class Outer(Struct, frozen=True):
    """A session in which another one was started."""

    id: str
    budgets: tuple[Budget, ...] = ()
    """Of its own, those that count by session."""


class Leftover(Struct, frozen=True):
    """A process that has outlived the agent by which it was started, or one that this has started."""

    pid: int
    name: str
    """Of its program; of the agent, where it is a run within the run."""
    session: str | None = None
    """Of a run within the run."""


class Live(Struct):
    """A running session and what belongs to it. Only the guard changes it."""

    session: Session
    token_hash: bytes | None
    """None for clients without a token."""
    place: Place = Place()
    network: Network = Network()
    budgets: tuple[Budget, ...] = ()
    """Its own limit and those of its repository's file."""
    above: tuple[Outer, ...] = ()
    """The sessions in which it was started, the nearest first: its calls count there too."""
    run_pid: int | None = None
    """Process of its `run`, where that is known."""
    process: psutil.Process | None = None
    """The very one that had the session's `pid` when that was told; None where it is not known for sure."""
    left: tuple[Leftover, ...] = ()
    """What still runs of it though its agent has ended."""
    totals: Totals = Totals()
    last_us: int = 0
    """When its last call started or ended."""
    in_flight: int = 0
    refused: int = 0
    billing: str | None = None
    """Who pays its calls, as its last one showed; None before the first."""
    billing_us: int = 0
    """When that was."""
    your_turn: bool = False
    """Whether its agent has told that it waits for its person, and has not called since."""
    unauthorized: int = 0
    """Calls in a row, up to now, for which the provider did not take the key or login."""
    beside: Beside = field(default_factory=Beside)
    guests: set[str] = set()
    """Other agents that were found to make calls in it."""


class Registry:
    """Running sessions by id and by the hash of their token; the tokens themselves are not kept."""

    def __init__(self) -> None:
        self._by_id: dict[str, Live] = {}
        self._by_hash: dict[bytes, Live] = {}

    def add(self, live: Live) -> None:
        """Enter a session; one of the same id is replaced."""
        self.remove(live.session.id)
        self._by_id[live.session.id] = live
        if live.token_hash is not None:
            self._by_hash[live.token_hash] = live

    def remove(self, session_id: str) -> Live | None:
        """Take a session out."""
        live = self._by_id.pop(session_id, None)
        if live is not None and live.token_hash is not None:
            del self._by_hash[live.token_hash]
        return live

    def __getitem__(self, session_id: str) -> Live:
        return self._by_id[session_id]

    def get(self, session_id: str) -> Live | None:
        return self._by_id.get(session_id)

    def by_token(self, token: str) -> Live | None:
        return self._by_hash.get(token_hash(token))

    def around(self, lineage: Iterable[int]) -> Live | None:
        """The session of `run` whose agent is the nearest of these processes."""
        agents = {live.session.pid: live for live in self._by_hash.values() if live.session.pid is not None}
        return next((agents[pid] for pid in lineage if pid in agents), None)

    def all(self) -> list[Live]:
        """Running sessions, the oldest first."""
        return sorted(self._by_id.values(), key=lambda live: live.session.started_us)


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def new_token() -> str:
    """192 unguessable bits."""
    return secrets.token_urlsafe(24)


def new_id() -> str:
    """Id of a session: short, to be typed and read aloud."""
    return "".join(secrets.choice(_LETTERS) for _ in range(7))
