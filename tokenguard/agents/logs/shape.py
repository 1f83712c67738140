"""The shape of what agents write down themselves: where it is, how it is kept, and what one response looks like in it.

A module of `tokenguard.agents.logs` says where an agent's files are and what stands in them. It opens nothing: it is
given lines, documents or connections, and answers with `Sighting`s and `Snapshot`s. `tokenguard.importing` does the
rest.

Nothing that a person wrote or a model answered may leave such a module: ids, counts, folders, branches and times only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from tokenguard.records import Context, Usage


class Sighting(Struct, frozen=True, kw_only=True):
    """One response of a provider, as a log shows it.

    Several sightings may share a key: copies of a line, or one that grew. They become one row of the ledger. Of its
    tokens the largest count of each bucket holds; it stands where the earliest copy that is no side chain and not
    `copied` stands.
    """

    key: str
    """Unique within the agent, and the same wherever and whenever the response is seen: the deduplication key."""
    agent: str
    """As `records.Call.agent`: the `NAME` of the agent's module."""
    session: str
    """The agent's own id of its session: of a sub-agent, that of the whole session, where the log tells it."""
    at_us: int
    """When it was written down; 0 where the log does not say (the file's time is taken then, and counted as odd)."""
    provider: str
    """tokenguard's name, such as `anthropic`; empty where the log does not tell, and the model's maker is taken."""
    model: str
    """As the log has it; empty where it is not known, which is priced as unknown and never as free."""
    usage: Usage
    """Disjoint buckets; `reasoning` is inside `output`."""
    response_id: str | None = None
    """The provider's id of the response: what joins it with the row that the proxy wrote."""
    parent: str | None = None
    """The agent's own id of the session that started this one, where it is a session of its own."""
    subagent: str | None = None
    """The agent's own id of the sub-agent that asked, and `subagent_type` its kind."""
    subagent_type: str | None = None
    sidechain: bool = False
    """Whether the line says that it is not of the main conversation; `request_class` follows unless it is given."""
    copied: bool = False
    """Whether the line says that it was copied from another session (a fork, a resumed one)."""
    folder: str | None = None
    """Absolute path of the folder in which the agent worked."""
    branch: str | None = None
    """As the log has it: `HEAD` for none, empty where there was no repository; None where it says nothing."""
    request_class: str | None = None
    """One of `records.REQUEST_CLASSES`; None is `main`, or `sub-agent` of a side chain."""
    stated_nanos: int | None = None
    """What the log itself says that it cost, in nanodollars (credits are not dollars). It wins over tokens x price."""
    context: Context = Context()
    fees: tuple[tuple[str, int], ...] = ()
    """Counted tool fees, such as `("web_search", 2)`, sorted by name, as in `records.Leg`."""


class Snapshot(Struct, frozen=True):
    """Sums that an agent keeps of a whole session, or of one model in it: what is new since the last look is a row.

    `total` has the sums in place of a response's tokens and cost, when they changed last as `at_us`, and as its key
    what tells these sums from others, such as `session/model`. Sums that fell began anew.
    """

    total: Sighting


Found: TypeAlias = Iterable[Sighting | Snapshot]

Odd: TypeAlias = Callable[[str, str], None]
"""Takes note of something odd: one of the kinds below, and what it was in a few characters, never content.

Nothing odd ends the reading of a file, and no function of a module raises for what it was given.
"""

UNKNOWN = "unknown-type"
"""A line or record of a type that the module does not know, and that could hold usage; the detail is the type."""
DROPPED = "dropped"
"""A line or record that looked like usage and could not be used; the detail is why, such as `no-id` or `not-json`."""
DOUBTFUL = "doubtful"
"""One that was used although something in it was odd; the detail is what, such as `negative-count`, `no-time`."""
UNREADABLE = "unreadable"
"""A file that could not be read, or no further; the detail is why."""


class Places(Struct, frozen=True):
    """Where agents may have left files."""

    env: Mapping[str, str]
    home: Path
    projects: tuple[Path, ...] = ()
    """Folders of projects that are known, for agents that keep their files in them."""

    def data(self) -> Path:
        """`$XDG_DATA_HOME`, or what stands for it."""
        return Path(self.env.get("XDG_DATA_HOME") or self.home / ".local" / "share")

    def config(self) -> Path:
        """`$XDG_CONFIG_HOME`, or what stands for it."""
        return Path(self.env.get("XDG_CONFIG_HOME") or self.home / ".config")


class File(Struct, frozen=True):
    """The file that is being read."""

    path: str
    """Absolute; of a compressed file the name that it has, with `.zst`."""
    modified_us: int
    beside: Callable[[str], bytes]
    """The content of a small file (1 MB at most) by its path relative to this one's folder; empty if there is none."""
    labelled: Callable[[str], bytes]
    """What `Follower.save` last returned for the file of this source with that `Follower.label`; empty if none."""


class Follower(Protocol):
    """Reads one file of lines from its beginning, over as many visits as there are."""

    @property
    def label(self) -> str:
        """By which name other files of the source look this one up, such as its thread's id; usually empty."""
        ...

    def take(self, line: bytes, offset: int) -> Found:
        """What a complete line shows, without its line break; `offset` is where it begins in the (unpacked) file."""
        ...

    def save(self) -> bytes:
        """What it has to know to go on later where it is now; empty if nothing."""
        ...


class Lines(Struct, frozen=True):
    """Files of JSON lines that are appended to. One that shrank or was replaced is read anew, with a new follower."""

    root: Path
    """A folder, which need not exist."""
    patterns: tuple[str, ...]
    """Paths below it, as globs: `*` within a name, `**` for any number of folders. `.zst` is unpacked."""
    markers: tuple[bytes, ...]
    """A line that holds none of these bytes is not looked at: choose few, short ones that no writer spaces otherwise
    (`"usage"`, not `"usage":`)."""
    follow: Callable[[File, bytes, Odd], Follower]
    """A follower that goes on from what an earlier one saved; from nothing at the beginning of the file."""
    by_name: bool = False
    """Whether files are read in the order of their names, so that what was copied comes before its copies."""


class Document(Struct, frozen=True):
    """JSON files that are written anew as a whole: read whole whenever they have changed."""

    root: Path
    patterns: tuple[str, ...]
    read: Callable[[File, bytes, Odd], Found]
    """What the content of a file shows: everything, every time."""


class Database(Struct, frozen=True):
    """SQLite files of an agent that may be running: opened read-only, their write-ahead log included."""

    root: Path
    patterns: tuple[str, ...]
    read: Callable[[File, sqlite3.Connection, bytes, Odd], tuple[Found, bytes]]
    """What is new since the bytes that it returned last, and the bytes for next time; empty bytes at first.

    The first of both may be a generator, which is used up before the connection closes. sqlite3's errors may pass.
    """


Source: TypeAlias = Lines | Document | Database


class Logs(Protocol):
    """What an agent writes down; implemented by modules, whose docstring says what its counters mean."""

    @property
    def NAME(self) -> str:
        """The agent's name in the ledger."""
        ...

    def sources(self, places: Places) -> tuple[Source, ...]:
        """Where its files would be. Looks at no file."""
        ...
