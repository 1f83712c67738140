"""What is remembered of calls so that the next ones can be estimated: of each conversation, session and model."""

from __future__ import annotations

import logging
from operator import attrgetter
from typing import Any, TypeVar

from msgspec.structs import replace

from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import Ledger, queries
from tokenguard.policy import estimate, lineage
from tokenguard.policy.estimate import Estimate, Experience, Turn
from tokenguard.policy.lineage import Counted
from tokenguard.records import Call, Facts, Lineage, Reading, Trail, Usage
from tokenguard.wire.shape import EXACT_MARKS

_MOST = 2_000
"""Of everything that is remembered, as many entries; the one that was not used for longest is forgotten first."""

_KEPT_EVERY_US = 10_000_000
"""What was learned is written at most that often, and whenever a session ends: losing the last of it does no harm."""

_MOST_COUNTED = 8
"""Requests that are remembered of one conversation: it forks where an agent asks aside, or goes back."""

_EXACT = EXACT_MARKS | {"drained"}
_INEXACT = frozenset({"ollama"})
"""Dialects whose counts leave out what a server has in its cache, now and then."""

_NOTHING = Experience()

_NO_LINEAGE = Lineage()
_NO_TRAIL = Trail()
_LENGTH = attrgetter("length")

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")


class Turns:
    """The requests of calls in flight, the last settled turn of every conversation, and what was learned.

    A session has many conversations: between two turns of the main one, agents ask for titles, let other models judge
    and run agents of their own. A turn continues the one whose text began like its own.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._sent: dict[int, Facts] = {}
        self._last: dict[tuple[str, str, bool, int], Turn] = {}
        self._answers: dict[tuple[str, str], Turn] = {}
        self._held: dict[tuple[str, str], Counted] = {}
        self._counted: dict[tuple[str, str, str, str, int], tuple[Counted, ...]] = {}
        self._models = queries.experience(ledger.read())
        self._sessions: dict[tuple[str, str, str, bool], Experience] = {}
        self._unkept: dict[tuple[str, str, bool], Experience] = {}
        self._keep_at_us = 0

    def begin(self, call: Call, facts: Facts) -> None:
        """A call is about to be decided."""
        self._sent[call.id] = facts

    def end(self, call: Call) -> Facts:
        """A call has ended, or was not forwarded; what its request said."""
        return self._sent.pop(call.id, Facts(call.model))

    def sent(self, call: Call) -> Facts | None:
        """What the request of a call in flight said."""
        return self._sent.get(call.id)

    def before(self, call: Call, facts: Facts) -> Turn | None:
        """The turn that a call continues, as far as it is known."""
        if facts.prompt.continues is not None:
            turn = self._answers.get((call.session, facts.prompt.continues))
            return turn if turn is None or turn.facts.model == call.model else _uncached(turn)
        return self._last.get(_conversation(call, facts))

    def repeated(self, call: Call, facts: Facts) -> int | None:
        """The most tokens that a call's prompt has, if it repeats one that was counted; None if it shows none."""
        if facts.prompt.continues is not None:
            held = self._held.get((call.session, facts.prompt.continues))
            return lineage.most_tokens(facts, held) if held is not None else None
        earlier = self._counted.get(_beginning(call, facts), ())
        # Of two that it repeats, the longer one leaves less to be bounded by bytes.
        for one in sorted(earlier, key=_LENGTH, reverse=True):
            if (tokens := lineage.most_tokens(facts, one)) is not None:
                return tokens
        return None

    def estimate(self, call: Call, facts: Facts) -> Estimate:
        """What a call will take."""
        kind = (call.provider, call.model, facts.has_tools)
        model = self._models.get(kind, _NOTHING)
        session = self._sessions.get((call.session, *kind), _NOTHING)
        return estimate.estimate(facts, self.before(call, facts), call.started_us, model, session)

    def likely(self, call: Call, facts: Facts) -> Usage:
        """What a call will probably take."""
        return self.estimate(call, facts).likely

    def learn(self, call: Call, facts: Facts, reading: Reading) -> None:
        """The provider has told what a call took."""
        usage, last = _own(reading), self.before(call, facts)
        if usage.prompt and call.dialect not in _INEXACT and _EXACT.issuperset(reading.marks):
            self._count(call, facts, usage, reading.response_id)
        # Not kept for longer than that: a long conversation has many fingerprints.
        facts = replace(facts, about={}, trail=_NO_TRAIL, prompt=replace(facts.prompt, lineage=_NO_LINEAGE))
        if facts.max_output == 0:
            # A warm-up teaches nothing but what the provider holds, which is at most as many tokens as bytes.
            held = usage if usage.prompt else Usage(input=facts.body_bytes + (last.usage.total if last else 0))
            if reading.response_id is not None:
                _remember(self._answers, (call.session, reading.response_id), Turn(facts, held, call.started_us))
            return
        if usage.prompt:
            turn = Turn(facts, usage, call.started_us)
            _remember(self._last, _conversation(call, facts), turn)
            if reading.response_id is not None:
                _remember(self._answers, (call.session, reading.response_id), turn)
        kind = (call.provider, call.model, facts.has_tools)
        mine = (call.session, *kind)
        _remember(self._sessions, mine, estimate.learned(self._sessions.get(mine, _NOTHING), facts, last, usage))
        learned = estimate.learned(self._models.get(kind, _NOTHING), facts, last, usage)
        _remember(self._models, kind, learned)
        self._unkept[kind] = learned
        if call.started_us >= self._keep_at_us:
            self._keep_at_us = call.started_us + _KEPT_EVERY_US
            self._keep()

    def _count(self, call: Call, facts: Facts, usage: Usage, response_id: str | None) -> None:
        counted, held = lineage.counted(facts, usage.prompt), lineage.held(facts, usage.total)
        if counted is not None:
            key = _beginning(call, facts)
            others = (one for one in self._counted.get(key, ()) if one.messages != counted.messages)
            _remember(self._counted, key, (counted, *others)[:_MOST_COUNTED])
        if held is not None and response_id is not None:
            _remember(self._held, (call.session, response_id), held)

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session that has ended; what it taught of its models is written down."""
        self._keep()
        _drop(self._last, session)
        _drop(self._answers, session)
        _drop(self._held, session)
        _drop(self._counted, session)
        _drop(self._sessions, session)

    def _keep(self) -> None:
        for kind, learned in self._unkept.items():
            unwaited(self._ledger.learn(*kind, learned), "what a call taught", logging.WARNING)
        self._unkept.clear()


def _conversation(call: Call, facts: Facts) -> tuple[str, str, bool, int]:
    return call.session, call.model, facts.has_tools, facts.prompt.opening


def _beginning(call: Call, facts: Facts) -> tuple[str, str, str, str, int]:
    """By how a conversation is told from others where nothing may be mixed up: by its first message."""
    first = next(iter(facts.prompt.lineage.messages), 0)
    return call.session, call.provider, call.dialect, call.model, first


def _uncached(turn: Turn) -> Turn:
    """A turn as another model sees it, which has nothing of it in its cache."""
    usage = turn.usage
    return replace(turn, usage=Usage(input=usage.prompt, output=usage.output))


def _own(reading: Reading) -> Usage:
    """The prompt that the next turn repeats, with all output: not that of a compaction, nor of a model that advises."""
    usage = next((leg.usage for leg in reversed(reading.legs) if leg.kind == "message"), reading.usage)
    return replace(usage, output=reading.usage.output)


def _remember(table: dict[K, V], key: K, value: V) -> None:
    table.pop(key, None)
    table[key] = value
    if len(table) > _MOST:
        del table[next(iter(table))]


def _drop(table: dict[K, V], session: str) -> None:
    for key in [key for key in table if key[0] == session]:
        del table[key]
