"""What Amp keeps: a JSON document for each thread, written anew as a whole.

- A response is an event of `usageLedger`, or, in a thread without one, an assistant's message with `usage`: one or the
  other, because both tell of the same responses. Neither is cumulative.
- Deduplication key: thread and the message that the response became, which both name; an event of another kind is known
  by its own id.
- Overlap: none. Where an event does not tell the cache, its message does. A message whose `totalInputTokens` is no more
  than its `inputTokens` has the cache in them.
- Credits are Amp's own and no dollars: what is logged is valued at the list price of the model.
- Calls are made on Amp's servers: none of them comes through the proxy, and no id of the provider's is logged.

Source: public descriptions of the format; its inference is not on this machine, so that nothing could be measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    UNKNOWN,
    Document,
    File,
    Found,
    Odd,
    Places,
    Sighting,
    Source,
)
from tokenguard.agents.logs.values import instant, provider_of
from tokenguard.agents.side import identifier
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "amp"

_BRANCHES = "refs/heads/"


class _Tokens(Struct):
    input: Count | None = None
    output: Count | None = None
    cacheReadInputTokens: Count | None = None
    cacheCreationInputTokens: Count | None = None
    total: Count | None = None


class _Event(Struct):
    id: str | int | None = None
    timestamp: float | str | None = None
    model: str | None = None
    tokens: _Tokens | None = None
    toMessageId: str | int | None = None


class _Counts(Struct):
    timestamp: float | str | None = None
    model: str | None = None
    inputTokens: Count | None = None
    outputTokens: Count | None = None
    cacheReadInputTokens: Count | None = None
    cacheCreationInputTokens: Count | None = None
    totalInputTokens: Count | None = None
    totalTokens: Count | None = None


class _Meta(Struct):
    sentAt: float | str | None = None


class _Message(Struct):
    role: str | None = None
    messageId: str | int | None = None
    model: str | None = None
    timestamp: float | str | None = None
    meta: _Meta | None = None
    usage: _Counts | None = None


class _Ledger(Struct):
    events: list[_Event] | None = None


class _Repository(Struct):
    ref: str | None = None


class _Tree(Struct):
    uri: str | None = None
    repository: _Repository | None = None


class _Initial(Struct):
    trees: list[_Tree] | None = None


class _Environment(Struct):
    initial: _Initial | None = None


class _Thread(Struct):
    id: str | None = None
    created: float | str | None = None
    messages: list[_Message] | None = None
    usageLedger: _Ledger | None = None
    env: _Environment | None = None


class _Response(Struct, frozen=True):
    """What an event or a message says."""

    name: str
    at: float | str | None
    model: str | None
    usage: Usage


_THREAD = Reader(_Thread)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    return (Document(places.data() / "amp", ("threads/**/*.json",), _read),)


def _read(file: File, content: bytes, odd: Odd) -> Found:
    """See `Document.read`."""
    thread, whole = _THREAD.read(content)
    if thread is None:
        odd(DROPPED, "not-json")
        return ()
    if not whole:
        odd(DOUBTFUL, "malformed")
    return _sightings(thread, thread.id or file.path.rpartition("/")[2].removesuffix(".json"), odd)


def _sightings(thread: _Thread, name: str, odd: Odd) -> Iterator[Sighting]:
    folder, branch = _place(thread)
    events = thread.usageLedger.events if thread.usageLedger else None
    for response in _of_events(thread, events) if events else _of_messages(thread, odd):
        if not response.usage.total:
            continue
        model = response.model or ""
        yield Sighting(
            key=f"{name}/{response.name}",
            agent=NAME,
            session=name,
            at_us=instant(response.at),
            provider=provider_of(model),
            model=model,
            usage=response.usage,
            folder=folder,
            branch=branch,
        )


def _of_events(thread: _Thread, events: list[_Event]) -> Iterator[_Response]:
    messages = {message.messageId: message.usage for message in thread.messages or () if message.usage}
    for index, event in enumerate(events):
        # A message has one response, and what else was asked for it has no cache to be found there.
        told = messages.pop(event.toMessageId, None)
        name = f"event-{event.id or index}" if told is None else str(event.toMessageId)
        tokens, counts = event.tokens or _Tokens(), told or _Counts()
        read, written = tokens.cacheReadInputTokens, tokens.cacheCreationInputTokens
        usage = Usage(
            input=tokens.input or 0,
            cache_read=(counts.cacheReadInputTokens if read is None else read) or 0,
            cache_write_5m=(counts.cacheCreationInputTokens if written is None else written) or 0,
            output=tokens.output or 0,
        )
        yield _Response(name, event.timestamp, event.model or counts.model, _or_total(usage, tokens.total))


def _of_messages(thread: _Thread, odd: Odd) -> Iterator[_Response]:
    asked = thread.created
    for index, message in enumerate(thread.messages or ()):
        asked = (message.meta.sentAt if message.meta else None) or asked
        usage = message.usage
        if usage is not None and message.role != "assistant":
            odd(UNKNOWN, identifier(message.role) or "none")
        elif usage is not None:
            name = str(index if message.messageId is None else message.messageId)
            at = usage.timestamp or message.timestamp or asked
            yield _Response(name, at, usage.model or message.model, _or_total(_usage(usage), usage.totalTokens))


def _usage(counts: _Counts) -> Usage:
    sent, read, written = (
        counts.inputTokens or 0,
        counts.cacheReadInputTokens or 0,
        counts.cacheCreationInputTokens or 0,
    )
    if counts.totalInputTokens == sent:
        sent = max(0, sent - read - written)
    return Usage(input=sent, cache_read=read, cache_write_5m=written, output=counts.outputTokens or 0)


def _or_total(usage: Usage, total: int | None) -> Usage:
    """What is known only as a total could be output, which costs most."""
    return usage if usage.total else Usage(output=total or 0)


def _place(thread: _Thread) -> tuple[str | None, str | None]:
    """(folder, branch) in which the thread began."""
    trees = thread.env.initial.trees if thread.env and thread.env.initial else None
    if not trees:
        return None, None
    address, repository = urlsplit(trees[0].uri or ""), trees[0].repository
    folder = unquote(address.path) if address.scheme == "file" else None
    ref = repository.ref if repository else None
    return folder or None, ref.removeprefix(_BRANCHES) if ref and ref.startswith(_BRANCHES) else None
