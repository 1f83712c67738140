"""OpenAI Responses over one WebSocket: many calls, one after the other or side by side.

The client sends `response.create`; the server answers with the events of the HTTP stream, one a message. A later turn
sends only what is new and names the response that it continues, so its size says little of its input: see
`Prompt.continues`. `stream_id` multiplexes: turns of one stream follow each other, streams run in parallel.

A warm-up (`generate` is false) asks for no output, and later turns continue it. Codex sends one before its first turn.
OpenAI reports its input like any other's and does not say whether it is billed: it is charged as it is reported, with
the mark `warm-up`. One that reports nothing costs nothing.
"""

from __future__ import annotations

from collections import deque

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from tokenguard.records import Facts, Reading, Trail
from tokenguard.wire import openai_responses
from tokenguard.wire.decoding import Reader
from tokenguard.wire.items import Item, items_of
from tokenguard.wire.repeating import brings_results, calls_of, fingerprint_of, name_of, steps_of
from tokenguard.wire.responses_usage import ResponseAccount
from tokenguard.wire.sse import MAX_EVENT
from tokenguard.wire.steps import Called

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})
_ITEM_DONE = "response.output_item.done"
_TELLING = frozenset({"response.created", _ITEM_DONE}) | _LAST


class _Response(Struct):
    id: str | None = None


class _Message(Struct):
    type: str = ""
    stream_id: str = ""
    generate: bool | None = None
    response: _Response | None = None
    status: int | None = None
    status_code: int | None = None


class _Done(Struct):
    item: Item | None = None


class _Asking(Struct):
    input: Raw = Raw()


_MESSAGE = Reader(_Message)
_DONE = Reader(_Done)
_ASKING = Reader(_Asking)

_REMEMBERED = 200
"""Responses of a socket of which it is remembered what tools they called."""

_UNSTATED = 400
"""Status of an `error` that names none."""


def claims(method: str, path: str) -> bool:
    """Whether a request for a WebSocket is one for Responses; `path` has no query."""
    return method == "GET" and path.rstrip("/").endswith("/responses")


class Turn:
    """One response: from its `response.create` to its last event."""

    def __init__(self, facts: Facts, stream_id: str, *, generates: bool = True, brings_results: bool = False) -> None:
        self.facts = facts
        self.stream_id = stream_id
        self.generates = generates
        """False for a warm-up."""
        self.brings_results = brings_results
        """Whether it goes on with what tools returned."""
        self.called: list[Called] = []
        """The tools that its response called, so far."""
        self.response_id: str | None = None
        self.status: int | None = None
        """What it would be over HTTP: 200 from the first event on, else what the `error` says that came instead."""
        self.ended = False
        self._account = ResponseAccount(facts.model)
        self._output_bytes = 0

    def reading(self) -> Reading:
        """What was read of it so far."""
        reading = replace(self._account.reading(ended=self.ended), output_bytes=self._output_bytes)
        return reading if self.generates or not self.ended or reading.error is not None else _warmed(reading)

    def take(self, read: _Message, message: bytes) -> None:
        """One of its events."""
        self._output_bytes += sum(map(len, openai_responses.CONTENT.findall(message)))
        if read.type in _TELLING:
            self._account.take("", message)
        if read.type == _ITEM_DONE:
            done = _DONE.read(message)[0]
            self.called += calls_of(done.item) if done is not None and done.item is not None else []
        if self.status is None:
            self.status = 200 if read.type != "error" else read.status or read.status_code or _UNSTATED
        self.ended |= read.type in _LAST


def asked(message: bytes) -> Turn | None:
    """The turn that a message of the client asks for; None if it asks for none."""
    read = _MESSAGE.read(message)[0]
    if read is None or read.type != "response.create":
        return None
    facts = replace(openai_responses.facts("", message), stream=True)
    generates = read.generate is not False
    return Turn(
        facts if generates else replace(facts, max_output=0),
        read.stream_id,
        generates=generates,
        brings_results=facts.prompt.continues is not None and _brings_results(message),
    )


