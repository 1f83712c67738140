"""A turn with the remote, in a thread: what is written down, heard, decided and published, and in which order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from msgspec.structs import replace

from tokenguard.team.gitrefs import hearing, telling, turns
from tokenguard.team.gitrefs.document import Document, encode
from tokenguard.team.gitrefs.members import writer
from tokenguard.team.gitrefs.memory import Memory, State, new_id
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Found, Pushed
from tokenguard.team.gitrefs.spots import Facts
from tokenguard.team.identity import new_machine, where
from tokenguard.team.ownership import Ownership
from tokenguard.team.shape import Place

_TURNS = 4
"""A turn is taken again when something was published that others must be seen to see, or somebody was faster."""
_AGAIN_US = 3_600 * 1_000_000
"""A machine with nothing new says so once an hour."""


class Refs(Protocol):
    """See `Remote`."""

    @property
    def refused(self) -> str:
        """Why the last document was not taken."""
        ...

    def fetch(self) -> dict[str, Found]:
        """What every writer published."""
        ...

    def push(self, ref: str, data: bytes, at_s: int, expected: str) -> Pushed:
        """Publish a document in place of what was found."""
        ...


class Exchange:
    """Of one machine, between the state that it remembers and the refs of all."""

    def __init__(self, place: Place, remote: Refs, runner: Runner, seconds: float, facts: Facts) -> None:
        self._place = place
        self._seconds = seconds
        self._memory = Memory(place.folder)
        self._ownership = Ownership(place.folder)
        self._runner = runner
        self._remote = remote
        self._instance = new_id()
        self._spare = writer(place.member, new_machine())
        """Under which name it goes on if it turns out to be a copy."""
        self._birth = new_id()
        self._thread = threading.Lock()
        self.remarks: tuple[str, ...] = ()
        """After the last turn."""
        self.state = self._loaded(facts)
        """As it is written down."""

    def turn(self, facts: Facts, first: Callable[[State], State]) -> None:
        """Take one, which begins with what `first` makes of the state. Raises `TeamError`."""
        with self._thread:
            self._runner.begin(self._seconds)
            if self._ownership.take():
                # Another process may have written it until now.
                self.state = self._loaded(facts)
            state = turns.opened(first(self.state), facts)
            state = turns.reported(state, facts) if facts.looked else state
            # What was spent is not forgotten, whether anybody can be told or not.
            state = self._save(state)
            refused = ""
            for _ in range(_TURNS):
                found = self._remote.fetch()
                state = self._heard(state, facts, found)
                own = found.get(state.writer)
                state = turns.decided(hearing.verified(state, own.document if own else None), facts)
                document = turns.document_of(state, facts, self._instance)
                if not _due(own, document):
                    break
                state, pushed = self._publish(state, document, own)
                if pushed is Pushed.REFUSED:
                    refused = self._remote.refused
                    break
                if pushed is Pushed.DONE and not turns.pending(state, facts):
                    break
            self.remarks = tuple(telling.remarks(state, facts, refused))
            self._save(replace(state, heard_us=facts.now_us))

    def stop(self) -> None:
        """End the turn that runs: what it has not yet published, the next one does."""
        self._runner.stop()

    def release(self) -> None:
        """Let another process write."""
        with self._thread:
            self._ownership.release()

    def _heard(self, state: State, facts: Facts, found: dict[str, Found]) -> State:
        own = found.get(state.writer)
        documents = {who: one.document for who, one in found.items() if one.document}
        written = own.document if own else None
        if hearing.is_another(state, written, _digest(own.data) if own else "", documents):
            state = hearing.renamed(state, self._spare, new_id(), written, facts)
            state = turns.reported(state, facts)
            self._spare = writer(self._place.member, new_machine())
        return hearing.heard(state, documents)

    def _publish(self, state: State, document: Document, own: Found | None) -> tuple[State, Pushed]:
        """Written down first, published then."""
        state = replace(state, sequence=state.sequence + 1)
        data = encode(replace(document, sequence=state.sequence))
        state = self._save(turns.numbered(state, self._instance, _digest(data)))
        at_s = document.at_us // 1_000_000
        return state, self._remote.push(state.writer, data, at_s, own.commit if own else "")

    def _loaded(self, facts: Facts) -> State:
        joined, here = writer(self._place.member, self._place.machine), where(self._place.folder)
        state = self._memory.load()
        if state is None:
            return State(joined, joined, here, self._birth)
        if state.joined != joined:
            state = hearing.renamed(state, joined, self._birth, None, facts)
            return replace(state, joined=joined, place=here, renamed_us=0)
        if here.is_copy_of(state.place):
            state = hearing.renamed(state, self._spare, self._birth, None, facts)
        return replace(state, place=here)

    def _save(self, state: State) -> State:
        if state != self.state:
            self._memory.save(state)
            self.state = state
        return state


def _due(own: Found | None, document: Document) -> bool:
    """Whether others know less than this."""
    if own is None or own.document is None:
        return True
    said = own.document
    same = replace(said, sequence=0, at_us=0, instance="") == replace(document, sequence=0, at_us=0, instance="")
    return not same or abs(document.at_us - said.at_us) >= _AGAIN_US


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:24]
