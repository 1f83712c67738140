"""What the documents of a task of Cline and its kin say, as far as spending is concerned."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from tokenguard.agents.logs.counts import with_cache_inside
from tokenguard.agents.logs.shape import File
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader


class _Model(Struct):
    providerId: str | None = None
    modelId: str | None = None


class _Condensed(Struct):
    cost: float | None = None


class Message(Struct):
    """A message in the window of a task."""

    ts: float | None = None
    type: str | None = None
    say: str | None = None
    text: str | None = None
    modelInfo: _Model | None = None
    contextCondense: _Condensed | None = None


class Request(Struct):
    """What the text of a message about a request says."""

    request: str | None = None
    apiProtocol: str | None = None
    tokensIn: Count | None = None
    tokensOut: Count | None = None
    cacheReads: Count | None = None
    cacheWrites: Count | None = None
    cost: float | None = None


class Used(Struct):
    """One of those models."""

    ts: float | None = None
    model_id: str | None = None
    model_provider_id: str | None = None


class Metadata(Struct):
    """Of `task_metadata.json`: which models a task used, and since when."""

    model_usage: list[Used] = []


class Item(Struct):
    """What a list of all tasks says of one."""

    id: str | None = None
    workspace: str | None = None
    cwdOnTaskInitialization: str | None = None
    parentTaskId: str | None = None


MESSAGES = Reader(list[Message])
REQUESTS = Reader(Request)
METADATA = Reader(Metadata)
_ITEM = Reader(Item)
_ITEMS = Reader(list[Item])


def usage_of(request: Request) -> Usage:
    """The tokens of a request."""
    counts = (request.tokensIn or 0, request.cacheReads or 0, request.cacheWrites or 0, request.tokensOut or 0)
    if request.apiProtocol is not None:
        return with_cache_inside(*counts)
    prompt, read, written, output = counts
    return Usage(input=prompt, cache_read=read, cache_write_5m=written, output=output)


def item_of(file: File, task: str) -> Item:
    """The entry of a task: Roo Code's is beside the document, Cline's is one for all."""
    own, _ = _ITEM.read(file.beside("history_item.json"))
    return own or _listed(file.beside("../../state/taskHistory.json")).get(task, Item())


@lru_cache(1)
def _listed(content: bytes) -> dict[str, Item]:
    items, _ = _ITEMS.read(content)
    return {item.id: item for item in items or () if item.id}
