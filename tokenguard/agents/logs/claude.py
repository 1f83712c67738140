"""What Claude Code keeps: a file of JSON lines for each session, and one for each of its sub-agents.

- A billed line is of type `assistant` and has `message.usage`. One response has a line for each block of its content,
  and each repeats the usage; the output is small at first and grows: counters are per response, never cumulative over
  responses, and the largest of each holds.
- Deduplication key: `message.id` alone, everywhere: resuming and forking copy history into other files and give it
  another session, and sub-agents' ids are repeated in `progress` lines of their parents. Without one, `uuid`.
- `toolUseResult.usage` of a `user` line sums up a sub-agent whose own lines are elsewhere: never counted. Answers of
  model `<synthetic>` never were any.
- Overlap: `input_tokens` leaves the cache out. Cache writes are `cache_creation_input_tokens`, or the sum of the split
  by duration if that is more; what is not of one hour is of five minutes.
- An advisor's turn (`usage.iterations`, type `advisor_message`) was answered by another model, is not in the counts
  around it, and is a response of its own here. Compactions and fallbacks are likewise when they name another model, or
  when the top level leaves them out.
- The output is known to be too low in some versions: what is logged is an estimate.

Source: the files of versions 1.0 to 2.1, measured; the same rules that `wire.anthropic_usage` reads responses by.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import begun_anew, instant, provider_of
from tokenguard.agents.side import identifier
from tokenguard.records import Context, Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "claude"

_KNOWN = frozenset({"assistant", "user", "progress", "system", "summary", "attachment", "queue-operation"})


class _Split(Struct):
    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class _Details(Struct):
    thinking_tokens: Count | None = None


class _Counts(Struct):
    type: str | None = None
    model: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: _Split | None = None
    output_tokens_details: _Details | None = None


class _Usage(_Counts):
    server_tool_use: dict[str, Count | None] | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: list[_Counts] | None = None


class _Message(Struct):
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None


class _Line(Struct):
    type: str | None = None
    message: _Message | None = None
    uuid: str | None = None
    timestamp: str | None = None
    sessionId: str | None = None
    cwd: str | None = None
    gitBranch: str | None = None
    isSidechain: bool | None = None
    agentId: str | None = None
    forkedFrom: dict[str, object] | None = None


class _Meta(Struct):
    agentType: str | None = None


_LINE = Reader(_Line)
_META = Reader(_Meta)
_NO_SPLIT = _Split()


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    given = places.env.get("CLAUDE_CONFIG_DIR", "")
    named = [part.strip() for part in given.split(",") if part.strip()]
    roots = [places.home / part.removeprefix("~/") for part in named]
    roots = roots or [places.home / ".claude", places.config() / "claude"]
    return tuple(
        Lines(root / folder, ("**/*.jsonl",), (b'put_tokens"',), _Transcript)
        for root in roots
        for folder in ("projects", "transcripts")
    )


class _Transcript:
    """See `Follower`. A line needs nothing of those before it."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._odd = odd
        self._file = file
        folder, _, name = file.path.rpartition("/")
        self._stem = name.partition(".")[0]
        self._session = self._stem
        self._subagent = identifier(self._stem.removeprefix("agent-")) if self._stem.startswith("agent-") else None
        if self._subagent and "/subagents" in folder:
            self._session = folder.rpartition("/subagents")[0].rpartition("/")[2]
        self._types: dict[str, str | None] = {}
        self._told: tuple[object, ...] = ()

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        found, whole = _LINE.read(line)
        if found is None:
            self._odd(DROPPED, "not-json")
            found, whole = _LINE.read(begun_anew(line))
        if found is None:
            return ()
        if found.type != "assistant":
            if found.type not in _KNOWN:
                self._odd(UNKNOWN, identifier(found.type) or "none")
            return ()
        message = found.message
        if message is None or message.usage is None:
            if not whole:
                self._odd(DROPPED, "no-usage")
            return ()
        if message.model == "<synthetic>":
            return ()
        key = message.id or found.uuid
        if not key:
            self._odd(DROPPED, "no-id")
            return ()
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        # Of the lines of one response most say the same.
        told = (key, message.usage, found.sessionId, found.isSidechain, found.forkedFrom is None)
        if told == self._told:
            return ()
        self._told = told
        return self._sightings(key, found, message, message.usage)

    def save(self) -> bytes:
        """See `Follower.save`."""
        return b""

    def _sightings(self, key: str, line: _Line, message: _Message, usage: _Usage) -> list[Sighting]:
        model = message.model or ""
        subagent = identifier(line.agentId) or (self._subagent if line.isSidechain else None)
        fees = _fees(usage)
        main = Sighting(
            key=key,
            agent=NAME,
            session=line.sessionId or self._session,
            at_us=instant(line.timestamp),
            provider="anthropic" if model.startswith("claude") else provider_of(model) or "anthropic",
            model=model,
            usage=_usage(usage),
            response_id=message.id,
            subagent=subagent,
            subagent_type=self._type_of(subagent) if subagent else None,
            sidechain=bool(line.isSidechain),
            copied=line.forkedFrom is not None,
            folder=line.cwd,
            branch=line.gitBranch,
            context=Context(usage.service_tier, usage.speed, usage.inference_geo),
            fees=fees,
        )
        beside = _beside(main, usage.iterations) if usage.iterations else []
        found = [one for one in (main, *beside) if one.usage.total or one.fees]
        if not found:
            self._odd(DROPPED, "no-tokens")
        return found

    def _type_of(self, subagent: str) -> str | None:
        """What kind of sub-agent it is, by the file beside its own."""
        if subagent not in self._types:
            folder = "" if self._subagent else f"{self._stem}/subagents/"
            meta, _ = _META.read(self._file.beside(f"{folder}agent-{subagent}.meta.json") or b"{}")
            self._types[subagent] = identifier(meta.agentType) if meta else None
        return self._types[subagent]


def _beside(main: Sighting, iterations: list[_Counts]) -> list[Sighting]:
    """What was paid for beside the counts of the top level, each as a response of its own.

    Those are the sum of the `message`s, or the fallback alone: what was declined before it without output was free.
    """
    fallen_back = any(part.type == "fallback_message" for part in iterations)
    found: list[Sighting] = []
    for index, part in enumerate(iterations):
        attempt = part.type in ("message", "fallback_message", None)
        declined = fallen_back and part.type != "fallback_message" and part.output_tokens
        if not attempt or declined:
            model = part.model or main.model
            extra = replace(main, key=f"{main.key}/{index}", model=model, usage=_usage(part), fees=())
            found.append(replace(extra, request_class="compaction") if part.type == "compaction" else extra)
    return found


def _usage(counts: _Counts) -> Usage:
    split = counts.cache_creation or _NO_SPLIT
    long = split.ephemeral_1h_input_tokens or 0
    written = max(counts.cache_creation_input_tokens or 0, long + (split.ephemeral_5m_input_tokens or 0))
    output = counts.output_tokens or 0
    details = counts.output_tokens_details
    return Usage(
        counts.input_tokens or 0,
        counts.cache_read_input_tokens or 0,
        written - long,
        long,
        output,
        min(details.thinking_tokens or 0, output) if details else 0,
    )


def _fees(usage: _Usage) -> tuple[tuple[str, int], ...]:
    if not usage.server_tool_use:
        return ()
    return tuple(sorted((name.removesuffix("_requests"), n) for name, n in usage.server_tool_use.items() if n))
