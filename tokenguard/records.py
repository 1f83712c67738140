"""The values that every part speaks: immutable, without behaviour beyond arithmetic, ready for JSON.

Units, everywhere: money is integer **nanodollars** (`nanos`, 10^-9 USD), tokens are integers, instants are integer
**microseconds since the epoch, UTC** (names end in `_us`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Confidence(StrEnum):
    """How far a number can be trusted, best first."""

    EXACT = "exact"
    """The provider said so."""
    ESTIMATED = "estimated"
    """Derived from a log, or from a call that was interrupted."""
    BOUND = "bound"
    """The worst case: it can be less."""

    def worst(self, other: Confidence) -> Confidence:
        """The lesser of two confidences: that of a sum of both."""
        return max(self, other, key=_TRUST.index)


_TRUST = tuple(Confidence)


class Usage(Struct, frozen=True):
    """Tokens in **disjoint** buckets: no token is in two, their sum is what was billed.

    `reasoning` is a memo: those tokens are inside `output` already and are never added.
    """

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All that was sent: uncached, read from a cache and written to one. Long-context prices go by it."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        """All billed tokens."""
        return self.prompt + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write_5m + other.cache_write_5m,
            self.cache_write_1h + other.cache_write_1h,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


class Context(Struct, frozen=True):
    """What moves the price of a leg besides its model and tokens; None where the provider did not say."""

    tier: str | None = None
    """Service tier as the response named it (`default`, `priority`, `flex`, `batch`...)."""
    speed: str | None = None
    """Anthropic's `speed` (`fast`)."""
    geo: str | None = None
    """Anthropic's `inference_geo` (`us`)."""


class Leg(Struct, frozen=True):
    """One priced part of a call: one model's tokens and fees at one price."""

    model: str
    usage: Usage = Usage()
    kind: str = "message"
    """`message`, or why another model or turn was paid for: `compaction`, `advisor_message`, `fallback_message`."""
    context: Context = Context()
    fees: tuple[tuple[str, int], ...] = ()
    """Counted tool fees, such as `("web_search", 2)`, sorted by name."""
    billed: bool = True
    """False for what the provider reports but does not charge (a refusal without content)."""
    cost_nanos: int | None = None
    """The provider's own figure for this leg, which wins over tokens times price; None where it gave none."""


class Reading(Struct, frozen=True):
    """What a meter has read of a response, so far or finally."""

    legs: tuple[Leg, ...] = ()
    state: str = "none"
    """`none`: no usage seen; `partial`: some, the response did not come to its end; `final`: the bill."""
    model: str | None = None
    """The model that served, as the response named it."""
    response_id: str | None = None
    error: str | None = None
    """Type of an error that the body reported (`overloaded_error`); None if it reported none."""
    output_bytes: int = 0
    """Bytes of generated content seen: what an interrupted call's output is estimated from."""
    marks: tuple[str, ...] = ()
    """Rules that had to be applied, such as `all-zero-usage`; each is documented where it is set."""

    @property
    def usage(self) -> Usage:
        """The sum over the billed legs."""
        total = Usage()
        for leg in self.legs:
            if leg.billed:
                total += leg.usage
        return total


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


REQUEST_CLASSES = ("main", "sub-agent", "title", "compaction", "router", "side", "count")
"""What a call is for: a turn of the conversation, or of a sub-agent's own; a title for it; making it shorter; choosing
a model; something else beside it; counting tokens, which is free and no call of the ledger."""

BILLINGS = ("metered", "subscription", "credits", "local")
"""Who pays for a call: by the token; a subscription, whose dollars are notional; credits bought beside one; nobody."""


class Charge(Struct, frozen=True):
    """Money for a call."""

    nanos: int
    confidence: Confidence = Confidence.EXACT
    marks: tuple[str, ...] = ()
    """Why it is not exact, or what it was priced by: `unknown-model:priced-as=claude-opus-5-5`."""
    leg_nanos: tuple[int, ...] = ()
    """Of each leg, in order; their sum is `nanos` where legs were priced."""
    low_nanos: int | None = None
    """The least that it can be, and `high_nanos` the most; None where nothing is known but `nanos`."""
    high_nanos: int | None = None
    leg_saved: tuple[int, ...] = ()
    """What the provider's cache took off the price of each leg, in order; less than nothing where it was only
    written."""


