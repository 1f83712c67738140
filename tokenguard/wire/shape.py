"""The shape that every dialect module has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from tokenguard.records import Facts, Reading

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

EXACT_MARKS = frozenset({"cache-fields-overlap", "hidden-output", "zero-input-ignored"})
"""Marks of a reading that is exact all the same: a quirk that recorded bills settle. Any other makes it an estimate."""


class Refusal(Struct, frozen=True):
    """An HTTP answer that says no."""

    status: int
    content_type: str
    body: bytes


class Meter(Protocol):
    """Reads a response body in pieces of any size; any split of the same bytes gives the same reading.

    Neither method raises, whatever the bytes; memory stays bounded (`sse.MAX_EVENT`).
    """

    def feed(self, chunk: bytes, /) -> None:
        """Take the next bytes of the body, already decoded from any content encoding."""
        ...

    def reading(self, *, ended: bool) -> Reading:
        """What was read so far; `ended` says that the body came to its regular end. May be called repeatedly."""
        ...


class Filter(Protocol):
    """Takes what `inject` caused out of a response stream again."""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that the client may have now; the rest is kept until it can be judged."""
        ...

    def finish(self) -> bytes:
        """What was kept, at the end of the stream."""
        ...


class Dialect(Protocol):
    """A provider's protocol; implemented by modules."""

    @property
    def NAME(self) -> str:
        """Name in the ledger: `anthropic-messages`, `openai-chat`, `openai-responses`, `gemini`."""
        ...

    def claims(self, method: str, path: str) -> bool:
        """Whether this request is a billed call of the dialect; `path` has no query."""
        ...

    def facts(self, path: str, body: bytes) -> Facts:
        """Read a request body, decoded from any content encoding. Raises `ValueError` if it is not of this dialect."""
        ...

    def meter(self, facts: Facts, provider: str, *, stream: bool, headers: Mapping[str, str] = NO_HEADERS) -> Meter:
        """A meter for the response to that request; `stream` says that the response is a stream of events.

        `headers` are those of the response, looked up in lower case: Bedrock counts some calls only there.
        """
        ...

    def refuse(self, text: str) -> Refusal:
        """`text` as an error of this protocol that makes its client libraries stop and show it."""
        ...
