"""What rows are called: short names of what their labels name in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from tokenguard.policy.naming import printable

_NONE = "-"
_PATHS = ("repo", "worktree")


def names_of(key: str, labels: Iterable[str | None]) -> dict[str | None, str]:
    """What to call each label: repositories by their folder, with its parent where two are called the same."""
    if key in ("hour", "block"):
        return {label: _when(label, key) for label in labels}
    if key == "commit":
        return {label: (label or _NONE)[:8] for label in labels}
    if key not in _PATHS:
        return {label: printable(label or _NONE) for label in labels}
    paths = {label: printable(label or _NONE).rsplit("/", 2) for label in set(labels)}
    same = Counter(parts[-1] for parts in paths.values())
    return {label: "/".join(parts[-2:] if same[parts[-1]] > 1 else parts[-1:]) for label, parts in paths.items()}


def _when(label: str | None, key: str) -> str:
    """An hour by its beginning; a block by both its ends."""
    if label is None:
        return _NONE
    begin = label[:16].replace("T", " ")
    return begin if key == "hour" else f"{begin}-{_end(label)}"


def _end(label: str) -> str:
    at = datetime.fromisoformat(label)
    return f"{datetime.fromtimestamp(at.timestamp() + 5 * 3_600, at.tzinfo):%H:%M}"


def commits_of(hashes: Iterable[str | None], subjects: Iterable[str | None]) -> dict[str | None, str]:
    """Commits as `git log --oneline` shows them."""
    commits = zip(hashes, subjects, strict=True)
    return {hash: f"{hash[:8]} {printable(subject or '')}" if hash else "(not committed)" for hash, subject in commits}