class Session(Struct, frozen=True):
    """One run of an agent."""

    id: str
    agent: str
    started_us: int
    repo: str | None = None
    """Absolute path of the repository's main working tree (the same for all its worktrees); None outside one."""
    worktree: str | None = None
    """Absolute path of the working tree in which the agent runs."""
    branch: str | None = None
    task: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    pid: int | None = None
    """Process of the agent, where it is known."""
    budget: str | None = None
    """Limit of this run as it was given, such as `5` or `2M tokens`."""
    upstreams: tuple[tuple[str, str], ...] = ()
    """(provider, base URL) pairs that the agent's own settings name: its credentials belong there."""
    ended_us: int | None = None
    exit_code: int | None = None
    parent: str | None = None
    """Id of the session in which it was started, if it was: a run within a run."""


class Call(Struct, frozen=True):
    """One provider request, as it is known before it is sent."""

    id: int
    session: str
    agent: str
    provider: str
    dialect: str
    model: str
    """The model of the request that is forwarded; budgets match on it."""
    started_us: int
    stream: bool = False
    repo: str | None = None
    branch: str | None = None
    task: str | None = None
    request_class: str = "main"
    """One of `REQUEST_CLASSES`, as far as the agent says it."""
    billing: str = "metered"
    """One of `BILLINGS`: as it is expected before the call, and as the answer showed it afterwards."""
    requested: str | None = None
    """The model that the agent asked for, where a budget put a cheaper one in its place."""
    agent_session: str | None = None
    """The agent's own id of its session, as its logs have it; a sub-agent's calls have that of the whole session."""
    subagent: str | None = None
    """The agent's own id of the sub-agent that makes the call; None for what the agent asks itself."""
    subagent_type: str | None = None
    """What kind of sub-agent it is, such as `Explore`."""
    worktree: str | None = None
    """As in `Session`: the working tree, where `repo` is the same for all of a repository."""
    origin: str = "measured"
    """One of `ORIGINS`."""
    task_type: str | None = None
    """One of `policy.task_types.TASK_TYPES`: what kind of work it is for, as far as that can be inferred."""
    tool_free: bool | None = None
    """Whether it neither brings results of tools nor, as far as it is seen, calls any; None where that is unknown."""


ORIGINS = ("measured", "logged")
"""How a call is known: it passed here, or only the agent's own log tells of it."""


class Unit(StrEnum):
    """What a budget counts."""

    USD = "usd"
    """Nanodollars."""
    TOKENS = "tokens"
    CALLS = "calls"
    PERCENT = "percent"
    """Of a provider's own window, such as Claude's five hours."""


class Amount(Struct, frozen=True):
    """Money, tokens and calls together: a charge, a reservation, or a sum of either."""

    nanos: int = 0
    """At list price, whoever pays."""
    tokens: int = 0
    calls: int = 0
    usage: Usage = Usage()
    """Tokens by bucket. Of a worst case, the most that each bucket can hold: their sum can be more than `tokens`."""
    above: int = 0
    """How much more than `nanos` it can have been: of interrupted calls."""

    def of(self, unit: Unit) -> int:
        """The component that a budget of this unit counts."""
        if unit is Unit.USD:
            return self.nanos
        return self.tokens if unit is Unit.TOKENS else self.calls

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.nanos + other.nanos,
            self.tokens + other.tokens,
            self.calls + other.calls,
            self.usage + other.usage,
            self.above + other.above,
        )


