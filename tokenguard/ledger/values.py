"""What is written to the ledger, and what is asked of it, besides `tokenguard.records`."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records import Amount, Call, Charge, Leg, Unit, Usage


class Settlement(Struct, frozen=True):
    """The end of a call: what replaces its reservation."""

    call: Call
    charge: Charge | None
    """None where the cost is not known at all: the call counts as unpriced, and sums over it are lower bounds."""
    ended_us: int
    outcome: str
    """`ok`, `provider-error`, `client-gone`, `cut`, `unguarded`..."""
    legs: tuple[Leg, ...] = ()
    usage: Usage = Usage()
    """Of the whole call: the sum over its billed legs, where it has legs."""
    served: str | None = None
    response_id: str | None = None
    status: int | None = None


class Logged(Struct, frozen=True):
    """A response as an agent's own log tells of it."""

    key: str
    """See `agents.logs.Sighting`."""
    call: Call
    """Its id is 0 as long as it has no row; `session` is what it is called where no guarded run has it."""
    leg: Leg
    """With the log's own figure of its cost, if it has one."""
    response_id: str | None = None
    copied: bool = False
    parent: str | None = None
    """The session in which its session was started, as the ledger would call it."""
    cumulative: bool = False
    """Whether these are sums of a session, of which only the growth is a row."""
    summed: bool = False
    """Whether it is such a growth, and may be of many responses."""
    anew: bool = False
    """Whether it takes the place of what was known of it, which was read by other rules perhaps."""


class LogFile(Struct, frozen=True):
    """How far a file of an agent has been read."""

    path: str
    agent: str
    device: int
    inode: int
    size: int
    modified_ns: int
    done: int
    """Bytes up to the end of the last complete line."""
    head: bytes
    """A fingerprint of what was read: its beginning and its end."""
    state: bytes
    """What its reader needs to go on."""
    label: str


class Oddity(Struct, frozen=True):
    """Something odd in a file, by kind: see `agents.logs.shape`."""

    path: str
    agent: str
    kind: str
    detail: str
    count: int = 1


class Logs(Struct, frozen=True):
    """What was read of logs, to be written at once."""

    rows: tuple[Logged, ...] = ()
    files: tuple[LogFile, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    anew: tuple[str, ...] = ()
    """Paths of files that were read from their beginning: what was odd in them before is forgotten."""
    surveyed: tuple[str, ...] = ()
    """Agents for whose files was looked everywhere: what could not be looked into before, and is not read, is too."""


class Written(Struct, frozen=True):
    """What became of it."""

    added: int = 0
    changed: int = 0
    joined: int = 0
    """Of responses that are measured."""
    news: tuple[tuple[Call, Amount], ...] = ()
    """What counts more than before, and how much more, call by call."""
    unsaid: bool = False
    """Whether other things count otherwise than before: what is known of sums has to be read again."""


class Raise(Struct, frozen=True):
    """A temporary increase of a budget."""

    budget: str
    key: str
    """Which of the budget's counters is raised (a repository's path, a session's id); empty for `global`."""
    amount: int
    """In `unit`, dollars as nanodollars."""
    unit: Unit
    reason: str
    who: str
    created_us: int
    expires_us: int | None = None
    """None: until the window ends."""


class Decision(Struct, frozen=True):
    """What somebody decided about a budget: an audit row."""

    at_us: int
    kind: str
    """`approve`, `deny` or `expire` of a call that was held; `release` of a landing reserve; `override` of a
    git hook that said no."""
    who: str
    call_id: int | None = None
    budget: str | None = None
    key: str | None = None
    """Which of the budget's counters, as in `Raise`; of an override the repository."""
    amount: int | None = None
    """In `unit`, dollars as nanodollars; None where no amount was named."""
    unit: Unit | None = None
    reason: str | None = None


class Told(Struct, frozen=True):
    """A level that was told of a budget in one of its windows."""

    budget: str
    key: str
    """Which of the budget's counters, as in `Raise`."""
    window_start_us: int
    level: str
    until_us: int | None = None
    """When it may be forgotten: usually the window's end; None is never."""


class Where(Struct, frozen=True):
    """Which calls: every field that is set must be equal, every pair of `match` must match. Empty is all calls."""

    session: str | None = None
    family: str | None = None
    """Id of a session: its own calls, and those of the sessions that were started in it."""
    repo: str | None = None
    branch: str | None = None
    agent: str | None = None
    provider: str | None = None
    model: str | None = None
    """Of the forwarded request; a call whose legs used other models is still found by it alone."""
    task: str | None = None
    request_class: str | None = None
    billing: str | None = None
    worktree: str | None = None
    origin: str | None = None
    task_type: str | None = None
    confidence: str | None = None
    match: tuple[tuple[str, str], ...] = ()
    """(field, glob) pairs over the same fields, in SQLite's GLOB syntax: `*`, `?`, `[a-z]`, case matters.

    `inferred_task` is the kind of work of calls for which nobody named a task.
    """
