"""Recorded requests with what the provider counted, in the order of their conversations: what estimates are held to.

Two requests are consecutive turns if they were recorded in the same session of the same test, with the same model, and
their text begins alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from tests.corpus.recorded import FOLDER, PROVIDERS, Sidecar
from tokenguard.policy.estimate import Estimate, Experience, Turn, estimate, learned
from tokenguard.records import Facts, Usage
from tokenguard.wire import DIALECTS

NOTHING = Experience()

Kind = tuple[str, str, bool]


class _Recorded(Sidecar):
    source_repo: str = ""
    path: str = ""
    interaction: int = 0
    request_bytes: int | None = None


class Request(Struct, frozen=True):
    """A recorded request."""

    name: str
    provider: str
    half: int
    """0 or 1, by the hash of the path: recordings of one test are in one half."""
    facts: Facts
    last: Turn | None
    """The turn before it, where that was recorded, too."""
    usage: Usage
    """What the provider counted."""
    has_body: bool
    """False where only the size of the request is known."""

    @property
    def kind(self) -> Kind:
        """What the estimator learns by."""
        return self.provider, self.facts.model, self.facts.has_tools


class Guess(Struct, frozen=True):
    """What was expected of a request."""

    request: Request
    estimate: Estimate

    @property
    def error(self) -> float:
        """Of the likely prompt, relative to the true one."""
        return abs(self.estimate.likely.prompt / self.request.usage.prompt - 1)

    @property
    def by_bytes(self) -> float:
        """The same of the usual rule: a token for every four bytes."""
        return abs(self.request.facts.body_bytes / 4 / self.request.usage.prompt - 1)

    @property
    def holds(self) -> bool:
        """Whether the prompt stayed within its bound."""
        return self.request.usage.prompt <= self.estimate.p95.prompt

    @property
    def output_holds(self) -> bool:
        """Whether the output did."""
        return self.request.usage.output <= self.estimate.p95.output


def requests() -> list[Request]:
    """All recorded requests with a bill and a known size; none where the folder is absent."""
    read: list[tuple[str, _Recorded]] = []
    for file in sorted(FOLDER.glob("*/*.meta.json")):
        name = f"{file.parent.name}/{file.name.removesuffix('.meta.json')}"
        read.append((name, msgspec.json.decode(file.read_bytes(), type=_Recorded)))
    read.sort(key=lambda entry: (entry[1].source_repo, entry[1].path, entry[1].interaction))
    found: list[Request] = []
    turns: dict[tuple[str, ...], Turn] = {}
    for name, sidecar in read:
        usage = _usage(sidecar)
        facts = _facts(sidecar)
        if facts is None or not usage.prompt:
            continue
        conversation = (
            sidecar.source_repo,
            sidecar.path,
            facts.model,
            str(facts.has_tools),
            str(facts.prompt.opening),
        )
        provider = PROVIDERS.get(sidecar.provider, sidecar.provider)
        half = sha256(sidecar.path.encode()).digest()[0] % 2
        has_body = bytes(sidecar.request_body) not in (b"", b"null")
        found.append(Request(name, provider, half, facts, turns.get(conversation), usage, has_body))
        if has_body:
            turns[conversation] = Turn(facts, usage, 0)
    return found


def guesses(tested: Iterable[Request], experience: dict[Kind, Experience]) -> list[Guess]:
    """What is expected of each, by what was learned of its kind; each is the first call of its session."""
    return [Guess(one, estimate(one.facts, one.last, 0, experience.get(one.kind, NOTHING), NOTHING)) for one in tested]


def taught_by(seen: Iterable[Request]) -> dict[Kind, Experience]:
    """What these teach, by kind."""
    experience: dict[Kind, Experience] = {}
    for one in seen:
        before = experience.get(one.kind, NOTHING)
        experience[one.kind] = learned(before, one.facts, one.last, one.usage)
    return experience


def held_out(chosen: Callable[[Request], bool]) -> list[Guess]:
    """What is expected of the chosen requests of each half by what the other half taught."""
    everything = requests()
    halves = [[one for one in everything if one.half == half] for half in (0, 1)]
    return [
        guess
        for half in (0, 1)
        for guess in guesses(filter(chosen, halves[half]), taught_by(halves[1 - half]))
    ]  # fmt: skip


def is_bounded(request: Request) -> bool:
    """Whether the request itself tells all that its prompt consists of."""
    return not request.facts.uncapped


def _usage(sidecar: Sidecar) -> Usage:
    total = Usage()
    if sidecar.expected.state == "final":
        for leg in sidecar.expected.legs:
            if leg.billed:
                total += Usage(leg.input_uncached, leg.cache_read, leg.cache_write_5m, leg.cache_write_1h, leg.output)
    return total


def _facts(sidecar: _Recorded) -> Facts | None:
    body = msgspec.json.decode(sidecar.request_body) if sidecar.request_body else None
    if body is None:
        return Facts(sidecar.request_model or "", body_bytes=sidecar.request_bytes) if sidecar.request_bytes else None
    dialect = DIALECTS[sidecar.protocol.removesuffix("-stream")]
    return dialect.facts(urlsplit(sidecar.url or "").path, msgspec.json.encode(body))
