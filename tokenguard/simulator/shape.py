"""The values that the simulator's parts hand to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeAlias

from msgspec import Struct

Json: TypeAlias = dict[str, object]
"""A JSON object."""

SSE = "text/event-stream; charset=utf-8"

CREATED = 1_790_000_000
"""The second at which every response says it was made: the same request has to give the same bytes."""


class Usage(Struct, frozen=True):
    """Tokens in disjoint buckets; `reasoning` is a memo of what is inside `output`."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All that was sent, cached or not."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write_5m + other.cache_write_5m,
            self.cache_write_1h + other.cache_write_1h,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


class Leg(Struct, frozen=True):
    """One priced part of a call."""

    model: str
    usage: Usage
    kind: str = "message"
    fees: dict[str, int] = {}
    """Counted tool uses: `{"web_search": 2}`."""
    tier: str = "default"
    """`default`, `flex`, `priority`, or Anthropic's `fast`."""
    geo: str = "global"
    nanos: int = 0


class Block(Struct, frozen=True):
    """One part of a prompt, reduced to what counting and caching need."""

    digest: bytes
    tokens: int
    cache: str | None = None
    """`5m` or `1h` where the client put a cache breakpoint behind this block."""


class Tool(Struct, frozen=True):
    """A tool that the request offers."""

    name: str
    schema: Json
    kind: str = "function"
    """`function`, `local_shell`, or `custom`: one that takes plain text."""
    namespace: str | None = None


class Ask(Struct, frozen=True):
    """A request, in the same words for every dialect."""

    dialect: str
    model: str
    prompt: tuple[Block, ...]
    stream: bool = False
    said: str = ""
    """The last thing that a person wrote: markers are read from it."""
    rounds: int = 0
    """Results of tool calls since then."""
    result: str = ""
    """What the last tool call returned."""
    tools: tuple[Tool, ...] = ()
    schema: Json | None = None
    """JSON schema that the answer has to follow."""
    max_output: int | None = None
    thinks: bool = False
    shows_thinking: bool = True
    tier: str = "default"
    geo: str = "global"
    include_usage: bool = True
    """False for a chat stream whose client did not ask for usage."""
    media_type: str = SSE
    """Of the answer, if it is a stream. A Gemini stream without `alt=sse` is one JSON array."""
    called: str | None = None
    """What the answer calls the model, where it is not the name that has the price (Bedrock)."""
    previous: str | None = None
    """Id of the response that this request continues (OpenAI Responses)."""
    stored: bool = False
    """Whether the provider keeps the conversation, so that it can be continued by id."""
    generates: bool = True
    """False for a warm-up, which only reads its prompt (OpenAI Responses over WebSocket)."""


class Call(Struct, frozen=True):
    """A tool call that the answer makes."""

    tool: Tool
    arguments: Json


class Answer(Struct, frozen=True):
    """What the model says."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    """All at once."""
    searches: int = 0
    """Web searches that the provider ran on its own side."""
    limited: bool = False
    """Whether the output limit of the request cut it short."""


class Reply(Struct, frozen=True):
    """An answer with its bill, ready to be worded in a dialect."""

    ask: Ask
    answer: Answer
    key: str
    """What ids and chunk sizes derive from."""
    model: str
    """The name under which the model served."""
    legs: tuple[Leg, ...]
    """The last one is the message itself."""

    @property
    def usage(self) -> Usage:
        """Of the message itself."""
        return self.legs[-1].usage


class Event(Struct, frozen=True):
    """A piece of a streamed response."""

    data: bytes
    output: int
    """Output tokens generated once this piece exists."""


class Rejected(Exception):
    """The request is refused with this status and message, as the provider would."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Request(Struct, frozen=True):
    """What a dialect needs of an HTTP request."""

    path: str
    query: dict[str, str]
    body: Json


class Seen(Struct):
    """A request that arrived; over a WebSocket, each message that asks for an answer is one."""

    method: str
    """Of HTTP, or the type of the message."""
    path: str
    status: int = 0
    """0 while it has no answer."""
    max_output: int | None = None
    """The output limit that it sets, in tokens."""
    model: str = ""
    """Which it asks; empty if it asks none."""


class Dialect(Protocol):
    """A provider's protocol; implemented by modules."""

    @property
    def NAME(self) -> str:
        """Name in the bill: `anthropic-messages`, `openai-responses`, `bedrock-converse`..."""
        ...

    def read(self, request: Request) -> Ask:
        """Understand a request. Raises `Rejected`."""
        ...

    def whole(self, reply: Reply) -> bytes:
        """The response as one JSON document."""
        ...

    def events(self, reply: Reply) -> Iterator[Event]:
        """The response as a stream."""
        ...

    def headers(self, key: str) -> dict[str, str]:
        """Headers that name the request."""
        ...

    def identity(self, key: str) -> str:
        """The id of the response."""
        ...

    def count(self, request: Request) -> bytes:
        """The answer of the provider's free token counter."""
        ...

    def failure(self, status: int, message: str, key: str) -> bytes:
        """An error as a JSON document."""
        ...

    def broken(self, key: str) -> bytes:
        """An error in the middle of a stream."""
        ...

    def padding(self, size: int) -> bytes:
        """One well-formed stream event of about `size` bytes that says nothing."""
        ...
