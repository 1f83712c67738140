"""What is known of a thread of Codex: who spawned it, where it works, what it has told so far."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.codex_line import Line, Origin, Payload, Spawn, Total
from tokenguard.agents.logs.values import instant
from tokenguard.agents.side import identifier

_REPLAYED_US = 5_000_000


class State(Struct):
    """What is known of a thread so far."""

    thread: str = ""
    session: str = ""
    """The thread in which it all began."""
    parent: str | None = None
    kind: str | None = None
    """Of a sub-agent."""
    created_us: int = 0
    replaying: bool = False
    provider: str | None = None
    model: str = ""
    turn: str | None = None
    folder: str | None = None
    branch: str | None = None
    total: Total = ()
    restarts: int = 0
    recorded: bool = False
    """Whether the turn has records."""
    events: list[tuple[str, Total]] = []
    """(key, counts) of the turn's events for which no record has come."""
    seen: list[str] = []
    """Every total and every id of a response, for the forks of this thread."""

    def begin(self, meta: Payload, created_us: int, labelled: Callable[[str], bytes]) -> None:
        """The first `session_meta` has come; `labelled` gives the state of another thread, empty if there is none."""
        self.thread = self.session = identifier(meta.id) or ""
        self.created_us, self.provider, self.folder = created_us, meta.model_provider, meta.cwd
        self.branch = meta.git.branch if meta.git else None
        spawner, self.kind = _spawned(meta.source)
        self.parent = identifier(spawner or meta.forked_from_id)
        self.replaying = self.parent is not None
        if spawner:
            above = labelled(spawner)
            self.session = (msgspec.json.decode(above, type=State).session if above else "") or spawner

    def begin_turn(self, context: Payload) -> None:
        """A `turn_context` has come."""
        self.model = context.model or ""
        self.folder = context.cwd or self.folder
        if context.turn_id is None or context.turn_id != self.turn:
            self.turn, self.recorded, self.events = context.turn_id, False, []


class Replay:
    """What a fork or a sub-agent does first, which is what its parent did."""

    def __init__(self, state: State, labelled: Callable[[str], bytes]) -> None:
        self._state = state
        self._labelled = labelled
        self._before: frozenset[str] | None = None

    def has(self, line: Line, name: str) -> bool:
        """Whether this line, with a total or a response of that name, is still of it. What follows it never is."""
        state = self._state
        if not state.replaying:
            return False
        if self._before is None:
            above = self._labelled(state.parent or "")
            self._before = frozenset(msgspec.json.decode(above, type=State).seen) if above else frozenset()
        if self._before:
            state.replaying = name in self._before
        else:
            state.replaying = instant(line.timestamp) <= state.created_us + _REPLAYED_US
        return state.replaying


def _spawned(source: str | Origin | None) -> tuple[str | None, str | None]:
    """(the thread that spawned this one, the kind of sub-agent that it is); None for what is not known."""
    if not isinstance(source, Origin) or source.subagent is None:
        return None, None
    if isinstance(source.subagent, str):
        return None, identifier(source.subagent) or ""
    spawn = source.subagent.thread_spawn or Spawn()
    return identifier(spawn.parent_thread_id), identifier(spawn.agent_role) or ""
