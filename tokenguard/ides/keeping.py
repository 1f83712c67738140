"""Writing an editor's settings, and undoing it: what was there before is kept, and what was put in is noted.

Of a file that may hold keys no copy is made: what was put in, and what stood in its place, is enough to undo it.
"""

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
from tokenguard.ides.records import Change, Kept, folder_of, path_of, read, steps_of, write_private
from tokenguard.ides.shape import Language, Setting


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


class Keeper:
    """Looks after one settings file."""

    def __init__(self, state_dir: Path, file: Path, language: Language = jsonc, *, holds_keys: bool = False) -> None:
        """What undoing needs is kept below `state_dir`: a copy too, unless the file may hold keys."""
        self.file = file
        self._language = language
        self._holds_keys = holds_keys
        self._folder = folder_of(state_dir)
        ident = f"{file.stem}-{sha256(os.fsencode(file)).hexdigest()[:12]}"
        self._record, self._backup = self._folder / f"{ident}.json", self._folder / f"{ident}.backup"

    @property
    def kept(self) -> Kept | None:
        """What undoing needs; None if nothing was written."""
        return read(self._record)

    def text(self) -> str:
        """The file; an object without anything if there is none. Raises `NotUnderstood` or `UsageError`."""
        return self._text(files.read(self.file))

    def write(self, settings: Iterable[Setting]) -> Outcome:
        """Make the file hold these. Raises `NotUnderstood` or `UsageError`, and then it is as it was."""
        data, kept = files.read(self.file), self.kept
        text = before = self._text(data)
        found = (data or b"").decode()
        # An empty file was made into an empty object.
        back: list[tuple[jsonc.Edit, ...]] = [] if text == found else [(jsonc.Edit(0, len(text), found),)]
        known = {change.path: change for change in (kept.changes if kept else ())}
        done: list[Setting] = []
        left: list[tuple[Setting, str]] = []
        for setting in settings:
            earlier = known.get(steps_of(setting.path))
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
                known[steps_of(setting.path)] = Change(steps_of(setting.path), setting.address.value, was, made)
                back.insert(0, tuple(jsonc.inverse(text, edits)))
                text = jsonc.edited(text, edits)
        if text == before:
            return Outcome(self.file, False, tuple(done), tuple(left), self._copy)
        if any(self._language.text_at(text, setting.path) != setting.address.value for setting in done):
            raise NotUnderstood("what was put in cannot be read back")
        self._replace(data, text.encode(), kept, tuple(known.values()), tuple(back))
        return Outcome(self.file, True, tuple(done), tuple(left), self._copy)

    def undo(self) -> Outcome:
        """Put the file back: byte for byte if nobody has changed it since, else without what was put in.

        Raises `NotUnderstood` or `UsageError`, and then it is as it was.
        """
        kept = self.kept
        data = None if kept is None else files.read(self.file)
        if kept is None or data is None:
            self._forget()
            return Outcome(self.file, False)
        earlier = self._earlier(data, kept)
        if earlier is not None and not kept.existed:
            files.remove(self.file)
            if kept.made_folder and not any(self.file.parent.iterdir()):
                self.file.parent.rmdir()
        elif earlier is not None:
            files.replace(self.file, earlier, before=data)
        else:
            text = self._text(data)
            for change in reversed(kept.changes):
                text = self._without(text, change)
            files.replace(self.file, text.encode(), before=data)
        self._forget()
        return Outcome(self.file, True, restored=earlier is not None)

    def lost(self) -> bool:
        """Whether something that was put in does not stand there any more. Raises `NotUnderstood` or `UsageError`."""
        kept = self.kept
        text = "" if kept is None else self.text()
        return kept is not None and any(
            self._language.text_at(text, path_of(change.path)) != change.value for change in kept.changes
        )

    @property
    def _copy(self) -> Path | None:
        """The copy of the file before, if there is one."""
        return self._backup if self._backup.exists() else None

    def _earlier(self, data: bytes, kept: Kept) -> bytes | None:
        """The file before, of which this is what we left; None if somebody else has changed it since."""
        if not kept.exact or sha256(data).hexdigest() != kept.written:
            return None
        if not kept.existed:
            return b""
        if self._copy is not None:
            return self._copy.read_bytes()
        text = data.decode()
        for step in kept.steps:
            text = jsonc.edited(text, step)
        return text.encode() if sha256(text.encode()).hexdigest() == kept.before else None

    def _replace(
        self,
        before: bytes | None,
        after: bytes,
        kept: Kept | None,
        changes: tuple[Change, ...],
        back: tuple[tuple[jsonc.Edit, ...], ...],
    ) -> None:
        make_private(self._folder)
        untouched = kept is not None and before is not None and sha256(before).hexdigest() == kept.written
        if kept is None and not self._holds_keys:
            write_private(self._backup, before or b"")
        made_folder = kept.made_folder if kept else not self.file.parent.exists()
        record = Kept(
            file=str(self.file),
            existed=kept.existed if kept else before is not None,
            made_folder=made_folder,
            written=sha256(after).hexdigest(),
            exact=kept is None or (kept.exact and untouched),
            changes=changes,
            before=kept.before if kept else sha256(before or b"").hexdigest(),
            steps=(*back, *(kept.steps if kept else ())),
        )
        write_private(self._record, msgspec.json.encode(record))
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
        path = path_of(change.path)
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
