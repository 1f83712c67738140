"""What Droid keeps of tokens: sums of each session, in a document of its settings.

- `tokenUsage` is cumulative over the session and over its models: what is new since the last look is a row, of the
  model that the settings name then, at the time at which the file was written.
- Deduplication key: the session, by the file's name.
- Overlap: none; `inputTokens` leaves the cache out. `thinkingTokens` are beside `outputTokens` and billed like these.
- `providerLockTimestamp` is when the session began, not when tokens were used. Credits are not dollars.
- The folder stands in the first line of the transcript beside it.

Source: the settings files as ccusage 20, tokscale 4 and codeburn read them; the program itself is closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    Document,
    File,
    Found,
    Odd,
    Places,
    Sighting,
    Snapshot,
    Source,
)
from tokenguard.agents.logs.values import provider_named, provider_of
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "droid"

_END = ".settings.json"
_CUSTOM = "custom:"
_DECORATION = re.compile(r"-?\[[^\]]*\](-\d+)?$")
"""What stands around the name of a model that a user has defined: `custom:GLM-5.1-[Proxy]-0`."""


class _Tokens(Struct):
    inputTokens: Count | None = None
    outputTokens: Count | None = None
    thinkingTokens: Count | None = None
    cacheReadTokens: Count | None = None
    cacheCreationTokens: Count | None = None


class _Settings(Struct):
    model: str | None = None
    providerLock: str | None = None
    tokenUsage: _Tokens | None = None


class _Start(Struct):
    type: str | None = None
    cwd: str | None = None


_SETTINGS = Reader(_Settings)
_START = Reader(_Start)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    root = places.home / (places.env.get("FACTORY_DIR") or ".factory") / "sessions"
    return (Document(root, (f"**/*{_END}",), _read),)


def _read(file: File, content: bytes, odd: Odd) -> Iterator[Snapshot] | Found:
    """See `Document.read`."""
    settings, whole = _SETTINGS.read(content)
    if settings is None:
        odd(DROPPED, "not-json")
        return ()
    if not whole:
        odd(DOUBTFUL, "malformed")
    usage = _usage(settings.tokenUsage or _Tokens())
    if not usage.total:
        return ()
    session = file.path.rpartition("/")[2].removesuffix(_END)
    model = _model(settings.model or "")
    total = Sighting(
        key=session,
        agent=NAME,
        session=session,
        at_us=file.modified_us,
        provider=provider_of(model) or provider_named(settings.providerLock),
        model=model,
        usage=usage,
        folder=_folder(file, session),
    )
    return (Snapshot(total),)


def _model(name: str) -> str:
    if not name.startswith(_CUSTOM):
        return name
    return _DECORATION.sub("", name.removeprefix(_CUSTOM))


def _folder(file: File, session: str) -> str | None:
    start, _ = _START.read(file.beside(f"{session}.jsonl").partition(b"\n")[0])
    return start.cwd if start is not None and start.type == "session_start" else None


def _usage(tokens: _Tokens) -> Usage:
    thinking = tokens.thinkingTokens or 0
    return Usage(
        input=tokens.inputTokens or 0,
        cache_read=tokens.cacheReadTokens or 0,
        cache_write_5m=tokens.cacheCreationTokens or 0,
        output=(tokens.outputTokens or 0) + thinking,
        reasoning=thinking,
    )
