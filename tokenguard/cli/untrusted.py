"""What to say where the current repository names a team to which the user did not agree."""

from __future__ import annotations

import os
from pathlib import Path

from tokenguard import attribution
from tokenguard.config.paths import Paths
from tokenguard.policy.budgets import REPOSITORY_FILE


def team_without_effect(paths: Paths) -> tuple[str, str] | None:
    """What keeps it from taking effect, and what to do; None if nothing does. Never raises."""
    worktree = attribution.locate(Path()).worktree
    if worktree is None or not os.path.exists(f"{worktree}/{REPOSITORY_FILE}"):
        return None
    from tokenguard.cli.team.here import concern  # needs what most repositories spare us

    return concern(paths)
