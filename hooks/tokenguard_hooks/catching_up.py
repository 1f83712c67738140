"""What hooks have not noted is read: once where those of all repositories have slept, and again and again where hook
managers run ours, which note no commits."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from tokenguard.attribution.git import ask
from tokenguard.attribution.layout import working_trees
from tokenguard.attribution.logs import Mark
from tokenguard.attribution.missed import marks, missed
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import files, hook_folders, managers, marking, reaching, tracking
from tokenguard_hooks.locking import alone

if TYPE_CHECKING:
    from tokenguard_hooks.gits import Gits

_SECONDS = 0.5
"""How long is waited for others that change the same hooks."""

_SWITCHED_OFF = r"^hook\.(tokenguard-)?post-commit\.enabled$"


class CatchingUp:
    """What was read since hooks woke. May be asked from several threads."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._gits: Gits | None = None
        self._lock = Lock()
        self._read: dict[Path, dict[str, Mark]] = {}
        self._without_log: set[Path] = set()
        self._followed: dict[Path, dict[str, Mark]] = {}
        self._times = 0

    def begin(self) -> None:
        """Hooks have slept: all has to be read again."""
        with self._lock:
            self._times += 1
            self._read.clear()
            self._gits = None  # what was seen before may have begun while they slept

    def read(self, common_dir: Path, since_us: int) -> None:
        """Note what was done in a repository while hooks slept, unless that is done; where nothing tells how far it was
        read, since an instant. Blocks while git is asked. Raises `TokenguardError`.

        Where a git is about that may not know of hooks yet, this is to be done again.
        """
        if common_dir in self._read:
            return
        if not marking.is_understood(common_dir):
            if self._is_served(common_dir):
                with self._lock:
                    self._without_log.add(common_dir)
            return
        times = self._times
        with alone(common_dir, _SECONDS):
            # First of all: what such a git does is in the logs before it has ended.
            unaware = self._near(common_dir)
            since = marking.read(self._kept(common_dir))
            now = marks(common_dir)
            lines = missed(common_dir, since or {}, since_us if since is None else None)
            if lines and self._is_served(common_dir, known=True):
                marking.note(common_dir, self._paths, lines)
            self._put(common_dir, now)
        keeps_log = marking.keeps_log(common_dir)
        served = keeps_log or self._is_served(common_dir)
        with self._lock:
            if not unaware and times == self._times:
                self._read[common_dir] = now
            if keeps_log or not served:
                self._without_log.discard(common_dir)
            else:
                self._without_log.add(common_dir)

    def follow(self, common_dir: Path, since_us: int) -> None:
        """Note what was done since it was read last, in a repository where a hook manager runs our hooks; where nothing
        tells when that was, since an instant. Blocks while git is asked. Raises `TokenguardError`.
        """
        now = marks(common_dir)
        if self._followed.get(common_dir) == now:
            return
        since = marking.read(self._kept(common_dir))
        if not marking.is_understood(common_dir):
            return
        if since != now and self._is_managed(common_dir):
            with alone(common_dir, _SECONDS):
                marking.note(
                    common_dir, self._paths, missed(common_dir, since or {}, since_us if since is None else None)
                )
                self._put(common_dir, now)
        self._followed[common_dir] = now

    def begin_with(self, common_dir: Path) -> None:
        """Follow a repository from now on, unless that is done. Raises `TokenguardError`."""
        if marking.read(self._kept(common_dir)) is None:
            self._put(common_dir, marks(common_dir))

    @property
    def complete(self) -> bool:
        """Whether all that is done in the repositories that are known can be read later."""
        return not self._without_log

    def settle(self, common_dir: Path) -> None:
        """Take note that hooks, which are awake, have noted what was done up to now. Raises `TokenguardError`."""
        if common_dir in self._read and (now := marks(common_dir)) != self._read[common_dir]:
            self._put(common_dir, now)

    def _is_served(self, common_dir: Path, *, known: bool = False) -> bool:
        """Whether hooks that serve several repositories serve this one, or may have done so where that is `known`."""
        folders = {one.path for one in hook_folders.look(self._paths)}
        everywhere = not folders or reaching.look(self._paths) is not None
        may = everywhere or (known and hook_paths.folder(self._paths, common_dir).is_dir())
        return (may and not _is_switched_off(common_dir)) or tracking.leads_to(folders, common_dir)

    def _is_managed(self, common_dir: Path) -> bool:
        """Whether a hook manager runs our hooks, as far as can be seen, or has done so."""
        folder = hook_paths.folder(self._paths, common_dir)
        trees = working_trees(str(common_dir), tuple)
        return files.is_there(folder / hook_paths.MANAGED) or any(
            one.path is not None and managers.uses_ours(Path(one.path)) for one in trees
        )

    def _near(self, common_dir: Path) -> bool:
        from tokenguard_hooks.gits import Gits  # heavy, and needed by nobody who only begins to follow

        with self._lock:
            gits = self._gits = self._gits or Gits()
        return gits.is_near(common_dir)

    def _put(self, common_dir: Path, now: dict[str, Mark]) -> None:
        file = self._kept(common_dir)
        # Without a folder, no hook has noted anything there, and reading takes no time.
        if file.parent.is_dir() and marking.read(file) != now:
            marking.put(file, file.with_name(f"{file.name}.new"), b"", now)

    def _kept(self, common_dir: Path) -> Path:
        return hook_paths.folder(self._paths, common_dir) / hook_paths.READ


def _is_switched_off(common_dir: Path) -> bool:
    told = ask(str(common_dir), "config", "--type=bool", "--get-regexp", _SWITCHED_OFF) or ""
    return any(line.endswith(" false") for line in told.splitlines())
