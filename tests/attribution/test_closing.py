"""When commits close, by what git and the spool say."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tokenguard.attribution import layout
from tokenguard.attribution.closing import closings, head_logs
from tokenguard.attribution.spool import Line, Made, Noted, Pushed
from tokenguard.errors import TokenguardError
from tokenguard.records import Closing

AT_S = 1_763_719_200
SECOND = 1_000_000
FORGOTTEN = Made(".", "main", "0" * 40)


class Repository:
    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir()
        self.git("init", "-q", "-b", "main", at_s=AT_S)

    def git(self, *words: str, at_s: int) -> str:
        names = {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        dates = {f"GIT_{who}_DATE": f"@{at_s} +0000" for who in ("AUTHOR", "COMMITTER")}
        env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(self.top), **names, **dates}
        return subprocess.run(
            ["git", *words], cwd=self.top, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, after_s: int) -> Made:
        """One that is made so many seconds after the beginning."""
        self.git("commit", "-q", "--allow-empty", "-m", str(after_s), at_s=AT_S + after_s)
        return Made(".", "main", self.git("rev-parse", "HEAD", at_s=AT_S))

    def closed(self, *lines: Line, written_us: int) -> list[Closing]:
        common_dir = self.top / ".git"
        trees = layout.working_trees(str(common_dir), lambda: [])
        noted = Noted(lines, AT_S * SECOND + written_us)
        return closings(common_dir, trees, noted, head_logs(common_dir, noted))

    def times(self, *lines: Line, written_us: int) -> list[tuple[float, float]]:
        """Since when and until when, in seconds after the beginning."""
        found = self.closed(*lines, written_us=written_us)
        return [(one.since_us / SECOND - AT_S, one.until_us / SECOND - AT_S) for one in found]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path.resolve() / "web")


def test_a_commit_closes_from_the_one_before_to_the_end_of_its_second(repository: Repository) -> None:
    one, two = repository.commit(10), repository.commit(20)
    assert repository.times(one, two, written_us=100 * SECOND) == [(-AT_S, 11), (10, 21)]
    (found, _) = repository.closed(one, two, written_us=100 * SECOND)
    assert found == Closing(
        one.hash, str(repository.top), str(repository.top), "main", 0, (AT_S + 11) * SECOND, twin=found.twin
    )
    assert len(found.twin) == 16


@pytest.mark.parametrize(
    ("written_us", "until_s"),
    [(20_000_000, 20.0), (20_700_000, 20.7), (21_999_999, 21.999999), (22_000_000, 21), (19_999_999, 20)],
)
def test_the_last_line_is_dated_by_its_file(repository: Repository, written_us: int, until_s: float) -> None:
    one, two = repository.commit(10), repository.commit(20)
    (_, (_, found)) = repository.times(one, two, written_us=written_us)
    assert found == pytest.approx(until_s, abs=2e-6)


def test_a_line_that_is_not_the_last_is_dated_by_git(repository: Repository) -> None:
    one = repository.commit(10)
    assert repository.times(one, Pushed(".", "main"), written_us=10_500_000)[0][1] == pytest.approx(10.500001, abs=2e-6)
    assert repository.times(one, Pushed(".", "main"), written_us=11_500_000)[0][1] == 11


def test_its_own_file_tells_when_a_commit_was_made_until_it_is_packed(repository: Repository) -> None:
    made = [repository.commit(10) for _ in range(3)]
    for commit, after_s in zip(made, (10.25, 10.5, 70.75), strict=True):
        file = repository.top / ".git" / "objects" / commit.hash[:2] / commit.hash[2:]
        os.utime(file, ns=(0, AT_S * 1_000_000_000 + round(after_s * 1e9)))
    # The message of the last one was edited for a minute.
    assert [until for _, until in repository.times(*made, written_us=80 * SECOND)] == [10.25, 10.5, 70.75]
    repository.git("repack", "-adq", at_s=AT_S)
    repository.git("prune-packed", at_s=AT_S)
    assert [until for _, until in repository.times(*made, written_us=80 * SECOND)] == [11, 11, 11]


def test_no_commit_closes_what_was_after_the_next_one(repository: Repository) -> None:
    one, two = repository.commit(10), repository.commit(10)
    assert [until for _, until in repository.times(one, two, written_us=10_400_000)] == [
        pytest.approx(10.4, abs=2e-6),
        pytest.approx(10.4, abs=2e-6),
    ]


def test_lines_that_come_late_stand_where_their_commits_do(repository: Repository) -> None:
    """Those of commits that were made while hooks slept may be behind the first one that hooks have noted since."""
    one, two, three = (repository.commit(after_s) for after_s in (10, 20, 30))
    expected = repository.closed(one, two, three, written_us=100 * SECOND)
    assert repository.closed(three, one, two, written_us=100 * SECOND) == expected
    assert repository.closed(three, one, two, one, written_us=100 * SECOND)[1:] == expected, "also twice"
    assert repository.closed(three, FORGOTTEN, one, two, written_us=100 * SECOND) == expected


def test_what_git_has_forgotten_does_not_date_what_was_before(repository: Repository) -> None:
    one, two = repository.commit(10), repository.commit(20)
    expected = repository.times(one, two, written_us=100 * SECOND)
    assert repository.times(one, FORGOTTEN, two, FORGOTTEN, written_us=100 * SECOND) == expected


def test_a_date_in_the_future_closes_nothing_that_comes(repository: Repository) -> None:
    one = repository.commit(9_000)
    assert repository.times(one, written_us=50 * SECOND)[0][1] == pytest.approx(50.000001, abs=2e-6)


def test_without_a_log_the_parent_tells_since_when(repository: Repository) -> None:
    one, two = repository.commit(10), repository.commit(20)
    (repository.top / ".git/logs/HEAD").unlink()
    assert repository.times(one, two, written_us=100 * SECOND) == [(-AT_S, 11), (10, 21)]


def test_what_cannot_be_placed_is_left_out(repository: Repository) -> None:
    made = repository.commit(10)
    gone = Made("a-tree-that-is-gone", "main", made.hash)
    unknown = Made(".", "main", "1" * 40)
    assert [one.hash for one in repository.closed(gone, unknown, made, written_us=SECOND)] == [made.hash]


def test_git_that_does_not_answer_is_asked_another_time(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = repository.commit(10)
    (tmp_path / "git").write_text("#!/bin/sh\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        with pytest.raises(TokenguardError, match="git does not tell of the commits in"):
            repository.closed(made, written_us=SECOND)
        (repository.top / ".git").rename(repository.top / "gone")
        # Of what is no repository any more there is nothing to be told.
        assert repository.closed(made, written_us=SECOND) == []
