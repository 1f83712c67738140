"""All repositories at once: those that do not answer keep nobody waiting, and one that is broken no other."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event

import pytest

from tests.hooks.world import World
from tokenguard.config import hook_paths
from tokenguard_hooks import everywhere, flagging, marking, reaching, resting, scripts, sharing
from tokenguard_hooks.catching_up import CatchingUp
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.rounds import Rounds

LONG = 60.0
DOCS = Path(__file__).parents[2] / "docs" / "hooks.md"


@pytest.fixture(params=["files", "tables"])
def references(request: pytest.FixtureRequest) -> str:
    """All of this is the same wherever git keeps them."""
    return str(request.param)


@pytest.fixture
def rounds(user: World) -> Rounds:
    return Rounds(user.paths)


def hooked(world: World, name: str) -> Path:
    tree = world.repository(name)
    install(look(tree), world.paths, scripts.EVENTS, None, consent=False)
    return tree


def sleeps(tree: Path) -> bool:
    return not (tree / ".git" / "hooks" / "pre-commit").exists()


def test_all_fall_asleep_and_wake(user: World, rounds: Rounds) -> None:
    trees = [hooked(user, name) for name in ("web", "deep/er/api", "web/inner", "it's\nhere")]
    rounds.put_to_sleep(LONG)
    assert all(map(sleeps, trees))
    assert rounds.asleep(LONG) == sorted(tree / ".git" for tree in trees)
    user.commit(trees[1], "second")
    rounds.wake(LONG)
    assert not any(map(sleeps, trees)) and rounds.asleep(LONG) == []
    assert user.spool(trees[1] / ".git") == [f"1 commit . main {user.hash(trees[1])}"]


def test_nothing_is_known(rounds: Rounds) -> None:
    rounds.put_to_sleep(LONG)
    rounds.wake(LONG)
    assert rounds.asleep(LONG) == []


def test_one_that_is_gone_or_broken(user: World, rounds: Rounds, caplog: pytest.LogCaptureFixture) -> None:
    gone, broken, sound = (hooked(user, name) for name in ("gone", "broken", "sound"))
    shutil.rmtree(gone)
    (broken / ".git" / "tokenguard-asleep.new").mkdir()
    rounds.put_to_sleep(LONG)
    assert sleeps(sound) and not sleeps(broken)
    assert f"hooks in {broken}/.git stay as they are" in caplog.text and str(gone) not in caplog.text
    rounds.put_to_sleep(LONG)
    assert caplog.text.count("stay as they are") == 1


def test_of_those_that_wake_it_is_not_said_that_they_sleep_on(
    user: World, rounds: Rounds, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where git is too old to tell what was committed, that is what is missing."""
    tree = hooked(user, "web")
    rounds.put_to_sleep(LONG)

    def is_understood(common_dir: Path) -> bool:
        return False

    monkeypatch.setattr(marking, "is_understood", is_understood)
    rounds.wake(LONG)
    assert not sleeps(tree) and "stay as they are" not in caplog.text
    assert f"hooks in {tree}/.git: they woke, but git is too old to tell what was committed" in caplog.text


