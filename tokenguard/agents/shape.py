"""The shape that every agent module has, and the values that pass through it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tokenguard.wire.shape import Refusal


class Situation(Struct, frozen=True):
    """A run that is about to start."""

    base_url: str
    """`http://127.0.0.1:PORT/s/TOKEN`; a provider's calls go to `<base_url>/<provider>/...`."""
    args: tuple[str, ...]
    """What the user passes to the agent."""
    env: Mapping[str, str]
    home: Path
    cwd: Path
    folder: Path
    """A private folder of this run, which goes away with it."""
    providers: Mapping[str, str]
    """Base URL of each provider that tokenguard knows, without a slash at its end."""
    attended: bool = False
    """Whether a person sits at its terminal."""


class Recipe(Struct, frozen=True):
    """How to start an agent so that its calls go through tokenguard. Changes no file of the user's."""

    args: tuple[str, ...]
    """All arguments, the user's among them."""
    env: Mapping[str, str] = {}
    """Variables to set."""
    files: Mapping[str, str] = {}
    """Name in the private folder -> text."""
    links: Mapping[str, Path] = {}
    """Name in the private folder -> what it is a symbolic link to."""
    folders: tuple[Path, ...] = ()
    """Folders that the agent makes itself when it starts, needed before that because links lead to them."""
    upstreams: Mapping[str, str] = {}
    """Provider -> base URL that the user's own settings name: the credentials belong there."""
    network: Mapping[str, str] = {}
    """Proxy and certificate variables with which the agent alone would have reached its provider."""
    notes: tuple[str, ...] = ()
    """What the user should know, one line each: above all, what is not guarded."""


class ByHand(Struct, frozen=True):
    """What a person sets so that an agent that is not started by `tokenguard run` goes through tokenguard."""

    env: Mapping[str, str] = {}
    """Variables, where they suffice."""
    settings: tuple[tuple[str, str], ...] = ()
    """(file of the user's, starting with `~/` where it is below the home folder; what to put into it)."""
    notes: tuple[str, ...] = ()
    """What to know besides, one line each."""


class Trial(Struct, frozen=True, kw_only=True):
    """How an agent answers one prompt without a person, on a machine where nobody has used it before."""

    before: tuple[str, ...] = ()
    """Arguments before the prompt."""
    after: tuple[str, ...] = ()
    """Arguments after it."""
    env: Mapping[str, str] = {}
    """Its key, and what keeps it from asking a person or anybody but its provider."""
    files: Mapping[str, str] = {}
    """Name below its home -> text: what it would have written when its user first started it."""
    stopped: int = 1
    """Exit code after a refusal."""


class Agent(Protocol):
    """A coding agent; implemented by modules."""

    @property
    def NAME(self) -> str:
        """Name in the ledger and in budgets."""
        ...

    @property
    def TITLE(self) -> str:
        """What people call it."""
        ...

    @property
    def COMMANDS(self) -> tuple[str, ...]:
        """Commands that start it."""
        ...

    @property
    def PROGRAMS(self) -> tuple[str, ...]:
        """Parts of a command line by which its process is known besides, such as the folder of its package."""
        ...

    @property
    def INSTALL(self) -> str:
        """How to get it: the hint where it is not found."""
        ...

    @property
    def LOGIN(self) -> str:
        """How to give it a key or an account: the hint where it asks for one."""
        ...

    @property
    def MINIMUM(self) -> str:
        """The oldest version whose calls come to us, such as `1.2.3`; empty where none is known to be too old."""
        ...

    @property
    def DIALECTS(self) -> tuple[str, ...]:
        """Names of the dialects that it speaks; empty where that is up to the program."""
        ...

    @property
    def HOLD_SECONDS(self) -> int:
        """How long it was seen to wait for an answer without giving up or sending again, less a margin."""
        ...

    @property
    def GUARDED(self) -> str:
        """How `run` makes its calls come to us, in a few words."""
        ...

    @property
    def NOT_COVERED(self) -> tuple[str, ...]:
        """What is not guarded, a few words each."""
        ...

    @property
    def LEAVES(self) -> str:
        """What goes on running after it has ended, in a few words; empty if nothing does."""
        ...

    def recipe(self, situation: Situation) -> Recipe:
        """How to start it. Reads the user's settings, writes nothing; broken settings count as absent."""
        ...

    def refuse(self, dialect: str, text: str) -> Refusal | None:
        """The answer after which it stops at once and shows `text`; None if that is the dialect's own."""
        ...

    def by_hand(self, base_url: str) -> ByHand:
        """What to set without `run`; a provider's calls go to `<base_url>/<provider>/...`."""
        ...

    def trial(self, key: str, project: Path) -> Trial | None:
        """How to try it out in a folder, with a made-up key and an empty home; None if that is up to the program."""
        ...
