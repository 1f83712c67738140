"""Sessions, their calls, what those cost, and what was decided of them."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records.usage import Confidence, Usage

REQUEST_CLASSES = ("main", "sub-agent", "title", "compaction", "router", "side", "count")
"""What a call is for: a turn of the conversation, or of a sub-agent's own; a title for it; making it shorter; choosing
a model; something else beside it; counting tokens, which is free and no call of the ledger."""

BILLINGS = ("metered", "subscription", "credits", "local")
"""Who pays for a call: by the token; a subscription, whose dollars are notional; credits bought beside one; nobody."""


ORIGINS = ("measured", "logged")
"""How a call is known: it passed here, or only the agent's own log tells of it."""


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
