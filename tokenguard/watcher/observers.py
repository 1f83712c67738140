"""Watchdog's observers, the system's and one that looks again and again, and what their events say."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import ObserverType
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserverVFS

log = logging.getLogger(__name__)

COMINGS: list[type[FileSystemEvent]] = [
    *(DirCreatedEvent, DirMovedEvent, DirDeletedEvent),
    *(FileCreatedEvent, FileMovedEvent, FileDeletedEvent),  # of links to folders
]
CHANGES: list[type[FileSystemEvent]] = [*COMINGS, FileModifiedEvent]
"""Not the opening and closing of files: our own reading would be told to us."""

_OFTEN = 1.0
_SELDOM = 60.0
_LEISURE = 20
"""Where nobody tells: seconds between looks, at least and at most, and how many times as long as one look takes."""


class Handler(FileSystemEventHandler):
    """Turns watchdog's events in one folder into paths as those know them who asked for it."""

    def __init__(self, folder: Path, real: str, tell: Callable[[str, str, bool], None], *, files: bool) -> None:
        self._folder = str(folder)
        self._real = real
        self._tell = tell
        self._files = files

    def dispatch(self, event: FileSystemEvent) -> None:
        """See `FileSystemEventHandler`. Called in watchdog's thread."""
        gone = isinstance(event, (FileDeletedEvent, DirDeletedEvent)) or event.dest_path
        self._told(event.src_path, self._files and not gone)
        if event.dest_path:
            self._told(event.dest_path, self._files)

    def _told(self, path: str | bytes, changed: bool) -> None:
        self._tell(self._folder, self._folder + os.fsdecode(path)[len(self._real) :], changed)


def started(native: ObserverType) -> BaseObserver | None:
    """The system's observer; None where the system watches nothing for us."""
    # That a watch ends, or that a new folder is found twice, is nothing to complain of; watchdog does, naming paths.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")
    try:
        observer = native()
        observer.start()
    except OSError as error:
        log.warning("the system watches nothing for us (%s): folders are looked at instead", error.strerror)
        return None
    return observer


def looking(folder: str, deep: bool) -> BaseObserver:
    """Looks again and again: the less often, the longer it takes."""
    began = time.monotonic()
    if deep:
        for _ in os.walk(folder):
            pass
    pause = min(_SELDOM, max(_OFTEN, (time.monotonic() - began) * _LEISURE))
    observer = PollingObserverVFS(os.lstat, _entries, polling_interval=pause)  # links can lead around in a circle
    observer.start()
    return observer


def _entries(folder: str | None) -> Iterator[os.DirEntry[str]]:
    return os.scandir(folder)


def is_full(native: BaseObserver) -> bool:
    """Whether the system watches no more folders: watchdog leaves those out silently that are further down."""
    with TemporaryDirectory() as probe:
        try:
            native.unschedule(native.schedule(FileSystemEventHandler(), probe, event_filter=COMINGS))
        except OSError:
            return True
    return False
