"""The shape that every editor's module has, and the values that pass through it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tokenguard.ides import jsonc


class Machine(Struct, frozen=True):
    """Where an editor may keep its settings."""

    home: Path
    settings: Path
    """Folder in which desktop programs keep their settings."""
    system: str
    """`linux` or `osx`, as VS Code says it."""
    env: Mapping[str, str] = {}
    """The environment, in which some settings have their place."""


class Address(Struct, frozen=True):
    """A base URL of ours, or what has to be set beside one."""

    value: str
    instead_of: tuple[str, ...] = ()
    """Values that mean the same without us, and may be replaced. Any other is the user's own, and stays."""

    def below(self, path: str) -> Address:
        """The same with a path behind it."""
        return Address(self.value + path, tuple(value + path for value in self.instead_of))


class Addresses(Struct, frozen=True):
    """What is to be set, by the name that programs give it."""

    claude: Mapping[str, Address]
    """Variables for Claude Code."""
    terminal: Mapping[str, Address]
    """Variables for what runs in a terminal."""
    providers: Mapping[str, Address]
    """Provider -> its base URL, without the path that a version needs."""


class Setting(Struct, frozen=True):
    """A string that a file of settings is to hold."""

    path: jsonc.Path
    address: Address

    @property
    def label(self) -> str:
        """As people say it."""
        return " ".join(self.path)


class Language(Protocol):
    """A language of settings: `jsonc` or `yamlc`."""

    def checked(self, text: str) -> str:
        """The text, or what says the same where it is empty. Raises `NotUnderstood` for what is of another language."""
        ...

    def written_at(self, text: str, path: jsonc.Path) -> str | None: ...

    def text_at(self, text: str, path: jsonc.Path) -> str | None: ...

    def missing_at(self, text: str, path: jsonc.Path) -> int: ...

    def put(self, text: str, path: jsonc.Path, value: str) -> list[jsonc.Edit]: ...

    def rewrite(self, text: str, path: jsonc.Path, written: str) -> list[jsonc.Edit]: ...

    def remove(self, text: str, path: jsonc.Path) -> list[jsonc.Edit]: ...

    def is_empty(self, text: str, path: jsonc.Path) -> bool: ...


class Ide(Protocol):
    """An editor, or what has settings of its own in several; implemented by modules and by the members of a family."""

    @property
    def NAME(self) -> str: ...

    @property
    def TITLE(self) -> str:
        """What people call it."""
        ...

    @property
    def NOTES(self) -> tuple[str, ...]:
        """What cannot be set for it, and what to do then; `{url}` stands for our address."""
        ...

    @property
    def HOLDS_KEYS(self) -> bool:
        """Whether keys stand in its settings: no copy of these is made then."""
        ...

    def language(self) -> Language:
        """Of its settings."""
        ...

    def file(self, machine: Machine) -> Path:
        """Its settings."""
        ...

    def workspace_file(self, folder: Path) -> Path | None:
        """Its settings for a folder alone; None where these cannot hold what is to be set."""
        ...

    def settings(self, text: str, addresses: Addresses, machine: Machine) -> list[Setting]:
        """What the file, with this text, is to hold. Raises `NotUnderstood`."""
        ...
