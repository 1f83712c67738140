"""The calls that run over one WebSocket: asked for, admitted or refused, metered and settled one by one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy import wording
from tokenguard.policy.retrying import harmless
from tokenguard.proxy import messages
from tokenguard.proxy.answers import UNKNOWN_SESSION, unchangeable
from tokenguard.proxy.crossing import Guard
from tokenguard.proxy.messages import Admitted
from tokenguard.proxy.routing import Route
from tokenguard.records import Call, Reading
from tokenguard.wire import official_codex, openai_responses, openai_socket
from tokenguard.wire.openai_socket import SocketMeter, Turn

_PROGRESS_EVERY = 0.3
"""Seconds."""
_log = logging.getLogger(__name__)


class _Running(Struct):
    call: Call
    next_progress: float
    sent: bool = False
    """Whether the message that asks for it may have arrived."""


class Turns:
    """Brings the turns of one socket before the guard."""

    def __init__(self, guard: Guard, route: Route, headers: Mapping[str, str], opened: Mapping[str, str]) -> None:
        """`headers` are those with which the client asked for the socket, `opened` those with which it was opened."""
        self._guard = guard
        self._route = route
        self._headers = headers
        self._opened: Mapping[str, str] | None = opened
        """Until they are told: they are of that moment."""
        self._clock = asyncio.get_running_loop().time
        self._meter = SocketMeter()
        self._deciding = 0
        self._running: dict[Turn, _Running] = {}

    @property
    def idle(self) -> bool:
        """Whether no turn runs, and none is being decided."""
        return not self._running and not self._deciding

    async def read(self, message: bytes) -> Turn | None:
        """The turn that a message of the client asks for; None if it asks for none."""
        with self._busy():
            return await messages.asked(message)

    async def decide(self, turn: Turn, message: bytes) -> Admitted | bytes:
        """Bring a turn before the guard, which takes minutes where a person is asked.

        Bytes are the message to send back instead: it is refused. If this is cancelled, `end` settles what there is.
        """
        with self._busy():
            self._meter.recall(turn)
            admitted = await self._admit(turn, message)
            if isinstance(admitted, str):
                return openai_socket.refuse(harmless(admitted, openai_socket.refuse), turn.stream_id)
            self._running[admitted.turn].sent = True
            self._meter.begin(admitted.turn)
            return admitted

    def unsent(self, turn: Turn) -> None:
        """The message that asks for a turn could not be sent on."""
        if turn in self._running:
            self._running[turn].sent = False

    def tell(self, message: bytes) -> None:
        """A message of the upstream, once it is sent on."""
        turn = self._received(message)
        if headers := official_codex.event_headers(message):
            for each in self._running.values():
                self._tell_headers(each.call, headers)
        if turn is None:
            return
        running = self._running.get(turn)
        if running is None:
            running = self._begin(turn)
            self._guard.join(running.call)
        if self._opened is not None:
            self._tell_headers(running.call, self._opened)
            self._opened = None
        if turn.ended:
            self._settle(turn, _outcome(turn))
            return
        now = self._clock()
        if now >= running.next_progress:
            running.next_progress = now + _PROGRESS_EVERY
            self._tell_progress(running.call, turn)

    def end(self, outcome: str, *marks: str) -> None:
        """Settle the turns that have not ended; `marks` are added to what was read of them."""
        for turn in list(self._running):
            self._settle(turn, outcome, *marks)

    @contextmanager
    def _busy(self) -> Generator[None]:
        self._deciding += 1
        try:
            yield
        finally:
            self._deciding -= 1

    async def _admit(self, turn: Turn, message: bytes) -> Admitted | str:
        """What may be sent, or why it is refused."""
        token = self._route.token
        if token is not None and self._guard.session_of(token) is None:
            # A socket may outlive the session in which it was opened.
            return f"tokenguard: {UNKNOWN_SESSION}"
        running = self._begin(turn)
        try:
            admission = await self._guard.admit(running.call, turn.facts)
        except Exception as error:
            del self._running[turn]
            _log.error("a call over a WebSocket could not be decided: %s", type(error).__name__)
            return wording.plain_refusal("it could not be decided. See tokenguard doctor and the log of its daemon")
        except BaseException:
            del self._running[turn]
            raise
        if admission.refusal is not None:
            del self._running[turn]
            return admission.verdict.reason
        running.call = admission.call
        if admission.model is None and admission.max_output is None:
            return Admitted(turn, message)
        changed = await messages.changed(message, self._route.path, admission, lambda turn: self._meter.recall(turn))
        del self._running[turn]
        if changed is None:
            self._guard.settle(running.call, Reading(), status=None, outcome="refused-here")
            return unchangeable(admission.model)
        self._running[changed.turn] = running
        return changed

    def _begin(self, turn: Turn) -> _Running:
        call = self._guard.begin(
            self._route.session,
            provider=self._route.provider,
            dialect=openai_responses.NAME,
            facts=turn.facts,
            headers=self._headers,
        )
        running = self._running[turn] = _Running(call, self._clock() + _PROGRESS_EVERY)
        return running

    def _settle(self, turn: Turn, outcome: str, *marks: str) -> None:
        running = self._running.pop(turn)
        reading = turn.reading()
        if turn.status is None:
            reading = Reading(marks=("sent",) if running.sent else ())
        if marks:
            reading = replace(reading, marks=(*reading.marks, *marks))
        self._guard.settle(running.call, reading, status=turn.status, outcome=outcome)

    def _received(self, message: bytes) -> Turn | None:
        try:
            return self._meter.received(message)
        except Exception as error:
            # Only the type: a message may quote what was said. What ran is booked as far as it was read.
            _log.error("the meter of a WebSocket failed with %s", type(error).__name__)
            self._meter = SocketMeter()
            self.end("cut", "meter-failed")
            return None

    def _tell_headers(self, call: Call, headers: Mapping[str, str]) -> None:
        try:
            self._guard.answered(call, headers)
        except Exception as error:
            _log.error("what came with an answer could not be read: %s", type(error).__name__)

    def _tell_progress(self, call: Call, turn: Turn) -> None:
        try:
            self._guard.progress(call, turn.reading())
        except Exception as error:
            _log.error("the progress of a call could not be told: %s", type(error).__name__)


def _outcome(turn: Turn) -> str:
    if turn.status is None or turn.status < 300:
        return "ok" if turn.reading().error is None else "provider-error"
    return "refused-upstream" if turn.status < 500 else "provider-error"
