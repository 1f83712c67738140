"""Small files that say what budgets say now: for git hooks and status lines, which never wait for the daemon."""

from tokenguard.status_files.repositories import RepositoryBoard
from tokenguard.status_files.sessions import SessionBoard
from tokenguard.status_files.tending import StatusFiles
from tokenguard.status_files.trailers import TrailerBoard

__all__ = ["RepositoryBoard", "SessionBoard", "StatusFiles", "TrailerBoard"]
