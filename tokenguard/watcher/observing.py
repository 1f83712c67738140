"""Watches folders with watchdog: by the system's own events, or by looking again and again where it has none.

Folders that are watched may come, go, be replaced or lead elsewhere at any time. So the folders above them are watched
too, and after each change there everything is compared with what is watched, by device and inode.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from watchdog.events import FileModifiedEvent, FileSystemEvent
from watchdog.observers import Observer, ObserverType
from watchdog.observers.api import BaseObserver, ObservedWatch

from tokenguard.platforms.mounts import SINGLE_FOLDERS, tells_changes
from tokenguard.watcher.folders import Wanted
from tokenguard.watcher.observers import CHANGES, COMINGS, Handler, is_full, looking, started

log = logging.getLogger(__name__)

Heard = Callable[[Path | None], None]
"""Told of a file or folder that has changed, or None where it may be time to `arm` again. In any thread."""

_ABOVE = 3
"""So many folders above one are watched, where that is cheap."""

_TRIES = 10
"""How often it is looked again whether folders have come while others began to be watched."""


class _Watched(NamedTuple):
    identity: tuple[int, int]
    """Device and inode of the folder."""
    observer: BaseObserver
    watch: ObservedWatch


class Observation:
    """The folders that are watched. `arm` and `close` block, and belong to one thread at a time."""

    def __init__(
        self,
        heard: Heard,
        *,
        native: ObserverType = Observer,
        tells: Callable[[Path], bool] = tells_changes,
        above: int = _ABOVE if SINGLE_FOLDERS else 0,
    ) -> None:
        """`tells`: whether the system tells of changes in a folder. `above`: how many folders above are watched."""
        self._heard = heard
        self._tells = tells
        self._above = above
        self._native = started(native)
        self._watched: dict[Wanted, _Watched] = {}
        self._on_the_way: frozenset[str] = frozenset()
        self._gone: set[str] = set()
        self.uncertain = True
        """Whether a wanted folder can come or go without a word: then `arm` has to be called from time to time."""

    def arm(self, wanted: Iterable[Wanted]) -> set[Path]:
        """Watch these folders, those of them that are there, and no others; which of them are watched anew.

        What happened in those before was not told. Takes as long as walking through them does. Never raises.
        """
        asked = sorted(set(wanted))
        self._on_the_way = frozenset(str(path) for one in asked for path in (one.folder, *one.folder.parents))
        anew: set[Path] = set()
        above = self._all_above(asked)
        for _ in range(_TRIES):
            anew |= self._watch(asked, above)
            # What came before those above it were watched, nobody has told of.
            before, above = above, self._all_above(asked)
            if above == before:
                break
        return anew

    def _watch(self, asked: list[Wanted], above: set[Wanted]) -> set[Path]:
        """Watch these and those above them; which of the former are watched anew."""
        for old in self._watched.keys() - above - set(asked):
            self._drop(old)
        silent = self._keep_all_above(asked, above)
        anew = {one.folder for one in asked if self._keep(one, CHANGES)}
        if anew and self._native is not None and is_full(self._native):
            log.warning("the system watches no more folders (fs.inotify.max_user_watches): they are looked at instead")
            self.close()
            self._native = None
            silent = self._keep_all_above(asked, above)
            anew = {one.folder for one in asked if self._keep(one, CHANGES)}
        self.uncertain = self._above == 0 or silent
        return anew

    def _keep_all_above(self, asked: list[Wanted], above: set[Wanted]) -> bool:
        """Watch those above, as far as the system tells of them; whether there are others."""
        silent = [one for one in above.difference(asked) if not self._tells_of(one)]
        for one in above.difference(asked, silent):
            self._keep(one, COMINGS)
        return bool(silent)

    def close(self) -> None:
        """Watch nothing any more; nothing is told after this."""
        observers = {id(one.observer): one.observer for one in self._watched.values()}
        if self._native is not None:
            observers[id(self._native)] = self._native
        for observer in observers.values():
            observer.stop()
        for observer in observers.values():
            observer.join()
        self._watched.clear()

    def _all_above(self, asked: list[Wanted]) -> set[Wanted]:
        return {Wanted(folder, deep=False) for one in asked for folder in self._folders_above(one.folder)}

    def _folders_above(self, folder: Path) -> list[Path]:
        """The nearest ones that are there; not the root, which never comes or goes."""
        there = (above for above in folder.parents if above != Path(above.anchor) and above.is_dir())
        return list(islice(there, self._above))

    def _tells_of(self, one: Wanted) -> bool:
        return self._native is not None and self._tells(one.folder)

    def _keep(self, one: Wanted, events: list[type[FileSystemEvent]]) -> bool:
        """Watch a folder, if it is there; whether that is new."""
        identity, known = _identity(one.folder), self._watched.get(one)
        if known is not None and known.identity == identity and str(one.folder) not in self._gone:
            return False
        self._drop(one)
        if identity is None:
            return False
        real = os.path.realpath(one.folder)  # it is this that is watched: of a link, watchdog would watch the link
        observer = self._native if self._native is not None and self._tells_of(one) else looking(real, one.deep)
        try:
            handler = Handler(one.folder, real, self._tell, files=FileModifiedEvent in events)
            watch = observer.schedule(handler, real, recursive=one.deep, event_filter=events)
        except OSError as error:
            log.info("a folder of logs cannot be watched: %s", error.strerror)
            return False
        self._watched[one] = _Watched(identity, observer, watch)
        return True

    def _drop(self, one: Wanted) -> None:
        self._gone.discard(str(one.folder))
        known = self._watched.pop(one, None)
        if known is None:
            return
        if known.observer is self._native:
            known.observer.unschedule(known.watch)
        else:
            known.observer.stop()
            known.observer.join()

    def _tell(self, folder: str, path: str, changed: bool) -> None:
        """Something has happened to a folder or to what is below it; whether there is something to be read now."""
        if path == folder:
            self._gone.add(folder)
        if path in self._on_the_way:
            self._heard(None)
        elif changed:
            self._heard(Path(path))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None