def stream_of(message: bytes) -> str:
    """The stream that a message of the client belongs to."""
    read = _MESSAGE.read(message)[0]
    return read.stream_id if read is not None else ""


def _brings_results(message: bytes) -> bool:
    asking = _ASKING.read(message)[0]
    return asking is not None and brings_results(items_of(asking.input))


class SocketMeter:
    """Follows the messages of one socket in both directions. Nothing raises, whatever they hold."""

    def __init__(self) -> None:
        self._open: dict[str, deque[Turn]] = {}
        self._last_facts = Facts("")
        self._called: dict[str, Trail] = {}

    @property
    def open_turns(self) -> tuple[Turn, ...]:
        """Turns whose last event has not come, in no particular order: what a socket that closes leaves behind."""
        return tuple(turn for turns in self._open.values() for turn in turns)

    def recall(self, turn: Turn) -> None:
        """Let a turn that goes on with results say which calls they are of: its message does not."""
        continued = self._called.get(turn.facts.prompt.continues or "")
        if continued is not None and turn.brings_results:
            turn.facts = replace(turn.facts, trail=replace(continued, body=turn.facts.trail.body))

    def begin(self, turn: Turn) -> None:
        """A turn is asked for."""
        self._open.setdefault(turn.stream_id, deque()).append(turn)
        self._last_facts = turn.facts

    def received(self, message: bytes) -> Turn | None:
        """A message of the server: the turn that it belongs to, which has ended if it was the last of it."""
        read = _MESSAGE.read(message)[0] if len(message) <= MAX_EVENT else None
        if read is None:
            return None
        turn = self._owner(read)
        if turn is None:
            return None
        turn.take(read, message)
        if turn.ended:
            self._remember(turn)
            self._end(turn)
        return turn

    def _remember(self, turn: Turn) -> None:
        if turn.response_id is None or not turn.called:
            return
        calls, before = fingerprint_of(turn.called), turn.facts.trail
        repeats = before.repeats + 1 if calls == before.calls else 1
        self._called[turn.response_id] = Trail(
            0, name_of(turn.called[0]), calls, repeats, brings_results=True, steps=steps_of(turn.called)
        )
        if len(self._called) > _REMEMBERED:
            del self._called[next(iter(self._called))]

    def _end(self, turn: Turn) -> None:
        turns = self._open[turn.stream_id]
        turns.remove(turn)
        if not turns:
            del self._open[turn.stream_id]

    def _owner(self, read: _Message) -> Turn | None:
        turns = self._open.get(read.stream_id)
        response_id = read.response.id if read.response is not None else None
        if read.type == "response.created":
            waiting = next((turn for turn in turns or () if turn.response_id is None), None)
            if waiting is None:
                # The server goes on by itself, as after a `response.steer`: a call that nobody asked for costs, too.
                waiting = Turn(self._last_facts, read.stream_id)
                self.begin(waiting)
            waiting.response_id = response_id
            return waiting
        if turns:
            return next((turn for turn in turns if response_id and turn.response_id == response_id), turns[0])
        # An error need not say which stream it ends; with a single turn there is no doubt.
        everything = self.open_turns
        return everything[0] if read.type == "error" and not read.stream_id and len(everything) == 1 else None


def _warmed(reading: Reading) -> Reading:
    """The reading of a warm-up that came to its end."""
    if reading.legs:
        return replace(reading, marks=(*reading.marks, "warm-up"))
    return replace(reading, state="final", marks=tuple(mark for mark in reading.marks if mark != "all-zero-usage"))


def refuse(text: str, stream_id: str = "") -> bytes:
    """`text` as the message that ends a turn in a way after which Codex stops and shows it."""
    response: dict[str, object] = {
        "id": "resp_tokenguard",
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": "invalid_prompt", "message": text},
        "output": [],
        "usage": None,
    }
    message: dict[str, object] = {"type": "response.failed", "sequence_number": 0, "response": response}
    if stream_id:
        message["stream_id"] = stream_id
    return msgspec.json.encode(message)
