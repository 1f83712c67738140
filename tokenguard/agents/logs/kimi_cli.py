"""What Kimi CLI keeps: a file of JSON lines for each session, and one for each of its sub-agents.

- A response is a `StatusUpdate` with `token_usage`, which is its own and never cumulative. Other updates have none.
- Deduplication key: `message_id`, the provider's id of the response: what a sub-agent does stands in its own file and,
  within `SubagentEvent`s, in its parent's; forking and undoing copy history into another session. Without an id, the
  session, the sub-agent and the place in the file.
- Overlap: none; `input_other` leaves the cache out.
- The model is in no line: it is what the settings name by default, or what a sub-agent was started with.
- The folder is what `kimi.json` has, whose MD5 is the name of the folder of sessions.
- Calls that make a conversation shorter are not logged.

Source: `soul/kimisoul.py`, `wire/file.py`, `subagents/runner.py`, `session_fork.py` of version 1.49.
"""

from __future__ import annotations

import hashlib
from functools import cached_property

from msgspec import Struct

from tokenguard.agents.kimi_settings import SERVICES, objects
from tokenguard.agents.logs.identity import lasting
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import instant
from tokenguard.agents.settings import parse_toml, text_at
from tokenguard.agents.side import identifier
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "kimi-cli"

_WIRE = "/wire.jsonl"
_SUBAGENTS = "/subagents/"
_UPDATE = "StatusUpdate"
_COPIES = ("Fork: ", "Undo: ")
"""How the titles of sessions begin whose history was copied from another one."""
_DEEPEST = 8
"""Sub-agents within sub-agents."""


class _Tokens(Struct):
    input_other: Count | None = None
    input_cache_read: Count | None = None
    input_cache_creation: Count | None = None
    output: Count | None = None


class _Payload(Struct):
    token_usage: _Tokens | None = None
    message_id: str | None = None
    agent_id: str | None = None
    subagent_type: str | None = None
    parent_tool_call_id: str | None = None
    task_tool_call_id: str | None = None
    event: _Event | None = None


class _Event(Struct):
    type: str | None = None
    payload: _Payload | None = None


class _Line(_Event):
    """A line: older versions have the message itself in it."""

    timestamp: float | str | None = None
    message: _Event | None = None


class _Launch(Struct):
    effective_model: str | None = None


class _Meta(Struct):
    subagent_type: str | None = None
    launch_spec: _Launch | None = None


class _State(Struct):
    custom_title: str | None = None


class _Folder(Struct):
    path: str = ""


class _Folders(Struct):
    work_dirs: list[_Folder] = []


_LINE = Reader(_Line)
_META = Reader(_Meta)
_STATE = Reader(_State)
_FOLDERS = Reader(_Folders)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    share = places.home / (places.env.get("KIMI_SHARE_DIR") or ".kimi")
    patterns = ("*/*/wire.jsonl", "*/*/subagents/*/wire.jsonl")
    return (Lines(share / "sessions", patterns, (b'"token_usage"',), _Wire),)


class _Wire:
    """See `Follower`. A line needs nothing of those before it."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._file = file
        self._odd = odd
        folder, _, subagent = file.path.removesuffix(_WIRE).partition(_SUBAGENTS)
        self._subagent = subagent or None
        self._session = folder.rpartition("/")[2]
        self._project = folder.split("/")[-2]
        self._above = "../../" if subagent else ""

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        found, whole = _LINE.read(line)
        if found is None:
            self._odd(DROPPED, "not-json")
            return ()
        event, subagent, kind = _innermost(found.message or found, self._subagent)
        payload = event.payload
        if payload is None or payload.token_usage is None:
            if not whole and event.type == _UPDATE:
                self._odd(DROPPED, "malformed")
            return ()
        if event.type != _UPDATE:
            self._odd(UNKNOWN, identifier(event.type) or "none")
            return ()
        usage = _usage(payload.token_usage)
        own = subagent is None or subagent == self._subagent
        name = lasting(payload.message_id)
        if not usage.total or (name is None and not own and self._has_file(subagent)):
            return ()
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        provider, model = self._served
        return (
            Sighting(
                key=name or f"{self._session}/{subagent or ''}/{offset}",
                agent=NAME,
                session=self._session,
                at_us=instant(found.timestamp),
                provider=provider,
                model=model,
                usage=usage,
                response_id=name,
                subagent=identifier(subagent),
                subagent_type=identifier(kind) if kind else self._kind,
                sidechain=subagent is not None,
                copied=self._copied,
                folder=self._folder,
            ),
        )

    def save(self) -> bytes:
        """See `Follower.save`."""
        return b""

    def _has_file(self, subagent: str | None) -> bool:
        """Whether a sub-agent has a file of its own, in which its responses are logged too."""
        name = identifier(subagent)
        return name is not None and bool(self._file.beside(f"{self._above}subagents/{name}/meta.json"))

    @cached_property
    def _meta(self) -> _Meta:
        found, _ = _META.read(self._file.beside("meta.json")) if self._subagent else (None, True)
        return found or _Meta()

    @property
    def _kind(self) -> str | None:
        return identifier(self._meta.subagent_type)

    @cached_property
    def _copied(self) -> bool:
        state, _ = _STATE.read(self._file.beside(f"{self._above}state.json"))
        return ((state and state.custom_title) or "").startswith(_COPIES)

    @cached_property
    def _served(self) -> tuple[str, str]:
        """(provider, model) by the settings as they are now; the model is empty where they name none."""
        settings = parse_toml(self._file.beside(f"{self._above}../../../config.toml").decode("utf-8", "replace")) or {}
        launched = self._meta.launch_spec
        name = (launched and launched.effective_model) or text_at(settings, "default_model") or ""
        entry = objects(settings, "models").get(name, {})
        provider = objects(settings, "providers").get(text_at(entry, "provider") or "", {})
        service = SERVICES.get(text_at(provider, "type") or "kimi")
        return service.provider if service else "kimi", text_at(entry, "model") or name

    @cached_property
    def _folder(self) -> str | None:
        known, _ = _FOLDERS.read(self._file.beside(f"{self._above}../../../kimi.json"))
        paths = [folder.path for folder in known.work_dirs] if known else []
        digests = {hashlib.md5(path.encode(), usedforsecurity=False).hexdigest(): path for path in paths}
        return digests.get(self._project)


def _innermost(event: _Event, subagent: str | None) -> tuple[_Event, str | None, str | None]:
    """(what happened, the sub-agent to which it did, its kind): what sub-agents do is wrapped in events of theirs."""
    kind = None
    for _ in range(_DEEPEST):
        payload = event.payload
        if payload is None or payload.event is None:
            break
        subagent = payload.agent_id or payload.parent_tool_call_id or payload.task_tool_call_id or subagent
        event, kind = payload.event, payload.subagent_type
    return event, subagent, kind


def _usage(tokens: _Tokens) -> Usage:
    return Usage(
        input=tokens.input_other or 0,
        cache_read=tokens.input_cache_read or 0,
        cache_write_5m=tokens.input_cache_creation or 0,
        output=tokens.output or 0,
    )
