"""What git hooks and status lines read, put together from what the daemon knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.daemon.commits import Commits
from tokenguard.guard import Desk, Guard
from tokenguard.guard.places import Places
from tokenguard.ledger import Ledger, Where, queries
from tokenguard.status_files import SessionBoard, StatusFiles, TrailerBoard


def status_files(
    paths: Paths,
    ledger: Ledger,
    guard: Guard,
    desk: Desk,
    pushing: Callable[[str], None],
    noted: Callable[[Path], Awaitable[None]],
) -> StatusFiles:
    """Those of a daemon, with what is done with the notes that hooks leave.

    `pushing` is told of a repository from which something is about to be pushed; `noted`, by its git common directory,
    of one whose hooks have noted something, once that is taken.
    """
    places = Places(guard.counting, lambda: guard.config.budgets, guard.now)
    commits = Commits(ledger, paths, guard.now, lambda: guard.config.hooks.notes, pushing)

    async def take(folder: Path) -> None:
        await commits.take(folder)
        await noted(hook_paths.common_dir(paths, folder))

    async def model_of(session_id: str) -> str | None:
        await desk.written()
        groups = queries.grouped(ledger.read(), ["model"], Where(session=session_id))
        dearest = max(groups, key=lambda one: one.totals.cost_nanos + one.totals.notional_nanos, default=None)
        return str(dearest.key[0]) if dearest and dearest.key[0] else None

    trailers = TrailerBoard(lambda: guard.config.hooks.trailers, guard.sessions.running.all, model_of)
    runs = SessionBoard(paths, desk, guard.now)
    return StatusFiles(paths, places, lambda: guard.config, take, trailers, runs)
