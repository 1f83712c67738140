"""Files that are read by scripts at any moment: each is replaced as a whole, and only when it has changed."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

log = logging.getLogger(__name__)

LEISURE_S = 10.0
"""Seconds between two writings of one file in which nothing but details has changed."""


class Text(Struct, frozen=True):
    """What is to stand in a file."""

    text: str
    gist: str | None = None
    """What of it must not be late: where this stays the same, the rest can wait. None: all of it."""
    makes_folder: bool = False
    """Whether the file's folder is made with it, and goes with it. Otherwise there is no file where there is none."""
    until_s: int = 0
    """To when the file is dated: until then all of it holds, which a script sees without a clock. 0: to its writing."""


class Plan(NamedTuple):
    """What is to be done now, and when to look again (seconds of the same clock, infinite for never)."""

    put: dict[Path, Text]
    remove: tuple[Path, ...]
    again_s: float


class Files:
    """The files that were written. `plan` decides; what blocks, `carry_out` and `clear`, may run in threads."""

    def __init__(self) -> None:
        self._there: dict[Path, tuple[Text, float]] = {}
        self._failing = self._closed = False
        self._lock = threading.Lock()

    def plan(self, wanted: Mapping[Path, Text], now_s: float) -> Plan:
        """What it takes that these files are there, and of those written before no others."""
        put: dict[Path, Text] = {}
        again_s = math.inf
        for file, text in wanted.items():
            there, written_s = self._there.get(file, (None, -math.inf))
            if there is not None and there.text == text.text:
                continue
            late_s = written_s + LEISURE_S
            if there is None or text.gist is None or there.gist != text.gist or late_s <= now_s:
                put[file] = text
            else:
                again_s = min(again_s, late_s)
        return Plan(put, tuple(file for file in self._there if file not in wanted), again_s)

    def carry_out(self, plan: Plan, now_s: float) -> None:
        """Write and remove. What fails is logged, and tried again with the next plan."""
        with self._lock:
            if self._closed:
                return
            for file in plan.remove:
                self._remove(file)
            for file, text in plan.put.items():
                self._put(file, text, now_s)

    def _put(self, file: Path, text: Text, now_s: float) -> None:
        self._there.pop(file, None)
        try:
            put(file, text.text, make_folder=text.makes_folder, until_s=text.until_s)
        except FileNotFoundError:
            return  # its folder is gone: hooks are not installed there any more
        except (OSError, ValueError) as error:
            if not self._failing:
                log.warning("%s cannot be written: %s; this is said once", file.name, type(error).__name__)
            self._failing = True
            return
        self._there[file] = (text, now_s)
        self._failing = False

    def _remove(self, file: Path) -> None:
        there = self._there.pop(file, None)
        if there is not None:
            remove(file, with_folder=there[0].makes_folder)

    @property
    def written(self) -> list[Path]:
        """The files that are there, unless somebody else has removed them."""
        with self._lock:
            return list(self._there)

    def forget(self, files: Iterable[Path]) -> None:
        """Somebody else has removed these files: they are written anew."""
        with self._lock:
            for file in files:
                self._there.pop(file, None)

    def clear(self) -> None:
        """Remove everything that was written, for good."""
        with self._lock:
            self._closed = True
            for file in tuple(self._there):
                self._remove(file)


def put(file: Path, text: str, *, make_folder: bool = False, until_s: int = 0) -> None:
    """Replace a file, so that whoever reads it sees the former text or this one. Raises `OSError`.

    It is not flushed to the disk: after a power cut it names a daemon that is gone. Bytes of names that are no UTF-8
    stand in it as they are.
    """
    if make_folder:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(temporary, flags, 0o600), "wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
    if until_s:
        os.utime(temporary, (until_s, until_s), follow_symlinks=False)
    temporary.replace(file)


def remove(file: Path, *, with_folder: bool = False) -> None:
    """Remove a file that may be there; its folder too if nothing else is in it. Never raises."""
    with suppress(OSError):
        file.unlink()
    if with_folder:
        with suppress(OSError):
            file.parent.rmdir()
