"""What is written is on the disk, private, and never older than what was written before."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tokenguard.errors import TeamError
from tokenguard.policy.leasing import Lease
from tokenguard.records.teams import Share, TeamBudget
from tokenguard.team.postgres.book import Book, State
from tokenguard.team.postgres.chains import Chain


async def test_what_is_written_is_read(tmp_path: Path) -> None:
    share = Share(TeamBudget("month", 100), 5, None, others=3, granted=4, usable_s=0.0)
    state = State(
        chains=(Chain(5, None, leases=(Lease("a", 10, 3, 99.5, "boot"),)),), asked="asked", shares=(share,), heard_us=7
    )
    folder = tmp_path / "team"
    await Book(folder).write(state)
    assert Book(folder).read() == (state, "")
    assert stat.S_IMODE((folder / "state.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [file.name for file in folder.iterdir()] == ["state.json"]


def test_nothing_is_a_beginning(tmp_path: Path) -> None:
    assert Book(tmp_path).read() == (State(), "")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"chains": 5}', b"[]"])
def test_what_cannot_be_read_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "state.json").write_bytes(data)
    state, trouble = Book(tmp_path).read()
    assert state == State()
    assert "what was leased before counts as spent" in trouble


async def test_it_is_on_the_disk_before_it_is_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    replace = Path.replace

    def fsync(_: int) -> None:
        done.append("fsync")

    def replacing(self: Path, to: Path) -> Path:
        done.append("replace")
        return replace(self, to)

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr(Path, "replace", replacing)
    await Book(tmp_path).write(State())
    assert done == ["fsync", "replace", "fsync"]


async def test_what_was_overtaken_is_not_written(tmp_path: Path) -> None:
    """A visit that ran out of time has left a thread that still writes."""
    book = Book(tmp_path)
    await book.write(State(heard_us=2))
    # Of `write`, no test can choose which thread is the last.
    book._write(b"older", 0)  # pyright: ignore[reportPrivateUsage]
    assert book.read()[0].heard_us == 2


async def test_a_disk_that_is_full_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TeamError, match="cannot be written: No space left"):
        await Book(tmp_path).write(State())
