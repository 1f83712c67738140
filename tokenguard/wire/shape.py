"""The shape that every dialect module has."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tokenguard.records import Facts, Reading


class Refusal(Struct, frozen=True):
    """An HTTP answer that says no."""

    status: int
    content_type: str
    body: bytes


class Meter(Protocol):
    """Reads a response body in pieces of any size; any split of the same bytes gives the same reading.

    Neither method raises, whatever the bytes; memory stays bounded (`sse.MAX_EVENT`).
    """

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body, already decoded from any content encoding."""
        ...

    def reading(self, *, ended: bool) -> Reading:
        """What was read so far; `ended` says that the body came to its regular end. May be called repeatedly."""
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

    def meter(self, facts: Facts, provider: str, *, stream: bool) -> Meter:
        """A meter for the response to that request; `stream` says that the response is an event stream."""
        ...

    def refuse(self, text: str) -> Refusal:
        """`text` as an error of this protocol that makes its client libraries stop and show it."""
        ...
