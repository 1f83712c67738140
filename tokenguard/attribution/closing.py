"""From the commits that hooks have noted to what they close: where, and which time of work before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tokenguard.attribution.commits import Commit, described, folded
from tokenguard.attribution.layout import WorkingTree, folder_of, is_repository
from tokenguard.attribution.moves import Move, left_before, making, moves, place_of
from tokenguard.attribution.spool import Made, Noted
from tokenguard.errors import TokenguardError
from tokenguard.records import Closing, Rewrite

_SECOND_US = 1_000_000
_SHARP_US = 2 * _SECOND_US
"""How far a commit's time and that of the line about it are apart at most."""
_EDITED_US = 3600 * _SECOND_US
"""For how long somebody may have edited a message, after git had taken the time. Beyond that it was set by hand."""


def head_logs(common_dir: Path, noted: Noted) -> dict[str, list[Move]]:
    """What moved the HEADs of the working trees in which commits were made, by their names."""
    names = {line.tree for line in noted.lines if isinstance(line, Made)}
    return {name: moves(folder_of(common_dir, name)) for name in names}


def closings(
    common_dir: Path, trees: Iterable[WorkingTree], noted: Noted, logs: Mapping[str, list[Move]]
) -> list[Closing]:
    """What the commits among these lines close, in their order; nothing of those of working trees that have gone.

    Its own file, as long as it has one, tells when a commit was made; git itself dates it to the second in which it was
    begun, and then a call of the same second is earlier. Of the last line, the time of that tells better.

    Raises `TokenguardError` if git does not answer though there is a repository.
    """
    places = {one.name: one for one in trees}
    made = _in_order(noted, logs)
    commits = _commits(common_dir, {line.hash for line in made})
    parents = _commits(common_dir, {parent for commit in commits.values() for parent in commit.parents[:1]})
    found: list[Closing] = []
    for line, until_us in zip(made, _ends(common_dir, noted, made, commits), strict=True):
        place, commit = places.get(line.tree), commits.get(line.hash)
        if place is None or place.path is None or commit is None:
            continue
        way = making(logs[line.tree], line.hash)
        since_us = way.since_us if way else None
        if since_us is None:
            since_us = max((parents[one].committed_us for one in commit.parents[:1] if one in parents), default=0)
        repeats = way is not None and way.repeats
        found.append(Closing(line.hash, place.repo, place.path, line.branch, since_us, until_us, repeats, commit.twin))
    return found


def foldings(common_dir: Path, noted: Noted, logs: Mapping[str, list[Move]]) -> dict[str, list[Rewrite]]:
    """Commits that were made of others by hand, and of nothing else: HEAD was reset, and all was committed again."""
    found: dict[str, list[Rewrite]] = {}
    for line in noted.lines:
        if isinstance(line, Made) and (tip := left_before(logs[line.tree], line.hash)) is not None:
            olds = folded(str(common_dir), tip, line.hash)
            found[line.hash] = [Rewrite("squash", old, line.hash) for old in olds]
    return found


def _commits(common_dir: Path, hashes: set[str]) -> dict[str, Commit]:
    found = described(str(common_dir), hashes)
    if found is None and is_repository(str(common_dir)):
        raise TokenguardError(f"git does not tell of the commits in {common_dir}", "try git log there")
    return found or {}


def _in_order(noted: Noted, logs: Mapping[str, list[Move]]) -> list[Made]:
    """The commits among these lines.

    Those of a working tree stand as in its log: what was done while hooks slept can be noted after what was done since.
    """
    made = [line for line in noted.lines if isinstance(line, Made)]
    order: list[Made] = []
    for name in dict.fromkeys(line.tree for line in made):
        here = [line for line in made if line.tree == name]
        places = [place_of(logs[name], line.hash) for line in here]
        known = iter(sorted((place, at) for at, place in enumerate(places) if place is not None))
        order += [line if place is None else here[next(known)[1]] for line, place in zip(here, places, strict=True)]
    return order


def _ends(common_dir: Path, noted: Noted, made: list[Made], commits: dict[str, Commit]) -> Iterator[int]:
    """The first instant that is not for it any more, of each commit."""
    found: list[int] = []
    latest: dict[str, int] = {}
    for line in reversed(made):
        if line.hash not in commits:  # git has forgotten it
            found.append(0)
            continue
        committed_us = commits[line.hash].committed_us
        until_us = written_us(common_dir, line.hash)
        if until_us is None or not committed_us <= until_us <= min(noted.written_us, committed_us + _EDITED_US):
            until_us = committed_us + _SECOND_US
            if line is noted.lines[-1] and committed_us <= noted.written_us < committed_us + _SHARP_US:
                until_us = noted.written_us
        # Nothing is closed by a commit that was made after it, nor after the line about it was written.
        latest[line.tree] = until_us = min(until_us, latest.get(line.tree, noted.written_us + 1))
        found.append(until_us)
    return reversed(found)


def written_us(common_dir: Path, hash: str) -> int | None:
    """When the file of a commit was written; None once git has packed it."""
    try:
        return (common_dir / "objects" / hash[:2] / hash[2:]).stat().st_mtime_ns // 1000
    except OSError:
        return None
