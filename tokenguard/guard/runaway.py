"""What is remembered of each session to see whether its agents run in circles: counts and fingerprints, no content."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct, field

from tokenguard.config.sections import LoopSettings
from tokenguard.policy import loops, pacing
from tokenguard.policy.loops import ACTIONS, RULES, Failures, Finding, Sameness, Streak
from tokenguard.policy.pacing import Pace
from tokenguard.records import Call, Facts

__all__ = ["Finding", "Runaway"]

_MOST_SESSIONS = 1_000
_MOST_CONVERSATIONS = 200
"""Of one session; the one that was not used for longest is forgotten first, as with all that is remembered here."""
_MOST_STREAKS = 8
_MOST_CALLS = 10_000
"""That were asked about and have not ended: those that were refused never end."""

K = TypeVar("K")
V = TypeVar("V")


class _Conversation(Struct):
    streaks: dict[int, Streak] = field(default_factory=dict[int, Streak])
    """By what is called: agents that began with the same words share a conversation."""
    same: Sameness = Sameness()
    failures: Failures = Failures()
    ended_us: int | None = None
    """When the last of its calls did."""


class _Session(Struct):
    conversations: dict[int, _Conversation] = field(default_factory=dict[int, _Conversation])
    pace: Pace = Pace()
    found: dict[tuple[str, int], None] = field(default_factory=dict[tuple[str, int], None])
    """Rules that hold calls up, and the conversations in which they do."""


class _Asked(Struct, frozen=True):
    """A call that has not ended."""

    session: str
    conversation: int
    body: int


class Runaway:
    """Judges every call before it is made."""

    def __init__(self, settings: LoopSettings) -> None:
        self._settings = settings
        self._sessions: dict[str, _Session] = {}
        self._asked: dict[int, _Asked] = {}

    def judge(self, call: Call, facts: Facts, likely_nanos: int) -> Finding | None:
        """What is odd about a call that is asked for now, and what is to be done; the gravest, where there are several.

        A warning is given once, and again when as much has happened again. A hold is asked for until `excuse`, a
        refusal is repeated until the agent does something else.
        """
        if facts.max_output == 0:
            # A warm-up asks for nothing.
            return None
        session = _entry(self._sessions, call.session, _Session, _MOST_SESSIONS)
        ident = _ident(call, facts)
        conversation = _entry(session.conversations, ident, _Conversation, _MOST_CONVERSATIONS)
        _put(self._asked, call.id, _Asked(call.session, ident, facts.trail.body), _MOST_CALLS)
        waited_us = 0 if conversation.ended_us is None else max(0, call.started_us - conversation.ended_us)
        if facts.trail.repeats:
            streak = loops.repeated(conversation.streaks.pop(facts.trail.calls, Streak()), facts.trail, waited_us)
            _put(conversation.streaks, facts.trail.calls, streak, _MOST_STREAKS)
        conversation.same = loops.asked(conversation.same, facts.trail.body, waited_us)
        conversation.failures = loops.in_a_row(conversation.failures, call.started_us)
        if self._settings.velocity:
            session.pace = pacing.aged(session.pace, call.started_us)
        for rule in RULES:
            session.found.pop((rule, ident), None)
        found = self._found(session, conversation, facts, likely_nanos)
        if not found:
            return None
        gravest = max(found, key=lambda one: ACTIONS.index(one.action))
        if gravest.action == "warn":
            _excuse(session, gravest.rule, ident)
        else:
            _put(session.found, (gravest.rule, ident), None, _MOST_CONVERSATIONS)
        return gravest

    def settled(self, call: Call, *, failed: bool, nanos: int, ended_us: int) -> None:
        """A call has ended; `failed` if it did not get a whole answer."""
        asked = self._asked.pop(call.id, None)
        session = self._sessions.get(asked.session) if asked is not None else None
        if asked is None or session is None:
            return
        if self._settings.velocity:
            session.pace = pacing.spent(session.pace, asked.conversation, nanos, ended_us)
        conversation = session.conversations.get(asked.conversation)
        if conversation is None:
            return
        conversation.ended_us = ended_us
        conversation.same = loops.answered(conversation.same, asked.body, failed=failed)
        conversation.failures = loops.failed(conversation.failures, ended_us) if failed else Failures()

    def forget(self, session: str) -> None:
        """A session has ended."""
        self._sessions.pop(session, None)
        for call_id in [call_id for call_id, asked in self._asked.items() if asked.session == session]:
            del self._asked[call_id]

    def excuse(self, session: str) -> None:
        """A person says that it is all right: what was found last is found again when as much has happened again."""
        found = self._sessions.get(session)
        if found is not None:
            for rule, ident in found.found:
                _excuse(found, rule, ident)
            found.found.clear()

    def _found(self, session: _Session, conversation: _Conversation, facts: Facts, likely_nanos: int) -> list[Finding]:
        settings = self._settings
        found: list[Finding] = []
        streak = conversation.streaks.get(facts.trail.calls)
        if streak is not None and loops.is_circling(streak, settings.repeats):
            found.append(loops.circling(facts.trail.tool, streak.repeats, self._action("repeats")))
        if loops.is_the_same(conversation.same, settings.identical):
            found.append(loops.same_again(conversation.same.succeeded + 1, self._action("identical")))
        if loops.is_storm(conversation.failures, settings.failures):
            found.append(loops.storm(conversation.failures.count, self._action("failures")))
        times = pacing.speed(session.pace, likely_nanos) if settings.velocity else 0.0
        if settings.velocity and times >= settings.velocity:
            found.append(loops.racing(times, self._action("velocity")))
        return found

    def _action(self, rule: str) -> str:
        return self._settings.actions.get(rule, self._settings.at_limit)


def _ident(call: Call, facts: Facts) -> int:
    """Of a conversation: by how its text began, or by what it repeats, where the provider holds all before that."""
    prompt = facts.prompt
    begins = prompt.opening if prompt.continues is None else facts.trail.calls
    return hash((call.model, call.provider, facts.has_tools, prompt.continues is None, begins))


def _excuse(session: _Session, rule: str, ident: int) -> None:
    conversation = session.conversations.get(ident)
    if rule == "velocity":
        session.pace = pacing.told(session.pace)
    elif conversation is not None and rule == "repeats":
        last = next(reversed(conversation.streaks))
        conversation.streaks[last] = loops.told(conversation.streaks[last])
    elif conversation is not None and rule == "identical":
        conversation.same = loops.told_same(conversation.same)
    elif conversation is not None:
        conversation.failures = loops.told_failures(conversation.failures)


def _entry(table: dict[K, V], key: K, make: type[V], most: int) -> V:
    value = table.pop(key, None)
    if value is None:
        value = make()
    _put(table, key, value, most)
    return value


def _put(table: dict[K, V], key: K, value: V, most: int) -> None:
    table[key] = value
    if len(table) > most:
        del table[next(iter(table))]
