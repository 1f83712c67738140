"""Where git hooks, status lines and the daemon leave files for each other: below `hooks` in the state folder.

Shell scripts find these places by the same rules, so they must need neither a hash nor quoting.
"""

from __future__ import annotations

import re
from pathlib import Path

from tokenguard.config.paths import Paths

STATUS = "tokenguard-status"
"""In a repository's folder, written by the daemon: what its hooks say now."""

TRAILERS = "tokenguard-trailers"
"""In a repository's folder, written by the daemon: the runs that commits can name."""

LOGGED = "tokenguard-logged"
"""In a repository's folder, written by the daemon: the working trees whose commits it tells from git's log."""

SPOOL = "tokenguard-spool"
"""In a repository's folder, written by its hooks, line by line: what has happened; the daemon takes the lines away."""

SLEEPLESS = ".tokenguard-sleepless"
"""In a repository's folder, written by its hooks: they cannot be put to sleep, so that is not tried for now."""

READ = ".tokenguard-read"
"""In a repository's folder, written by the daemon: how far git's logs are noted, for hooks of all repositories."""

EVERYWHERE = "everywhere"
"""In the folder of hooks: since when the hooks of all repositories can sleep, and where they are."""

FOLDERS = "folders"
"""In the folder of hooks: the folders of others in which hooks of ours are, and since when those can sleep."""

UNSHARED = ".tokenguard-unshared"
"""In the folder of hooks, written by those in such folders: they cannot be put to sleep, which is not tried for now."""

MANAGED = ".tokenguard-managed"
"""In a repository's folder, written by hooks that a hook manager runs: commits are read from git's logs there."""

OF_REPOSITORIES = (STATUS, TRAILERS, LOGGED, SLEEPLESS, READ, MANAGED)
"""All of these but the spool, which may hold what the daemon has not read yet."""

AWAKE = "awake"
"""In the folder of hooks, written by the daemon: lines in the files of hook managers do something while it is there."""

VERDICT = "verdict"
"""In a session's folder, written by the daemon: whether another prompt may begin."""

LINE = "line"
"""In a session's folder, written by the daemon: its status line."""

NOW = "now"
"""In the folder of bars, written by the daemon: the line of today."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def hooks(paths: Paths) -> Path:
    """The folder of all that is said here."""
    return paths.state_dir / "hooks"


def repositories(paths: Paths) -> Path:
    """The folder below which that of every repository is."""
    return hooks(paths) / "repositories"


def folder(paths: Paths, common_dir: Path) -> Path:
    """The folder of a repository by its git common directory, a physical absolute path: that path, mirrored.

    It is there where hooks are installed. Folders on the way to another repository's are there too: what tells them
    apart is whether `common_dir` is a repository.
    """
    return repositories(paths).joinpath(*common_dir.parts[1:])


def common_dir(paths: Paths, folder: Path) -> Path:
    """The git common directory to which a repository's folder belongs. Raises `ValueError` for any other folder."""
    return Path("/", folder.relative_to(repositories(paths)))


def sessions(paths: Paths) -> Path:
    """The folder in which that of every session is."""
    return hooks(paths) / "sessions"


def session_folder(paths: Paths, session_id: str) -> Path:
    """The folder of a session. Raises `ValueError` for an id that is no plain name, which only others can have made."""
    if not _PLAIN.fullmatch(session_id):
        raise ValueError("a session's id is letters, digits, - and _")
    return sessions(paths) / session_id


def bars(paths: Paths) -> Path:
    """The folder of the line of today. It is there where somebody has set one up; only there the daemon writes it."""
    return hooks(paths) / "bars"
