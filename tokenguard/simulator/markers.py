"""Directions to the simulator that stand in a prompt, so that unmodified agents can be driven: `[sim:output=2000]`."""

from __future__ import annotations

import re

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.simulator.shape import Rejected

_MARKER = re.compile(r"\[sim:([a-z-]+)(?:=([^\]\s]+))?\]")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)?")
_SIZE = re.compile(r"(\d+)(kB|MB)?")
HALFWAY = -1
"""For faults in a stream: after half of the output."""


class Directions(Struct, frozen=True):
    """What the markers of a prompt ask for; each field is the marker of that name."""

    turns: int = 0
    """`tool` = 1, `turns=5`: so many tool calls before the final text."""
    loop: int = 0
    """`loop=5`: so many of them, each the same as the one before."""
    parallel: int = 1
    """`parallel=3`: so many tool calls in each answer that has any."""
    delegate: str | None = None
    """`delegate=KIND`: a sub-agent of that kind is given a task, `parallel` of them at once."""
    use: str | None = None
    """`use=NAME`: a tool whose name ends like that is called, with the least that its schema asks for."""
    output: int | None = None
    """`output=2000`: exact length of the final text, in tokens."""
    thinking: int | None = None
    """`thinking=300`: so many tokens of it; `thinking=0`: none."""
    search: int = 0
    """`search=2`: web searches by the provider, with their fee (Anthropic, OpenAI Responses)."""
    advisor: bool = False
    """A second model is consulted, on a leg of its own (Anthropic)."""
    cold: bool = False
    """The prompt cache has expired."""
    unknown_model: bool = False
    """`unknown-model`: the response names a model that nobody has heard of."""
    wait: float = 0.0
    """`wait=2s`: seconds before the first byte."""
    slow: float = 0.0
    """`slow=20ms`: seconds between events."""
    error: int | None = None
    """`error=529`: this status instead of an answer."""
    fails: int | None = None
    """`fails=1`: only so many of the same requests meet an error, a cut or a hang; the next is answered."""
    garbage: bool = False
    """A page of HTML with status 200."""
    cut: int | None = None
    """`cut`, `cut=30`: the connection closes after that many output tokens."""
    midstream_error: int | None = None
    """`midstream-error`, `midstream-error=30`: an error event at that point, then the end."""
    hang: int | None = None
    """`hang`, `hang=30`: nothing more comes after that point until the client leaves."""
    halfevent: bool = False
    """The stream ends, in good order, in the middle of its last event that carries usage."""
    big: int = 0
    """`big=50MB`: one event, or one JSON field, of that many bytes."""
    gzip: bool = False
    """The response is compressed, if the client accepts it."""
    billing: str | None = None
    """`billing=stop`, `billing=to-end`: what is billed when the client leaves, whatever the provider's habit."""


def all_of(said: str) -> str:
    """The markers in a text, as they stand there."""
    return "".join(found[0] for found in _MARKER.finditer(said))


def without_faults(directions: Directions) -> Directions:
    """The same, but nothing goes wrong."""
    return replace(directions, error=None, cut=None, midstream_error=None, hang=None)


def read(said: str) -> Directions:
    """The directions in a text. Raises `Rejected` for one that does not exist, so that a typing error shows."""
    found: dict[str, object] = {}
    for name, value in _MARKER.findall(said):
        field, parsed = _parse(name, value)
        found[field] = parsed
    return Directions(**found)  # type: ignore[arg-type]  # `_parse` gives each field what it takes


def _parse(name: str, value: str) -> tuple[str, object]:
    field = name.replace("-", "_")
    match name:
        case "tool":
            return "turns", 1
        case "cut" | "midstream-error" | "hang" if not value:
            return field, HALFWAY
        case (
            "turns" | "loop" | "output" | "thinking" | "search" | "error" | "fails" | "cut" | "midstream-error" | "hang"
        ):
            if value.isdecimal():
                return field, int(value)
        case "parallel" if value.isdecimal() and int(value):
            return field, int(value)
        case "delegate" | "use" if value:
            return field, value
        case "slow" | "wait":
            if parts := _DURATION.fullmatch(value):
                return field, float(parts[1]) / (1_000 if parts[2] == "ms" else 1)
        case "big":
            if parts := _SIZE.fullmatch(value):
                return field, int(parts[1]) * {"kB": 1_000, "MB": 1_000_000}.get(parts[2], 1)
        case "billing" if value in ("stop", "to-end"):
            return field, value
        case "advisor" | "cold" | "unknown-model" | "garbage" | "halfevent" | "gzip" if not value:
            return field, True
        case _:
            pass
    raise Rejected(400, f"the simulator knows no marker [sim:{name}{'=' + value if value else ''}]")
