"""Checks of git hooks that sleep."""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard import client
from tokenguard.cli.findings import Finding, ok, warn
from tokenguard.config.paths import Paths
from tokenguard.policy.naming import printable
from tokenguard_hooks import reaching
from tokenguard_hooks.rounds import Rounds

_SECONDS = 2.0
"""How long is waited for folders that do not answer."""


def findings(paths: Paths) -> Iterator[Finding]:
    """Whether hooks sleep, and whether they should."""
    asleep, everywhere = Rounds(paths).asleep(_SECONDS), reaching.is_asleep(paths)
    if (asleep or everywhere) and client.find(paths) is None:
        where = "1 repository" if len(asleep) == 1 else f"{len(asleep):,} repositories"
        yield ok("hooks", f"those of {'all repositories' if everywhere else where} sleep until the daemon runs")
        return
    if everywhere:
        yield warn(
            "hooks", "those of all repositories sleep, though the daemon runs", "tokenguard hooks status wakes them"
        )
    for common_dir in asleep:
        what = f"those of {printable(str(common_dir))} sleep, though the daemon runs"
        yield warn("hooks", what, "tokenguard hooks status, run there, wakes them or says what is in the way")
