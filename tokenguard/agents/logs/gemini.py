"""What Gemini CLI keeps: a file for each chat, of JSON lines since 0.5x and one JSON document before.

- A response is a message of type `gemini` with `tokens`, which are its own and never cumulative. It is written again,
  with the same id, when its tokens or tool calls arrive; `$set` lines repeat the whole chat; resuming an old document
  copies it into lines. What was rewound was still paid for.
- Deduplication key: the message's `id`.
- Overlap: `cached` is inside `input`, `thoughts` are outside `output` and `tool` outside `input`; `total` tells where
  an API counts otherwise (`logs.google`).
- A sub-agent's chat is below its parent's id. Calls of routers, and others that are no chat, are in no file, and no id
  of the provider's is.
- The folder stands in `.project_root`, or is what `projects.json` maps to the name of the chat's folder, which older
  versions made of its SHA-256.

Source: the writer in version 0.61, and its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tokenguard.agents.logs import google
from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    UNKNOWN,
    Document,
    File,
    Found,
    Lines,
    Odd,
    Places,
    Sighting,
    Source,
)
from tokenguard.agents.logs.values import instant
from tokenguard.agents.side import identifier
from tokenguard.wire.decoding import Count, Reader

NAME = "gemini"


class _Tokens(Struct):
    input: Count | None = None
    output: Count | None = None
    cached: Count | None = None
    thoughts: Count | None = None
    tool: Count | None = None
    total: Count | None = None


class _Message(Struct):
    type: str | None = None
    id: str | None = None
    timestamp: str | None = None
    model: str | None = None
    tokens: _Tokens | None = None


class _Changes(Struct):
    sessionId: str | None = None
    messages: list[_Message] | None = None


class _Record(_Message):
    """A line, or a whole document: a message, or what is known of the chat."""

    sessionId: str | None = None
    projectHash: str | None = None
    kind: str | None = None
    messages: list[_Message] | None = None
    changes: _Changes | None = msgspec.field(default=None, name="$set")


class _Chat(Struct):
    """What is known of a chat; a follower's state."""

    id: str
    parent: str | None = None
    """Of a sub-agent's chat: the one that started it."""
    folder: str | None = None


class _Projects(Struct):
    projects: dict[str, str] = {}


_RECORD = Reader(_Record)
_PROJECTS = Reader(_Projects)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    home = places.home / places.env.get("GEMINI_CLI_HOME", "")
    root = home / ".gemini" / "tmp"
    return (
        Lines(root, ("*/chats/**/*.jsonl",), (b'"tokens"', b'"sessionId"'), _Follower),
        Document(root, ("*/chats/**/*.json",), _read),
    )


class _Follower:
    """See `Follower`. The first line says which chat it is."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._file = file
        self._odd = odd
        self._chat = msgspec.json.decode(state, type=_Chat) if state else _chat(file, _Record())

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        record = _record(line, self._odd)
        if record is None:
            return ()
        if record.sessionId:
            self._chat = _chat(self._file, record)
        return _sightings(self._file, self._chat, record, self._odd)

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._chat)


def _read(file: File, content: bytes, odd: Odd) -> Found:
    """See `Document.read`."""
    record = _record(content, odd)
    return () if record is None else _sightings(file, _chat(file, record), record, odd)


def _record(data: bytes, odd: Odd) -> _Record | None:
    record, whole = _RECORD.read(data)
    if record is None:
        odd(DROPPED, "not-json")
    elif not whole:
        odd(DOUBTFUL, "malformed")
    return record


def _sightings(file: File, chat: _Chat, record: _Record, odd: Odd) -> Iterator[Sighting]:
    changed = record.changes.messages if record.changes else None
    for message in (record, *(record.messages or ()), *(changed or ())):
        if message.tokens is None:
            continue
        if message.type != "gemini":
            odd(UNKNOWN, identifier(message.type) or "none")
            continue
        found = _sighting(file, chat, message, message.tokens, odd)
        if found is not None:
            yield found


def _sighting(file: File, chat: _Chat, message: _Message, tokens: _Tokens, odd: Odd) -> Sighting | None:
    usage = google.usage(
        tokens.input or 0,
        tokens.output or 0,
        tokens.cached or 0,
        tokens.thoughts or 0,
        tokens.tool or 0,
        tokens.total or 0,
    )
    if not usage.total:
        return None
    at_us = instant(message.timestamp)
    if not message.id and not at_us:
        odd(DROPPED, "no-id")
        return None
    return Sighting(
        key=message.id or f"{chat.id}/{at_us}",
        agent=NAME,
        session=chat.parent or chat.id,
        at_us=at_us,
        provider=NAME,
        model=message.model or "",
        usage=usage,
        subagent=chat.id if chat.parent else None,
        sidechain=chat.parent is not None,
        folder=chat.folder,
    )


def _chat(file: File, record: _Record) -> _Chat:
    before, _, below = file.path.rpartition("/chats/")
    steps = below.split("/")
    parent = steps[-2] if record.kind == "subagent" and len(steps) > 1 else None
    folder = _folder(file, before.rpartition("/")[2], record.projectHash, "../" * len(steps))
    return _Chat(record.sessionId or steps[-1].partition(".")[0], parent, folder)


def _folder(file: File, name: str, digest: str | None, above: str) -> str | None:
    """Where the agent worked: `name` is that of its project's folder, `above` the way there from the file's."""
    if marker := file.beside(f"{above}.project_root").decode("utf-8", "replace").strip():
        return marker
    known, _ = _PROJECTS.read(file.beside(f"{above}../../projects.json") or b"{}")
    for folder, short in (known or _Projects()).projects.items():
        if name == short or hashlib.sha256(folder.encode()).hexdigest() in (name, digest):
            return folder
    return None
