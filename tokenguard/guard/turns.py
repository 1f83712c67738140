"""What is remembered of calls so that the next ones can be estimated."""

from __future__ import annotations

from tokenguard.policy import estimate
from tokenguard.policy.estimate import Turn
from tokenguard.records import Call, Facts, Usage


class Turns:
    """The requests of calls in flight, and the last settled turn of every session with each model."""

    def __init__(self) -> None:
        self._sent: dict[int, Facts] = {}
        self._last: dict[tuple[str, str], Turn] = {}

    def begin(self, call: Call, facts: Facts) -> None:
        """A call is about to be decided."""
        self._sent[call.id] = facts

    def end(self, call: Call) -> Facts:
        """A call has ended, or was not forwarded; what its request said."""
        return self._sent.pop(call.id, Facts(call.model))

    def learn(self, call: Call, facts: Facts, usage: Usage) -> None:
        """The provider has told what a call took."""
        self._last[call.session, call.model] = Turn(facts.body_bytes, usage, call.started_us)

    def likely(self, call: Call, facts: Facts) -> Usage:
        """What a call will probably take."""
        return estimate.likely(facts, self._last.get((call.session, call.model)), call.started_us)

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session that has ended."""
        for key in [key for key in self._last if key[0] == session]:
            del self._last[key]
