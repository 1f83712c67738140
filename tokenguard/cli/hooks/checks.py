"""Checks of git hooks that sleep."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard import client
from tokenguard.cli.findings import Finding, ok, warn
from tokenguard.config.paths import Paths
from tokenguard.policy.naming import printable
from tokenguard_hooks import hook_folders, reaching, sharing
from tokenguard_hooks.rounds import Rounds

_SECONDS = 2.0
"""How long is waited for folders that do not answer."""


def findings(paths: Paths) -> Iterator[Finding]:
    """Whether hooks sleep, and whether they should."""
    asleep, everywhere, shared = Rounds(paths).asleep(_SECONDS), reaching.is_asleep(paths), sharing.is_asleep(paths)
    if (asleep or everywhere or shared) and client.find(paths) is None:
        where = "1 repository" if len(asleep) == 1 else f"{len(asleep):,} repositories"
        whose = "all repositories" if everywhere else where if asleep else ""
        folders = "a folder that several repositories may use" if shared else ""
        yield ok("hooks", f"those of {' and of '.join(filter(None, (whose, folders)))} sleep until the daemon runs")
        return
    if everywhere:
        yield warn(
            "hooks", "those of all repositories sleep, though the daemon runs", "tokenguard hooks status wakes them"
        )
    for folder in (one.path for one in hook_folders.look(paths) if sharing.sleeps_in(one.path, paths)):
        what = f"those in {printable(str(folder))} sleep, though the daemon runs"
        yield warn("hooks", what, "tokenguard hooks status, run where git uses them, wakes them or says what is amiss")
    for common_dir in asleep:
        what = f"those of {printable(str(common_dir))} sleep, though the daemon runs"
        yield warn("hooks", what, "tokenguard hooks status, run there, wakes them or says what is in the way")