def test_what_does_not_answer_is_not_waited_for(user: World, rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = [hooked(user, f"r{number}") for number in range(4)]
    rounds.put_to_sleep(LONG)
    answers, others = Event(), [Event() for _ in trees[1:]]
    wake = resting.wake

    def slowly(common_dir: Path, *more: object) -> bool:
        if common_dir == trees[0] / ".git":
            answers.wait(LONG)
            return False
        done = wake(common_dir, user.paths)
        others[trees.index(common_dir.parent) - 1].set()
        return done

    monkeypatch.setattr(resting, "wake", slowly)
    rounds.wake(0)
    assert all(other.wait(LONG) for other in others) and not answers.is_set()
    answers.set()
    assert sleeps(trees[0]) and not any(map(sleeps, trees[1:]))


def test_where_there_is_no_time_hooks_stay_awake(user: World, rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, ready = hooked(user, "web"), Event()
    make_ready = resting.make_ready

    def slowly(common_dir: Path, *more: object) -> bool:
        ready.wait(LONG)
        return make_ready(common_dir, user.paths)

    monkeypatch.setattr(resting, "make_ready", slowly)
    rounds.put_to_sleep(0)
    ready.set()
    assert not sleeps(tree)


def test_a_repository_that_was_moved_is_woken_where_it_is(user: World, rounds: Rounds) -> None:
    tree = hooked(user, "web")
    rounds.put_to_sleep(LONG)
    moved = tree.rename(user.root / "moved")
    user.commit(moved, "second")
    rounds.wake(LONG)
    assert sleeps(moved)
    rounds.wake_in(user.root)
    assert sleeps(moved)
    (moved / "below").mkdir()
    rounds.wake_in(moved / "below")
    assert not sleeps(moved)
    assert user.spool(moved / ".git") == [f"1 commit . main {user.hash(moved)}"]
    rounds.put_to_sleep(LONG)
    assert sleeps(moved)
    rounds.wake_in(moved / ".git")
    assert not sleeps(moved)


@pytest.fixture
def beside(modern: World) -> Path:
    """Where the hooks of all repositories are, while they are awake."""
    everywhere.install(modern.paths, scripts.EVENTS, consent=False)
    return modern.home / ".tokenguard-hooks"


def known(world: World, name: str) -> Path:
    """A repository in which a hook of all repositories has noted something."""
    tree = world.repository(name)
    world.folder(tree / ".git").mkdir(parents=True)
    return tree


def made(world: World, tree: Path, *names: str) -> list[str]:
    return [f"1 commit . main {world.hash(tree, name)}" for name in names]


def test_those_of_all_repositories_sleep_and_what_is_committed_is_read(modern: World, beside: Path) -> None:
    """Where a hook has noted something, and where agents have worked."""
    trees = [known(modern, "web"), modern.repository("api"), modern.repository("idle")]
    rounds = Rounds(modern.paths)
    rounds.wake(LONG, lambda: [str(trees[1])])
    for tree in trees[:2]:
        modern.folder(tree / ".git").joinpath("tokenguard-spool").unlink(missing_ok=True)
    rounds.put_to_sleep(LONG)
    assert not beside.exists()
    for tree in trees:
        modern.commit(tree, "while they sleep")
    rounds.wake(LONG, lambda: [str(trees[1] / "below"), "/nowhere"])
    assert beside.exists()
    for tree in trees[:2]:
        assert modern.spool(tree / ".git")[-1:] == made(modern, tree, "HEAD")
    assert not modern.folder(trees[2] / ".git").exists()
    rounds.wake_in(trees[2])
    assert modern.spool(trees[2] / ".git")[-1:] == made(modern, trees[2], "HEAD"), "once an agent works there"


def test_what_was_noted_is_not_read_again(modern: World, beside: Path) -> None:
    tree = known(modern, "web")
    for _ in range(2):
        rounds = Rounds(modern.paths)
        rounds.wake(LONG)
        (modern.folder(tree / ".git") / "tokenguard-spool").unlink(missing_ok=True)
        modern.commit(tree, "noted by a hook that is awake")
        rounds.put_to_sleep(LONG)
    Rounds(modern.paths).wake(LONG)
    assert modern.spool(tree / ".git") == []


def test_after_a_kill_it_is_read_again(modern: World, beside: Path) -> None:
    """Nobody knows how long hooks have noted what was done."""
    tree = known(modern, "web")
    Rounds(modern.paths).wake(LONG)
    (modern.folder(tree / ".git") / "tokenguard-spool").unlink(missing_ok=True)
    modern.commit(tree, "beside a daemon that is killed")
    reaching.put_to_sleep(modern.paths)
    modern.commit(tree, "after that")
    Rounds(modern.paths).wake(LONG)
    assert modern.spool(tree / ".git") == made(modern, tree, "HEAD~1", "HEAD")


@pytest.mark.parametrize("notes", [True, False])
def test_put_to_sleep_by_others_they_are_woken_and_all_is_read(modern: World, beside: Path, notes: bool) -> None:
    """By a hook that takes the daemon for dead, as from within a container."""
    tree, other = known(modern, "web"), known(modern, "api")
    rounds = Rounds(modern.paths)
    rounds.wake(LONG)
    (modern.folder(tree / ".git") / "tokenguard-spool").unlink(missing_ok=True)
    reaching.put_to_sleep(modern.paths)
    modern.commit(tree, "while they sleep")
    if notes:
        rounds.wake_in(other / ".git")
        assert beside.exists()
    else:
        assert reaching.wake(modern.paths), "by somebody else, and nobody tells the daemon"
    rounds.put_to_sleep(LONG)
    Rounds(modern.paths).wake(LONG)
    assert modern.spool(tree / ".git") == made(modern, tree, "HEAD")


def test_where_one_keeps_no_log_all_stay_awake(modern: World, beside: Path) -> None:
    tree = known(modern, "web")
    modern.git(tree, "config", "core.logAllRefUpdates", "false")
    modern.drop_log(tree)
    rounds = Rounds(modern.paths)
    rounds.wake(LONG)
    rounds.put_to_sleep(LONG)
    assert beside.exists()
    modern.git(tree, "config", "core.logAllRefUpdates", "true")
    modern.commit(tree, "second")
    rounds = Rounds(modern.paths)
    rounds.wake(LONG)
    other = modern.repository("api")
    modern.git(other, "config", "core.logAllRefUpdates", "false")
    modern.drop_log(other)
    rounds.wake_in(other)
    rounds.put_to_sleep(LONG)
    assert beside.exists(), "an agent has worked there since"
    rounds = Rounds(modern.paths)
    rounds.wake(LONG)
    rounds.put_to_sleep(LONG)
    assert not beside.exists(), "hooks have noted nothing there, nor does the ledger know it"


def test_lines_of_hook_managers_do_something_in_between(user: World, rounds: Rounds) -> None:
    """And what is committed where one runs ours is read."""
    tree, other = known(user, "web"), user.repository("api")
    (user.folder(tree / ".git") / hook_paths.MANAGED).touch()
    (other / "lefthook.yml").write_text("pre-commit: {commands: {tokenguard: {run: /x/hooks/run pre-commit}}}\n")
    rounds.wake(LONG, lambda: [str(other)])
    assert flagging.flag(user.paths).exists()
    for one in (tree, other):
        assert user.spool(one / ".git") == made(user, one, "HEAD")
        user.commit(one, "second")
    flagging.put_to_sleep(user.paths)
    rounds.wake_in(tree)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1", "HEAD")
    assert flagging.flag(user.paths).exists(), "a hook took the daemon for dead"
    rounds.put_to_sleep(LONG)
    assert not flagging.flag(user.paths).exists()
    Rounds(user.paths).wake(LONG)
    assert user.spool(other / ".git") == made(user, other, "HEAD~1", "HEAD")


@pytest.mark.parametrize("event", ["pre-commit", "post-commit"])
def test_a_line_in_a_script_of_one_s_own_does_something_in_between(user: World, rounds: Rounds, event: str) -> None:
    """As it is documented; whichever of the hooks has it, what is committed is read."""
    (line,) = (line for line in DOCS.read_text().splitlines() if '"$t/run" pre-commit "$@"' in line)
    (user.home / ".local" / "state").mkdir(parents=True)
    (user.home / ".local" / "state" / "tokenguard").symlink_to(user.paths.state_dir)
    tree = user.repository()
    user.put_script(tree / ".git" / "hooks" / event, f"#!/bin/sh\n{line.replace('pre-commit', event)}\necho on >&2\n")
    user.say(tree / ".git", "* * 0 block ok enough")
    assert user.commit(tree, "asleep").stderr == "on\n" and user.spool(tree / ".git") == []
    rounds.wake(LONG)
    code = 1 if event == "pre-commit" else 0
    assert ("enough" in user.commit(tree, "awake", code=code).stderr) is bool(code)
    rounds.put_to_sleep(LONG)
    user.commit(tree, "asleep again")
    Rounds(user.paths).wake(LONG)
    (user.folder(tree / ".git") / "tokenguard-status").unlink()
    names = [f"HEAD~{back}" for back in reversed(range(len(user.git(tree, "log", "--format=%h").stdout.split())))]
    assert set(made(user, tree, *names)) <= set(user.spool(tree / ".git"))


def test_those_that_are_to_sleep_are_not_woken_any_more(
    modern: World, beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that has just begun is told to end: what it reads has not come to its end yet."""
    tree, rounds = known(modern, "web"), Rounds(modern.paths)
    reaching.put_to_sleep(modern.paths)
    read = CatchingUp.read

    def slowly(self: CatchingUp, *more: object) -> None:
        rounds.put_to_sleep(LONG)
        read(self, tree / ".git", 0)

    monkeypatch.setattr(CatchingUp, "read", slowly)
    rounds.wake(LONG)
    rounds.wake_in(tree)
    assert not beside.exists() and not flagging.flag(modern.paths).exists()


@pytest.fixture
def folder(user: World, no_gits: None) -> Path:
    """One for the hooks of all repositories, with ours in it."""
    user.git(user.root, "config", "--global", "core.hooksPath", str(user.home / "shared"))
    return everywhere.install(user.paths, scripts.EVENTS, consent=True).where or Path()


def unseen(world: World, name: str) -> Path:
    """A repository in which no hook has noted anything."""
    tree = world.repository(name)
    shutil.rmtree(world.folder(tree / ".git"))
    return tree


def test_those_in_a_folder_for_several_repositories(user: World, folder: Path) -> None:
    """Hooks have noted something in the first, and agents have worked in the next two, which have hooks elsewhere."""
    trees = [user.repository("web"), *(unseen(user, name) for name in ("api", "own", "idle"))]
    user.git(trees[2], "config", "core.hooksPath", ".githooks")
    rounds = Rounds(user.paths)
    rounds.wake(LONG, lambda: [str(tree) for tree in trees[1:3]])
    user.commit(trees[0], "awake")
    (user.folder(trees[0] / ".git") / "tokenguard-spool").unlink()
    rounds.put_to_sleep(LONG)
    assert not (folder / "post-commit").exists()
    for tree in trees:
        user.commit(tree, "while they sleep")
    rounds = Rounds(user.paths)
    rounds.wake(LONG, lambda: [str(tree) for tree in trees[1:3]])
    assert (folder / "post-commit").exists()
    assert user.spool(trees[0] / ".git") == made(user, trees[0], "HEAD"), "what was noted is not read again"
    assert user.spool(trees[1] / ".git")[-1:] == made(user, trees[1], "HEAD")
    assert user.spool(trees[2] / ".git") == []
    rounds.wake_in(trees[3])
    assert user.spool(trees[3] / ".git")[-1:] == made(user, trees[3], "HEAD"), "once an agent works there"


def test_those_in_a_folder_where_one_repository_keeps_no_log(user: World, folder: Path) -> None:
    tree = user.repository()
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    user.drop_log(tree)
    rounds = Rounds(user.paths)
    rounds.wake(LONG)
    rounds.put_to_sleep(LONG)
    assert (folder / "post-commit").exists()
    user.git(tree, "config", "core.hooksPath", ".githooks")
    rounds = Rounds(user.paths)
    rounds.wake(LONG)
    rounds.put_to_sleep(LONG)
    assert not (folder / "post-commit").exists(), "it has hooks elsewhere"


def test_those_in_a_folder_that_others_have_woken(user: World, folder: Path) -> None:
    tree = user.repository()
    rounds = Rounds(user.paths)
    rounds.wake(LONG)
    (user.folder(tree / ".git") / "tokenguard-spool").unlink(missing_ok=True)
    assert sharing.put_to_sleep(user.paths)
    user.commit(tree, "while they sleep")
    assert sharing.wake(user.paths), "and nobody tells the daemon"
    rounds.put_to_sleep(LONG)
    Rounds(user.paths).wake(LONG)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")


def test_those_in_a_folder_that_cannot_be_woken_are_told_of_once(
    user: World, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = user.repository()
    sharing.put_to_sleep(user.paths)
    (folder / "post-commit").mkdir()
    rounds = Rounds(user.paths)
    for number in range(2):
        user.commit(tree, f"{number}")
        rounds.wake(LONG)
        assert user.spool(tree / ".git")[-1:] == made(user, tree, "HEAD"), "what they would have noted is read"
    assert caplog.text.count("post-commit sleeps, though the daemon runs") == 1
