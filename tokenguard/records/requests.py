"""What a request says about its cost before it is sent. No content."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Lineage(Struct, frozen=True):
    """What shows that a request repeats all that an earlier one sent, as fingerprints of this process. Never stored."""

    terms: int = 0
    """Of the parameters by which a provider makes a prompt of the rest; 0 where nothing can be shown."""
    head: tuple[tuple[int, int], ...] = ()
    """Fingerprint and bytes of each part that stands before the messages: system prompts, definitions of tools."""
    messages: tuple[int, ...] = ()
    """Of each message, in order."""
    ends: tuple[int, ...] = ()
    """Bytes of all messages up to each one and with it."""
    media: tuple[int, ...] = ()
    """The messages, by their place, that hold images, documents or sounds, whose tokens do not follow from bytes."""
    deferred_bytes: int = 0
    """Of definitions of tools that a provider keeps out of the prompt until they are needed."""


class Prompt(Struct, frozen=True):
    """What a request sends, by kind: its tokens are estimated from it. No content; empty where it was not read.

    Bytes are those of the JSON in which it is sent, without the framing of messages and their parts. What stands before
    the last compaction block is left out: the provider drops it.
    """

    messages: int = 0
    text_bytes: int = 0
    """Text, and the arguments and results of tools."""
    grain: float = 0.0
    """Bytes of a word, a number or a sign, on average over a sample of the text; 0 where there was none."""
    other_bytes: int = 0
    """All that is not a message: definitions of tools, the schema of the answer, parameters."""
    media: int = 0
    """Images, documents and sounds within the body."""
    media_bytes: int = 0
    sealed_bytes: int = 0
    """Reasoning that only the provider can read."""
    cache_life: str | None = None
    """For how long it asks that its prefix be cached: `5m` or `1h`; None where it does not ask."""
    opening: int = 0
    """Fingerprint of the text up to the first answer: requests of one conversation share it. Never stored."""
    refers: bool = False
    """Whether it may refer to content that is elsewhere."""
    continues: str | None = None
    """Id of the response that this request continues and does not repeat: the provider holds what came before."""
    lineage: Lineage = Lineage()


class Step(Struct, frozen=True):
    """A tool that was called. Never stored."""

    tool: str
    command: str = ""
    """What a shell was to run, its first characters; empty for other tools."""


class Trail(Struct, frozen=True):
    """What a request repeats, as fingerprints of this process: 0 where there is nothing. Never stored."""

    body: int = 0
    """Of all that is asked. Two requests that share it are the same request."""
    tool: str = ""
    """Name of the tool that the last turn called (the first one, where it called several)."""
    calls: int = 0
    """Of all tools, with their arguments, that the last turn called; their order does not matter."""
    repeats: int = 0
    """How many turns in a row, the last one included, called exactly these, as far as the request shows it."""
    brings_results: bool = False
    """Whether the request ends with what tools returned, and not with a prompt."""
    steps: tuple[Step, ...] = ()
    """The tools that the last turn called, as far as the request names them."""


class Facts(Struct, frozen=True):
    """What a request says about its cost, read before it is sent."""

    model: str
    stream: bool = False
    max_output: int | None = None
    """The output limit in the request, in tokens; None where it sets none."""
    body_bytes: int = 0
    """Size of the decoded request body."""
    has_tools: bool = False
    provided_tools: int = 0
    """Tools that the provider defines itself: their definitions are not in the body."""
    uncapped: tuple[str, ...] = ()
    """What makes the input unbounded, by name: server tools without a maximum, state that the provider holds."""
    tier: str | None = None
    """Service tier asked for."""
    speed: str | None = None
    rounds: int = 1
    """How often the model is called at most: once more than server tools may be used. Each time bills its prompt."""
    prompt: Prompt = Prompt()
    least_output: int = 1
    """The least output limit that the provider would take with the rest of the request: more than it is to think."""
    trail: Trail = Trail()
    counted: int | None = None
    """The most tokens that the prompt has, by the provider's own count, where it was asked for one."""
    about: Mapping[str, str] = {}
    """What the client says of itself in the body, such as Codex' `client_metadata`. Never stored."""
    wanted: tuple[str, ...] = ()
    """Names of the properties that the answer is to have, where it is to be JSON of a given shape."""
    compacts: bool = False
    """Whether it asks the provider to make a conversation shorter, and for nothing else."""
