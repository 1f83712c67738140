"""Five clones around one bare repository, as five people have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.team.gitrefs.conftest import Git, snapshot
from tests.team.gitrefs.team import DOLLAR, Desk, Wall, policy
from tokenguard.errors import TeamError
from tokenguard.team.gitrefs import backend
from tokenguard.team.gitrefs.machine import GitRefs
from tokenguard.team.gitrefs.remote import Pushed, Remote
from tokenguard.team.shape import Demand, Place

NAMES = ("ann", "bob", "cid", "dan", "fay")
Push = Callable[[Remote, str, bytes, int, str], Pushed]


class Person:
    """Somebody with a clone."""

    def __init__(self, git: Git, name: str, seconds: float = 60) -> None:
        self.clone = git.clone(name)
        self.desk = Desk(Wall())
        place = Place(git.folder / "state" / name, name, "m", self.clone)
        self.backend: GitRefs = backend(policy(), place, self.desk.clock, seconds=seconds)

    async def sync(self) -> None:
        self.desk.hear(await self.backend.sync(self.desk))


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[Pushed]:
    """What became of every document."""
    seen: list[Pushed] = []
    push: Push = Remote.push

    def listening(remote: Remote, ref: str, data: bytes, at_s: int, expected: str) -> Pushed:
        seen.append(push(remote, ref, data, at_s, expected))
        return seen[-1]

    monkeypatch.setattr(Remote, "push", listening)
    return seen


async def test_five_that_report_at_once_are_never_rejected_and_none_is_over(git: Git, pushed: list[Pushed]) -> None:
    people = [Person(git, name) for name in NAMES]
    before = [snapshot(person.clone) for person in people]
    for turn in range(14):
        if turn in (5, 9):
            git.delete_refs()
        await asyncio.gather(*(person.sync() for person in people))
        for person in people:
            if turn % 4 == NAMES.index(person.clone.name):
                continue
            person.desk.spend("all", DOLLAR)
            person.desk.wanted = Demand(short=2 * DOLLAR)
    assert len(pushed) >= 50
    assert set(pushed) == {Pushed.DONE}
    assert len(git.refs()) == 5
    spent = sum(call.spent for person in people for call in person.desk.calls)
    room = sum(person.desk.room("all") for person in people)
    assert 30 * DOLLAR < spent
    assert spent + room <= 100 * DOLLAR
    assert [snapshot(person.clone) for person in people] == before
    for person in people:
        await person.backend.close()


async def test_a_strict_server_takes_the_work_and_none_of_ours(git: Git, pushed: list[Pushed]) -> None:
    ann = Person(git, "ann")
    hook = git.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nwhile read old new ref; do case $ref in refs/heads/*) ;; *) exit 1;; esac; done\n")
    hook.chmod(0o755)
    heard = await ann.backend.sync(ann.desk)
    assert pushed == [Pushed.REFUSED]
    assert heard.remarks[0].startswith("the remote takes no reports of this machine (pre-receive hook declined)")
    (ann.clone / "work").write_text("more")
    git.run("commit", "-q", "-a", "-m", "more", folder=ann.clone)
    assert git.run("push", "--porcelain", "origin", "ann", folder=ann.clone).endswith("Done\n")
    await ann.backend.close()


async def test_a_remote_that_hangs_ends_a_turn_in_time_and_the_next_one_goes_on(git: Git) -> None:
    ann = Person(git, "ann", seconds=2)
    script = git.script("ssh", "sleep 600")
    git.run("config", "core.sshCommand", str(script), folder=ann.clone)
    git.run("remote", "set-url", "origin", f"git@example.com:{git.bare}", folder=ann.clone)
    ann.desk.overspend(DOLLAR)
    with pytest.raises(TeamError, match="did not answer within 2 s"):
        await ann.sync()
    # The person's own commit waits for nothing, and what was spent is written down.
    (ann.clone / "work").write_text("more")
    git.run("commit", "-q", "-a", "-m", "more", folder=ann.clone)
    assert b'"spent":1000000000' in (git.folder / "state/ann/state.json").read_bytes()
    git.run("remote", "set-url", "origin", f"file://{git.bare}", folder=ann.clone)
    await ann.backend.close()
    again = backend(policy(), Place(git.folder / "state/ann", "ann", "m", ann.clone), ann.desk.clock, seconds=60)
    assert (await again.sync(ann.desk)).shares[0].granted
    await again.close()


async def test_what_is_kept_is_for_nobody_else_to_read(git: Git) -> None:
    ann = Person(git, "ann")
    await ann.sync()
    assert _mode(git.folder / "state/ann") == 0o700
    assert _mode(git.folder / "state/ann/state.json") == 0o600
    await ann.backend.close()


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
