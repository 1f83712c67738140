"""On which branch commits were made; that this is what hooks are told, `test_missed` and `test_logged` see to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tokenguard.attribution import logs
from tokenguard.attribution.branch_logs import named
from tokenguard.attribution.moves import Move

BEGIN_S = 1_763_719_200


def hash_of(number: int) -> str:
    return f"{number:040x}"


def move(number: int, how: str = "commit: more", before: int | None = None) -> Move:
    """HEAD went from one commit to the next, a second after that."""
    old = hash_of(number - 1 if before is None else before)
    return Move(hash_of(number), (BEGIN_S + number) * 1_000_000, how, old)


def line(one: Move) -> bytes:
    return f"{one.old} {one.hash} Ann <ann@example.com> {one.at_us // 1_000_000} +0100\t{one.how}\n".encode()


def write(common_dir: Path, branch: str | bytes, *told: Move | str, at_s: int | None = None) -> None:
    """The log of a branch; what is a text is said of the branch itself."""
    file = Path(os.fsdecode(os.fsencode(common_dir / "logs" / "refs" / "heads") + b"/" + os.fsencode(branch)))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(line(one if isinstance(one, Move) else move(0, one, 0)) for one in told))
    if at_s is not None:
        os.utime(file, (at_s, at_s))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The logs that were read."""
    found: list[str] = []
    content = logs.content

    def note(git_dir: Path, name: str = "HEAD") -> bytes:
        found.append(name)
        return content(git_dir, name)

    monkeypatch.setattr(logs, "content", note)
    return found


def test_the_likely_one_is_asked_first(tmp_path: Path, read: list[str]) -> None:
    write(tmp_path, "main", move(1), move(2))
    write(tmp_path, "copy", move(1), move(2))
    assert named(tmp_path, tmp_path, {move(1): "main", move(2): "main"}) == {move(1): "main", move(2): "main"}
    assert read == ["refs/heads/main"]


def test_of_the_others_those_that_were_written_since(tmp_path: Path, read: list[str]) -> None:
    """The last one first, and no more than it takes."""
    write(tmp_path, "main", move(1), move(7), at_s=BEGIN_S + 7)
    write(tmp_path, "older", move(5), at_s=BEGIN_S - 60)
    write(tmp_path, "deep/er/side", move(5), at_s=BEGIN_S + 8)
    write(tmp_path, "other", move(9), at_s=BEGIN_S + 9)
    write(tmp_path, "between", move(6), at_s=BEGIN_S + 6)
    assert named(tmp_path, tmp_path, {move(5): "main", move(7): "main"}) == {move(5): "deep/er/side", move(7): "main"}
    assert read == [f"refs/heads/{name}" for name in ("main", "other", "deep/er/side")]
    assert named(tmp_path, tmp_path, {move(5): None}) == {move(5): "deep/er/side"}


def test_the_same_hash_is_not_enough(tmp_path: Path) -> None:
    """Nor the same in other words, or at another time."""
    others = move(5, "reset: moving to side"), move(5, before=3), move(5)._replace(at_us=(BEGIN_S + 9) * 1_000_000)
    write(tmp_path, "side", *others)
    assert named(tmp_path, tmp_path, {move(5): "main"}) == {}
    write(tmp_path, "side", *others, move(5))
    assert named(tmp_path, tmp_path, {move(5): "main"}) == {move(5): "side"}


@pytest.mark.parametrize(
    ("later", "name"),
    [
        ([], "last"),
        (["Branch: renamed refs/heads/a to refs/heads/last"], "a"),
        (["Branch: copied refs/heads/a to refs/heads/last"], "a"),
        (["Branch: renamed refs/heads/a to refs/heads/b/c", "Branch: renamed refs/heads/b/c to refs/heads/last"], "a"),
        (["commit: Branch: renamed refs/heads/a to refs/heads/last"], "last"),
        (["Branch: renamed refs/heads/a to refs/heads/last again"], "last"),
    ],
)
def test_it_is_called_as_it_was_then(tmp_path: Path, later: list[str], name: str) -> None:
    write(tmp_path, "last", "Branch: renamed refs/heads/before to refs/heads/a", move(5), *later)
    write(tmp_path, "a", move(9))
    assert named(tmp_path, tmp_path, {move(5): "a"}) == {move(5): name}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    write(tmp_path, b"caf\xe9", move(5))
    assert named(tmp_path, tmp_path, {move(5): "main"}) == {move(5): "caf\N{REPLACEMENT CHARACTER}"}


def test_without_logs_none_tells(tmp_path: Path) -> None:
    assert named(tmp_path, tmp_path, {move(5): "main", move(6): None}) == {}
    write(tmp_path, "main", move(4))
    assert named(tmp_path, tmp_path, {move(5): "main", move(6): None}) == named(tmp_path, tmp_path, {}) == {}
