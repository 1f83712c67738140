"""Writing an editor's settings, and undoing it: what was there before is kept, and what was put in is noted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.config.paths import make_private
from tokenguard.errors import UsageError
from tokenguard.ides import files, jsonc
from tokenguard.ides.reading import NotUnderstood
from tokenguard.ides.shape import Language, Setting

_FOLDER = "ides"
"""Below the state folder."""

Step = str | tuple[str]
"""A name; the name of an item of a list as a tuple of one."""


class Change(Struct, frozen=True):
    """A setting that was written."""

    path: tuple[Step, ...]
    value: str
    before: str | None
    """As it was written there before; None if there was nothing."""
    made: int
    """How many of the path's last steps were not there before."""


class Kept(Struct, frozen=True):
    """What undoing needs."""

    file: str
    existed: bool
    made_folder: bool
    written: str
    """SHA-256 of the file as we left it."""
    exact: bool
    """Whether the backup is all that the file was before: nobody else has changed it between two writes."""
    changes: tuple[Change, ...]


class Outcome(Struct, frozen=True):
    """What became of a file."""

    file: Path
    changed: bool
    set: tuple[Setting, ...] = ()
    """Those that hold now."""
    left: tuple[tuple[Setting, str], ...] = ()
    """Those that the user has set otherwise, with what stands there."""
    backup: Path | None = None
    restored: bool = False
    """It is byte for byte what it was."""


def kept_in(state_dir: Path) -> list[Kept]:
    """What undoing needs, of every file that was written."""
    return [kept for record in sorted((state_dir / _FOLDER).glob("*.json")) if (kept := _read(record)) is not None]


class Keeper:
    """Looks after one settings file."""

    def __init__(self, state_dir: Path, file: Path, language: Language = jsonc) -> None:
        """What undoing needs is kept below `state_dir`."""
        self.file = file
        self._language = language
        self._folder = state_dir / _FOLDER
        ident = f"{file.stem}-{sha256(os.fsencode(file)).hexdigest()[:12]}"
        self._record, self._backup = self._folder / f"{ident}.json", self._folder / f"{ident}.backup"

    @property
    def kept(self) -> Kept | None:
        """What undoing needs; None if nothing was written."""
        return _read(self._record)

    def text(self) -> str:
        """The file; an object without anything if there is none. Raises `NotUnderstood` or `UsageError`."""
        return self._text(files.read(self.file))

    def write(self, settings: Iterable[Setting]) -> Outcome:
        """Make the file hold these. Raises `NotUnderstood` or `UsageError`, and then it is as it was."""
        data, kept = files.read(self.file), self.kept
        text = before = self._text(data)
        known = {change.path: change for change in (kept.changes if kept else ())}
        done: list[Setting] = []
        left: list[tuple[Setting, str]] = []
        for setting in settings:
            earlier = known.get(_steps(setting.path))
            there, value = self._language.written_at(text, setting.path), self._language.text_at(text, setting.path)
            ours = (setting.address.value, *setting.address.instead_of, *((earlier.value,) if earlier else ()))
            if there not in (None, "null") and value not in ours:
                left.append((setting, value or str(there)))
                continue
            done.append(setting)
            edits = self._language.put(text, setting.path, setting.address.value)
            if edits:
                missing = self._language.missing_at(text, setting.path)
                was, made = (earlier.before, earlier.made) if earlier else (there, missing)
                known[_steps(setting.path)] = Change(_steps(setting.path), setting.address.value, was, made)
                text = jsonc.edited(text, edits)
        if text == before:
            return Outcome(self.file, False, tuple(done), tuple(left), self._backup if kept else None)
        if any(self._language.text_at(text, setting.path) != setting.address.value for setting in done):
            raise NotUnderstood("what was put in cannot be read back")
        self._replace(data, text.encode(), kept, tuple(known.values()))
        return Outcome(self.file, True, tuple(done), tuple(left), self._backup)

    def undo(self) -> Outcome:
        """Put the file back: byte for byte if nobody has changed it since, else without what was put in.

        Raises `NotUnderstood` or `UsageError`, and then it is as it was.
        """
        data, kept = files.read(self.file), self.kept
        if kept is None or data is None:
            self._forget()
            return Outcome(self.file, False)
        exact = kept.exact and sha256(data).hexdigest() == kept.written
        if exact and not kept.existed:
            files.remove(self.file)
            if kept.made_folder and not any(self.file.parent.iterdir()):
                self.file.parent.rmdir()
        elif exact:
            files.replace(self.file, self._backup.read_bytes(), before=data)
        else:
            text = self._text(data)
            for change in reversed(kept.changes):
                text = self._without(text, change)
            files.replace(self.file, text.encode(), before=data)
        self._forget()
        return Outcome(self.file, True, restored=exact)

    def _replace(self, before: bytes | None, after: bytes, kept: Kept | None, changes: tuple[Change, ...]) -> None:
        make_private(self._folder)
        untouched = kept is not None and before is not None and sha256(before).hexdigest() == kept.written
        if kept is None:
            _write_private(self._backup, before or b"")
        made_folder = kept.made_folder if kept else not self.file.parent.exists()
        record = Kept(
            file=str(self.file),
            existed=kept.existed if kept else before is not None,
            made_folder=made_folder,
            written=sha256(after).hexdigest(),
            exact=kept is None or (kept.exact and untouched),
            changes=changes,
        )
        _write_private(self._record, msgspec.json.encode(record))
        try:
            if made_folder and not self.file.parent.exists():
                self.file.parent.mkdir()
            files.replace(self.file, after, before=before)
        except (OSError, UsageError):
            if kept is None:
                self._forget()
            raise

    def _text(self, data: bytes | None) -> str:
        try:
            text = (data or b"").decode("utf-8")
        except UnicodeDecodeError:
            raise NotUnderstood("it is not UTF-8") from None
        return self._language.checked(text)

    def _without(self, text: str, change: Change) -> str:
        """The text without a change, where it still stands."""
        path = _path(change.path)
        if self._language.text_at(text, path) != change.value:
            return text
        if change.before is not None:
            return jsonc.edited(text, self._language.rewrite(text, path, change.before))
        text = jsonc.edited(text, self._language.remove(text, path))
        for _ in range(change.made - 1):
            path = path[:-1]
            if not self._language.is_empty(text, path):
                break
            text = jsonc.edited(text, self._language.remove(text, path))
        return text

    def _forget(self) -> None:
        self._record.unlink(missing_ok=True)
        self._backup.unlink(missing_ok=True)


def _read(record: Path) -> Kept | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError):
        return None


def _steps(path: jsonc.Path) -> tuple[Step, ...]:
    return tuple((str(step),) if isinstance(step, jsonc.Item) else step for step in path)


def _path(steps: tuple[Step, ...]) -> jsonc.Path:
    return tuple(step if isinstance(step, str) else jsonc.Item(step[0]) for step in steps)


def _write_private(file: Path, data: bytes) -> None:
    new = file.with_suffix(f"{file.suffix}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
    new.replace(file)