class Budget(Struct, frozen=True):
    """A limit that somebody set. It counts separately for each key of its scope (each repository, each session)."""

    name: str
    limit: int
    """In its unit: nanodollars, tokens or calls."""
    scope: str = "global"
    unit: Unit = Unit.USD
    window: str = "total"
    """A kind of calendar window, or `rolling` and a span: `rolling 5h`, `rolling 7d`."""
    timezone: str | None = None
    """IANA name; None is the machine's zone."""
    week_start: int = 0
    """First day of a `week`: 0 is Monday."""
    month_start: int = 1
    """First day of a `month`, 1 to 28; quarters and years begin on it too."""
    match: tuple[tuple[str, str], ...] = ()
    """(field of the call, glob) pairs that must all match, such as `("model", "claude-opus-*")`."""
    levels: tuple[int, ...] = (50, 75, 90)
    """Percent of the limit at which the level becomes info, warn, soft."""
    at_limit: str = "refuse"
    mode: str = "calibrated"
    overshoot: float = 0.05
    """Of a `calibrated` budget: in how many of its windows spending may pass the limit, at most."""
    counts: str = "billed"
    """Of a budget in dollars: `billed` leaves out what a subscription covers and what runs locally; `all` counts it."""
    bucket: str | None = None
    """Of a budget in tokens: the one bucket that counts, of `input`, `cache_read`, `cache_write`, `output`."""
    official: str | None = None
    """`PROVIDER/WINDOW`: the limit is a percentage of a window that the provider itself keeps."""
    downgrade: tuple[tuple[str, str], ...] = ()
    """(glob of the model asked for, model in its place) pairs, for `at_limit = "downgrade"`; the first match holds."""
    clamp: bool = False
    """Whether a call's output limit may be lowered to what fits."""
    landing: int = 0
    """Part of the limit, in its unit, that is kept back so that work can be saved."""
    landing_release: str = "command"
    """`command`: somebody releases it; `auto`: it is released when the rest is used up."""
    forecast: bool = False
    """Whether spending that is on its way past the limit counts as level `warn` already."""
    source: str = ""
    """Where it was set: a file's path, or `run`."""


class Verdict(Struct, frozen=True):
    """What the guard decided of a call, and which budget decided it."""

    action: str
    """`allow`, `warn`, `downgrade` or `refuse`."""
    budget: str | None = None
    """Display name of the binding budget, such as `web/day`."""
    reason: str = ""
    """For all but `allow`: a sentence for people."""


class Totals(Struct, frozen=True):
    """Sums over calls."""

    calls: int = 0
    cost_nanos: int = 0
    usage: Usage = Usage()
    confidence: Confidence = Confidence.EXACT
    unpriced: int = 0
    """Calls whose cost is not known at all; `cost_nanos` is then a lower bound."""
    below_nanos: int = 0
    """How much less than `cost_nanos` the true cost can be, and `above_nanos` how much more: interrupted calls."""
    above_nanos: int = 0
    notional_nanos: int = 0
    """What calls that a subscription covered, or that ran locally, would have cost; never part of `cost_nanos`."""
    saved_nanos: int = 0
    """What caches took off the cost, and `notional_saved_nanos` off what is notional."""
    notional_saved_nanos: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.calls + other.calls,
            self.cost_nanos + other.cost_nanos,
            self.usage + other.usage,
            self.confidence.worst(other.confidence),
            self.unpriced + other.unpriced,
            self.below_nanos + other.below_nanos,
            self.above_nanos + other.above_nanos,
            self.notional_nanos + other.notional_nanos,
            self.saved_nanos + other.saved_nanos,
            self.notional_saved_nanos + other.notional_saved_nanos,
        )


class OfficialWindow(Struct, frozen=True):
    """What a provider itself says of a window of a subscription, such as Claude's five hours."""

    provider: str
    name: str
    """`five_hour`, `seven_day`...: see `tokenguard.wire.official`."""
    used_percent: float
    """Of what the subscription grants; 100 is used up, and more than that was paid for otherwise."""
    resets_us: int | None
    """When it starts anew; None where the provider does not say."""
    minutes: int | None
    """How long it is; None where the provider does not say."""
    seen_us: int
    """When the provider said so."""

    @property
    def key(self) -> str:
        """`PROVIDER/NAME`, as a budget names it."""
        return f"{self.provider}/{self.name}"


class Event(Struct, frozen=True):
    """Something that happened, as `GET /v1/events` tells it."""

    type: str
    """`session.started`, `session.left` (its agent has ended and has left something running), `session.ended`,
    `session.steered` (somebody has paused, resumed or stopped its processes),
    `call.started`, `call.progress`, `call.settled`, `call.refused`, `call.runaway`, `call.preflight`, `hold.asked`,
    `hold.answered`, `budget.level`, `budget.raised` or `official.window`."""
    at_us: int
    data: dict[str, object]
