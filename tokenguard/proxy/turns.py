"""The calls that run over one WebSocket: asked for, admitted or refused, metered and settled one by one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.proxy.answers import UNKNOWN_SESSION
from tokenguard.proxy.crossing import Guard
from tokenguard.proxy.routing import Route
from tokenguard.records import Call, Reading
from tokenguard.wire import openai_responses, openai_socket
from tokenguard.wire.openai_socket import SocketMeter, Turn

_PROGRESS_EVERY = 0.3
"""Seconds."""
_OFF_LOOP = 1 << 20
"""Bytes from which on a message is read in a thread."""

_log = logging.getLogger(__name__)


class _Running(Struct):
    call: Call
    next_progress: float
    sent: bool = True
    """Whether the message that asks for it may have arrived."""


class Turns:
    """Brings the turns of one socket before the guard. Nothing here touches a message."""

    def __init__(self, guard: Guard, route: Route, headers: Mapping[str, str]) -> None:
        """`headers` are those with which the client asked for the socket."""
        self._guard = guard
        self._route = route
        self._headers = headers
        self._clock = asyncio.get_running_loop().time
        self._meter = SocketMeter()
        self._deciding = 0
        self._running: dict[Turn, _Running] = {}

    @property
    def idle(self) -> bool:
        """Whether no turn runs, and none is being decided."""
        return not self._running and not self._deciding

    async def ask(self, message: bytes) -> Turn | bytes | None:
        """A message of the client, before it is sent on: the turn that it asks for, None if it asks for none.

        Bytes are the message to send back instead: the turn is refused.
        """
        self._deciding += 1
        try:
            turn = await _asked(message)
            if turn is None:
                return None
            refusal = await self._admit(turn)
            if refusal is not None:
                return openai_socket.refuse(refusal, turn.stream_id)
            self._meter.begin(turn)
            return turn
        finally:
            self._deciding -= 1

    def unsent(self, turn: Turn) -> None:
        """The message that asks for a turn could not be sent on."""
        if turn in self._running:
            self._running[turn].sent = False

    def tell(self, message: bytes) -> None:
        """A message of the upstream, once it is sent on."""
        turn = self._received(message)
        if turn is None:
            return
        running = self._running.get(turn)
        if running is None:
            running = self._begin(turn)
            self._guard.join(running.call)
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

    async def _admit(self, turn: Turn) -> str | None:
        """Why a turn is refused; None if it may run."""
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
            return f"tokenguard: internal error ({type(error).__name__}), see the daemon's log"
        except BaseException:
            del self._running[turn]
            raise
        if admission.refusal is None:
            return None
        del self._running[turn]
        return admission.verdict.reason

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

    def _tell_progress(self, call: Call, turn: Turn) -> None:
        try:
            self._guard.progress(call, turn.reading())
        except Exception as error:
            _log.error("the progress of a call could not be told: %s", type(error).__name__)


async def _asked(message: bytes) -> Turn | None:
    try:
        if len(message) < _OFF_LOOP:
            return openai_socket.asked(message)
        return await asyncio.to_thread(openai_socket.asked, message)
    except Exception as error:
        # What it leads to is noticed by its events, and counts.
        _log.error("a message over a WebSocket could not be read: %s", type(error).__name__)
        return None


def _outcome(turn: Turn) -> str:
    if turn.status is None or turn.status < 300:
        return "ok" if turn.reading().error is None else "provider-error"
    return "refused-upstream" if turn.status < 500 else "provider-error"
