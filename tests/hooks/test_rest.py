"""Hooks that find the daemon dead put themselves to sleep, as it would have done, and leave what it goes on from."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.hooks.killing import Killing
from tests.hooks.test_hook_notes import STRANGE
from tests.hooks.world import GONE, SHELLS, World, everything, found
from tests.support.waiting import until
from tokenguard.attribution.missed import marks
from tokenguard.config import hook_paths
from tokenguard_hooks import configuring, everywhere, included, marking, reaching, resting, scripts
from tokenguard_hooks.installing import install
from tokenguard_hooks.locking import alone
from tokenguard_hooks.repository import look
from tokenguard_hooks.rounds import Rounds
from tokenguard_hooks.standing import look as standing
from tokenguard_hooks.uninstalling import uninstall

ALL = (*scripts.EVENTS, *scripts.SIGNING)
FORMER = "#!/bin/sh\necho former >&2\n"
SHOWN = {
    "color.ui": "always",
    "core.pager": "false",
    "format.pretty": "fuller",
    "i18n.logOutputEncoding": "latin1",
    "log.date": "iso",
    "log.diffMerges": "on",
    "log.showSignature": "true",
}
"""Settings of those who look at logs."""


@pytest.fixture(params=["files", "tables"])
def references(request: pytest.FixtureRequest) -> str:
    """All of this is the same wherever git keeps them."""
    return str(request.param)


@pytest.fixture
def tree(user: World) -> Path:
    return user.repository()


def put_in(world: World, tree: Path, way: str | None = None, *, former: tuple[str, ...] = ()) -> None:
    """Hooks as they are installed, after some that were there before; and no daemon any more."""
    for event in former:
        world.put_script(tree / ".git" / "hooks" / event, FORMER)
    install(look(tree), world.paths, ALL, way, consent=True)
    world.runs(GONE)


def mark(tree: Path) -> Path:
    return tree / ".git" / resting.MARK


def asleep(world: World, tree: Path) -> bool:
    return standing(look(tree), world.paths, ALL).asleep


def made(world: World, tree: Path, *names: str, branch: str = "main", name: str = ".") -> list[str]:
    """The lines of commits."""
    return [f"1 commit {name} {branch} {world.hash(tree, one)}" for one in names]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("former", [(), ALL])
def test_it_is_as_the_daemon_does_it(user: World, tree: Path, shell: str, former: tuple[str, ...]) -> None:
    command = found(shell)
    if command is None:
        pytest.skip(f"{shell} is not installed")
    if former:
        user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(user.root / "linked tree"))
    put_in(user, tree, former=former)
    awake = everything(tree / ".git" / "hooks")
    subprocess.run([*command, ".git/hooks/post-commit"], cwd=tree, env=user.env, check=True)
    by_itself, told = everything(tree / ".git" / "hooks"), user.mark(tree / ".git")
    assert asleep(user, tree)
    assert resting.wake(tree / ".git", user.paths) and everything(tree / ".git" / "hooks") == awake
    assert resting.put_to_sleep(tree / ".git", user.paths)
    assert everything(tree / ".git" / "hooks") == by_itself and user.mark(tree / ".git") == told


def test_the_first_commit_is_the_last_one_that_starts_them(user: World, tree: Path) -> None:
    put_in(user, tree, former=("pre-commit", "post-commit"))
    for _ in range(3):
        assert user.commit(tree, "more").stderr == "former\nformer\n"
        assert asleep(user, tree)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~2")
    assert resting.wake(tree / ".git", user.paths)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~2", "HEAD~1", "HEAD")
    user.runs()
    user.commit(tree, "awake")
    assert user.spool(tree / ".git")[3:] == made(user, tree, "HEAD")


@pytest.mark.parametrize("state", [None, "", "{", f'{{"pid":{GONE},', '{"pid":0,', '{"pid":"1",', '{"port":1,"pid":1}'])
def test_what_says_that_no_daemon_lives(user: World, tree: Path, state: str | None) -> None:
    put_in(user, tree)
    user.paths.state_file.unlink() if state is None else user.paths.state_file.write_text(state)
    user.commit(tree, "second")
    assert asleep(user, tree)


def test_whatever_git_is_to_show_of_logs(user: World, tree: Path) -> None:
    """What a log is known by is the same."""
    put_in(user, tree)
    for name, value in SHOWN.items():
        user.git(tree, "config", "--global", name, value)
    user.commit(tree, "second \N{LATIN SMALL LETTER A WITH DIAERESIS}")
    assert asleep(user, tree)
    lines = {name: one.line for name, one in (marking.read(mark(tree)) or {}).items()}
    assert lines == {name: one.line for name, one in marks(tree / ".git").items()}


def test_a_working_tree_whose_head_has_no_commit(user: World, tree: Path) -> None:
    """Of its log, git tells nothing where that is in tables: it is read as a whole."""
    linked = user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    put_in(user, tree, former=ALL)
    user.git(linked, "checkout", "--quiet", "--orphan", "alone")
    user.commit(tree, "second")
    assert asleep(user, tree)
    user.commit(linked, "first of its own")
    assert resting.wake(tree / ".git", user.paths)
    assert made(user, linked, "HEAD", branch="alone", name="linked")[0] in user.spool(tree / ".git")


@contextmanager
def process() -> Generator[subprocess.Popen[bytes]]:
    """Something that runs until it is told to end."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


@pytest.mark.parametrize("hangs", [False, True])
def test_one_that_lives_keeps_them_awake(user: World, tree: Path, hangs: bool) -> None:
    put_in(user, tree)
    with process() as daemon:
        user.runs(daemon.pid)
        if hangs:
            daemon.send_signal(signal.SIGSTOP)
        user.commit(tree, "second")
    assert not asleep(user, tree) and not mark(tree).exists()


def test_one_that_has_ended_and_that_nobody_has_asked_after_is_dead(user: World, tree: Path) -> None:
    put_in(user, tree)
    with process() as daemon:
        user.runs(daemon.pid)
        daemon.kill()
        until(lambda: Path(f"/proc/{daemon.pid}/stat").read_text().split(") ")[1][0] == "Z")
        user.commit(tree, "second")
    assert asleep(user, tree)


def test_what_could_not_be_noted_keeps_them_awake(user: World, tree: Path) -> None:
    put_in(user, tree)
    (user.folder(tree / ".git") / hook_paths.SPOOL).mkdir()
    user.commit(tree, "second")
    user.commit(tree, "third", "--amend")
    assert not asleep(user, tree) and not mark(tree).exists()


def test_an_amended_commit_is_noted_to_its_end(user: World, tree: Path) -> None:
    put_in(user, tree)
    old = user.hash(tree)
    user.commit(tree, "other words", "--amend")
    assert user.spool(tree / ".git") == [*made(user, tree, "HEAD"), f"1 rewrite amend {old} {user.hash(tree)}"]
    assert asleep(user, tree)


def test_a_rebase_is_noted_to_its_end(user: World, tree: Path) -> None:
    user.git(tree, "checkout", "--quiet", "-b", "topic")
    for name in ("a", "b"):
        (tree / name).write_text(name)
        user.git(tree, "add", name)
        user.commit(tree, name)
    put_in(user, tree)
    old = [user.hash(tree, name) for name in ("HEAD~1", "HEAD")]
    user.git(tree, "rebase", "--quiet", "--force-rebase", "HEAD~2")
    new = [user.hash(tree, name) for name in ("HEAD~1", "HEAD")]
    lines = [f"1 rewrite rebase {one} {two}" for one, two in zip(old, new, strict=True)]
    assert user.spool(tree / ".git")[-2:] == lines and not asleep(user, tree)
    user.git(tree, "reset", "--quiet", "--hard", "HEAD~2")
    user.git(tree, "cherry-pick", *new)
    assert not asleep(user, tree)
    user.commit(tree, "more")
    assert user.spool(tree / ".git")[-1:] == made(user, tree, "HEAD", branch="topic") and asleep(user, tree)


@pytest.mark.parametrize("where", ["main", "linked"])
def test_another_git_that_may_start_one_keeps_them_awake(user: World, tree: Path, where: str) -> None:
    """A commit that waits for its editor has found a hook, and will look for others."""
    linked = user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    put_in(user, tree, former=ALL)
    here, there = (tree, linked) if where == "main" else (linked, tree)
    editor, begun, go_on = (user.root / name for name in ("editor", "begun", "go on"))
    os.mkfifo(go_on)
    user.put_script(editor, f"#!/bin/sh\ntouch '{begun}'\nread -r answer <'{go_on}'\necho words >\"$1\"\n")
    waiting = subprocess.Popen(
        ["git", "commit", "--quiet", "--allow-empty"], cwd=there, env=user.env | {"GIT_EDITOR": str(editor)}
    )
    until(begun.exists)
    user.commit(here, "meanwhile")
    assert not asleep(user, tree) and not mark(tree).exists()
    go_on.write_text("on\n")
    assert waiting.wait(60) == 0
    assert asleep(user, tree) and len(user.spool(tree / ".git")) == 2


def test_where_another_git_comes_in_between_the_next_commit_goes_on(user: World, tree: Path) -> None:
    put_in(user, tree)
    beside, waits = user.root / "beside", user.root / "waits"
    beside.mkdir()
    git, real = shutil.which("git", path=user.path), shutil.which("mv")
    begin = f"cat <'{waits}' | {git} hash-object --stdin >&2 & while ! grep -q git /proc/$!/comm; do :; done"
    lines = f'case $* in *pre-commit.tg-asleep) [ -e "{waits}.had" ] || {{ : >"{waits}.had"; {begin}; }} ;; esac\n'
    user.put_script(beside / "mv", f'#!/bin/sh\n{real} "$@" || exit\n{lines}')
    os.mkfifo(waits)
    usual, user.path = user.path, f"{beside}{os.pathsep}{user.path}"
    command = ["git", "commit", "--quiet", "--allow-empty", "-m", "second"]
    with subprocess.Popen(command, cwd=tree, env=user.env, start_new_session=True) as commit:
        try:
            until(lambda: (tree / ".git" / "hooks" / "pre-commit.tg-asleep").exists())
            until(lambda: "hash-object" in subprocess.check_output(["ps", "-A", "-o", "args"], text=True))
            waits.write_text("words")
        except BaseException:
            os.killpg(commit.pid, signal.SIGKILL)  # a git that waits would keep hooks of other tests awake
            raise
    user.path = usual
    assert (tree / ".git" / "hooks" / "post-commit").exists() and mark(tree).exists()
    user.commit(tree, "third")
    assert asleep(user, tree)


def test_with_several_working_trees_none_is_taken_away_without_a_last_look(user: World, tree: Path) -> None:
    """A commit in another one may have found it, and would fail. The last look is one of Perl's."""
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(user.root / "linked"))
    put_in(user, tree, former=("pre-commit",))
    hooks = tree / ".git" / "hooks"
    before = {one.name for one in hooks.iterdir()}
    only(user, "flock", "mv", "tail", "wc", "rm", "ln")
    for _ in range(2):
        user.commit(tree, "more")
        assert {one.name for one in hooks.iterdir()} - before == {"pre-commit.tg-asleep"}
    sleepless = user.folder(tree / ".git") / hook_paths.SLEEPLESS
    assert sleepless.exists() and resting.wake(tree / ".git", user.paths) and not sleepless.exists()
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1", "HEAD")


def test_one_that_only_reads_does_not(user: World, tree: Path) -> None:
    put_in(user, tree)
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=tree, env=user.env, stdin=subprocess.PIPE) as reading:
        user.commit(tree, "second")
        assert asleep(user, tree) and reading.poll() is None


@pytest.mark.parametrize("name", ["index.lock", "rebase-merge", "sequencer"])
def test_a_commit_that_is_under_way_in_another_tree_keeps_them_awake(user: World, tree: Path, name: str) -> None:
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(user.root / "linked"))
    put_in(user, tree)
    (tree / ".git" / "worktrees" / "linked" / name).mkdir()
    user.commit(tree, "second")
    assert not asleep(user, tree) and not mark(tree).exists()


def only(world: World, *programs: str) -> None:
    """Nothing but git and these is found."""
    folder = world.root / "programs"
    folder.mkdir()
    for name in ("git", "sh", *programs):
        (folder / name).symlink_to(shutil.which(name, path=world.path) or name)
    world.path = str(folder)


@pytest.mark.parametrize(("locking", "sleep"), [("flock", True), ("perl", True), ("true", False)])
def test_others_who_change_them_are_kept_off(user: World, tree: Path, locking: str, sleep: bool) -> None:
    put_in(user, tree)
    before = everything(tree / ".git" / "hooks")
    usual = user.path
    only(user, "mv", "tail", "wc", locking)
    folder = os.open(tree / ".git", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    user.commit(tree, "second")
    assert everything(tree / ".git" / "hooks") == before and not mark(tree).exists()
    os.close(folder)
    user.commit(tree, "third")
    user.path = usual
    assert asleep(user, tree) is sleep


@pytest.mark.parametrize("missing", ["mv", "tail", "wc", "rm"])
def test_without_a_program_that_it_takes_nothing_is_lost(user: World, tree: Path, missing: str) -> None:
    put_in(user, tree)
    usual = user.path
    only(user, *{"flock", "mv", "tail", "wc", "rm"} - {missing})
    for number in range(2):
        assert user.commit(tree, f"{number}").stderr == ""
    user.path = usual
    resting.wake(tree / ".git", user.paths)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1", "HEAD")
    uninstall(look(tree), user.paths)
    assert not list((tree / ".git").glob("tokenguard-*"))


def _into_the_tree(user: World, hooks: Path) -> None:
    user.put_script(hooks.parents[1] / "check.sh", FORMER)
    (hooks / "pre-commit").symlink_to("../../check.sh")


def _to_another_link(user: World, hooks: Path) -> None:
    _into_the_tree(user, hooks)
    (hooks / "pre-commit").rename(hooks / "other")
    (hooks / "pre-commit").symlink_to("other")


@pytest.mark.parametrize("make", [_into_the_tree, _to_another_link])
def test_what_was_there_before_may_be_a_link(user: World, tree: Path, make: Callable[[World, Path], None]) -> None:
    hooks = tree / ".git" / "hooks"
    make(user, hooks)
    before = everything(hooks)
    put_in(user, tree)
    awake = everything(hooks)
    assert user.commit(tree, "second").stderr == "former\n" and asleep(user, tree)
    by_itself = everything(hooks)
    assert user.commit(tree, "third").stderr == "former\n" and (hooks / "pre-commit").is_symlink()
    assert resting.wake(tree / ".git", user.paths) and everything(hooks) == awake
    assert resting.put_to_sleep(tree / ".git", user.paths) and everything(hooks) == by_itself
    uninstall(look(tree), user.paths)
    assert everything(hooks) == before


def test_where_ln_does_not_know_what_to_make_of_a_link_ours_stays_awake(user: World, tree: Path) -> None:
    hooks = tree / ".git" / "hooks"
    _into_the_tree(user, hooks)
    put_in(user, tree)
    before = everything(hooks)
    beside = user.root / "beside"
    beside.mkdir()
    user.put_script(beside / "ln", f'#!/bin/sh\n[ "$1" != -P ] || exit 1\nexec {shutil.which("ln")} "$@"\n')
    user.path = f"{beside}{os.pathsep}{user.path}"
    for _ in range(2):
        assert user.commit(tree, "more").stderr == "former\n"
    there = {one.name for one in hooks.iterdir()}
    assert {name for name in there if name.endswith((".tg-asleep", ".tg-turning"))} == {
        f"{event}.tg-asleep" for event in ALL if event != "pre-commit"
    }
    assert resting.wake(tree / ".git", user.paths) and everything(hooks) == before


def test_where_there_are_no_second_names_what_was_there_before_keeps_ours_awake(user: World, tree: Path) -> None:
    put_in(user, tree, former=("post-commit",))
    hooks, sleepless = tree / ".git" / "hooks", user.folder(tree / ".git") / hook_paths.SLEEPLESS
    (hooks / "pre-push.tg-chained").symlink_to("elsewhere")
    before = everything(hooks)
    beside, asked = user.root / "beside", user.root / "asked"
    beside.mkdir()
    user.put_script(beside / "ln", f"#!/bin/sh\necho 'no links here' | tee -a '{asked}' >&2\nexit 1\n")
    user.path = f"{beside}{os.pathsep}{user.path}"
    for _ in range(3):
        assert user.commit(tree, "more").stderr == "former\n"
        fell_asleep = {one.name.removesuffix(".tg-asleep") for one in hooks.glob("*.tg-asleep")}
        assert fell_asleep == set(ALL) - {"post-commit", "pre-push"}
    assert sleepless.exists() and asked.read_text().count("links") == 1, "it is not tried again"
    assert resting.wake(tree / ".git", user.paths) and not sleepless.exists()
    assert everything(hooks) == before and user.spool(tree / ".git") == made(user, tree, "HEAD~2", "HEAD~1", "HEAD")
    user.commit(tree, "more")
    assert sleepless.exists()
    (hooks / "pre-push.tg-chained").unlink()
    install(look(tree), user.paths, ALL, None, consent=False)
    assert not sleepless.exists()


def _shared(world: World, tree: Path) -> None:
    (world.root / "shared").mkdir()
    (world.root / "shared").chmod(0o757)
    world.git(tree, "config", "core.hooksPath", str(world.root / "shared"))


def _link(world: World, tree: Path) -> None:
    (tree / ".git" / "hooks").rename(world.root / "shared")
    (world.root / "shared").chmod(0o757)
    (tree / ".git" / "hooks").symlink_to(world.root / "shared")


def _no_log(world: World, tree: Path) -> None:
    world.git(tree, "config", "core.logAllRefUpdates", "false")
    world.drop_log(tree)


def _other_state(world: World, tree: Path) -> None:
    other = replace(world.paths, state_dir=world.root / "elsewhere")
    mark(tree).write_bytes(b"1\0" + os.fsencode(other.state_dir))


@pytest.mark.parametrize("why", [_shared, _link, _no_log, _other_state])
def test_where_they_are_not_to_sleep_they_stay_awake(
    user: World, tree: Path, why: Callable[[World, Path], None]
) -> None:
    why(user, tree)
    put_in(user, tree)
    if why is _other_state:
        why(user, tree)
    before = everything(tree / ".git" / "hooks", user.root / "shared")
    for _ in range(2):
        user.commit(tree, "more")
    assert everything(tree / ".git" / "hooks", user.root / "shared") == before
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1", "HEAD")


def test_hooks_of_others_and_those_that_were_edited_are_left_alone(user: World, tree: Path) -> None:
    put_in(user, tree)
    hooks = tree / ".git" / "hooks"
    other = replace(user.paths, state_dir=user.root / "elsewhere")
    user.put_script(hooks / "pre-push", scripts.stub("pre-push", other))
    user.put_script(hooks / "post-rewrite", scripts.stub("post-rewrite", user.paths) + b"echo mine\n")
    user.put_script(hooks / "pre-commit", FORMER)
    (hooks / "commit-msg").unlink()
    (hooks / "commit-msg").symlink_to("pre-push")
    user.commit(tree, "second")
    assert {one.name for one in hooks.glob("*.tg-asleep")} == {"post-commit.tg-asleep", "prepare-commit-msg.tg-asleep"}


@pytest.mark.parametrize("name", [*STRANGE, "\udce9"])
def test_strange_names(user: World, name: str) -> None:
    tree, linked = user.repository(f"a{name}/{name}"), user.root / f"{name}linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    user.paths = replace(user.paths, state_dir=user.root / f"state{name}")
    scripts.write(user.paths)
    put_in(user, tree, former=ALL)
    user.commit(linked, "second")
    assert asleep(user, tree)
    told = mark(tree).read_bytes()
    user.commit(tree, "third")
    user.commit(linked, "fourth")
    assert resting.wake(tree / ".git", user.paths)
    hashes = {user.hash(linked), user.hash(linked, "HEAD~1"), user.hash(tree)}
    spooled = user.spool(tree / ".git")
    assert {line.split(" ")[-1] for line in spooled} == hashes and len(spooled) == 3
    user.git(tree, "reset", "--quiet", "--hard", "HEAD~1")
    assert os.fsencode(user.paths.state_dir) in told


@pytest.mark.alone
def test_killed_at_any_step(user: World, tree: Path) -> None:
    """By what nobody can ignore; what comes then finds its way, and what was there before has run each time."""
    put_in(user, tree, former=("pre-commit", "post-commit"))
    awake = everything(tree / ".git" / "hooks")
    killing = Killing(user, ("mv", "ln", "rm", "tail", "wc", "flock"))
    number, was_killed = 0, True
    while was_killed:
        was_killed = killing.commit(tree, number, 2)
        assert user.commit(tree, "then").stderr.count("former\n") == 2
        assert asleep(user, tree)
        resting.wake(tree / ".git", user.paths)
        assert everything(tree / ".git" / "hooks") == awake
        number += 1
        names = [f"HEAD~{back}" for back in reversed(range(number * 2))]
        assert set(user.spool(tree / ".git")) == set(made(user, tree, *names))
    # Git, which is asked of tables, comes from its own folder, before all of the PATH.
    assert number > (15 if user.references == "files" else 13)


def test_a_mark_of_earlier_holds(user: World, tree: Path) -> None:
    """As of a daemon that was killed in the midst of waking them, or while it waited for a git that saw them asleep."""
    put_in(user, tree)
    assert resting.make_ready(tree / ".git", user.paths)
    told = mark(tree).read_bytes()
    user.commit(tree, "second")
    assert asleep(user, tree) and mark(tree).read_bytes() == told
    assert resting.wake(tree / ".git", user.paths)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")


def test_whoever_gives_up_at_the_terminal_does_not_leave_it_halfway(user: World, tree: Path) -> None:
    put_in(user, tree)
    beside = user.root / "beside"
    beside.mkdir()
    user.put_script(
        beside / "wc", '#!/bin/sh\nkill -INT $PPID; kill -TERM $PPID; kill -HUP $PPID\nexec /usr/bin/wc "$@"\n'
    )
    user.path = f"{beside}{os.pathsep}{user.path}"
    user.commit(tree, "second")
    assert asleep(user, tree)


def test_what_a_daemon_has_taken_meanwhile_is_noted_again_so_that_it_looks(user: World, tree: Path) -> None:
    put_in(user, tree)
    beside, spool = user.root / "beside", user.folder(tree / ".git") / hook_paths.SPOOL
    beside.mkdir()
    user.put_script(beside / "wc", f'#!/bin/sh\nmv "{spool}" "{spool}.taken"\nexec /usr/bin/wc "$@"\n')
    user.path = f"{beside}{os.pathsep}{user.path}"
    user.commit(tree, "second")
    assert asleep(user, tree) and user.spool(tree / ".git") == made(user, tree, "HEAD")


@pytest.mark.parametrize("former", [(), ("pre-commit", "post-commit")])
def test_a_real_git_finds_them_in_its_configuration_no_more(real_modern: World, former: tuple[str, ...]) -> None:
    world = real_modern
    tree = world.repository()
    put_in(world, tree, "config", former=former)
    beside = tree / ".git" / "tokenguard-hooks"
    awake = beside.read_bytes()
    said = "former\n" * len(former)
    assert world.commit(tree, "second").stderr == said and asleep(world, tree) and not beside.exists()
    told = mark(tree).read_bytes()
    assert resting.wake(tree / ".git", world.paths) and beside.read_bytes() == awake
    assert resting.put_to_sleep(tree / ".git", world.paths) and mark(tree).read_bytes() == told
    world.commit(tree, "third")
    old = world.hash(tree)
    assert resting.wake(tree / ".git", world.paths)
    world.commit(tree, "other words", "--amend")
    assert asleep(world, tree)
    lines = [*made(world, tree, "HEAD~1"), f"1 commit . main {old}", *made(world, tree, "HEAD")]
    assert world.spool(tree / ".git") == [*lines, f"1 rewrite amend {old} {world.hash(tree)}"]


def test_those_that_a_manager_runs_leave_others_alone(user: World, tree: Path) -> None:
    put_in(user, tree)
    before = everything(tree / ".git" / "hooks")
    subprocess.run([scripts.run_file(user.paths), "post-commit"], cwd=tree, env=user.env, check=True)
    assert everything(tree / ".git" / "hooks") == before and not mark(tree).exists()


@pytest.fixture
def everywhere_in(modern: World) -> Path:
    """The hooks of all repositories, beside the user's configuration; and no daemon any more."""
    everywhere.install(modern.paths, ALL, consent=False)
    modern.runs(GONE)
    return modern.home / ".tokenguard-hooks"


def run_all(world: World, tree: Path, event: str = "post-commit", shell: str = "dash") -> None:
    """What a git does that finds hooks in its configuration."""
    command = scripts.command(event, world.paths).decode()
    subprocess.run(
        [*(found(shell) or ("/bin/sh",)), "-c", command], cwd=tree, env=world.env, stdin=subprocess.DEVNULL, check=True
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_those_of_all_repositories_are_as_the_daemon_leaves_them(
    modern: World, everywhere_in: Path, shell: str
) -> None:
    if found(shell) is None:
        pytest.skip(f"{shell} is not installed")
    tree, hooks = modern.repository(), everywhere_in.read_bytes()
    before = everything(tree / ".git")
    run_all(modern, tree, "pre-commit", shell)
    assert everywhere_in.exists()
    run_all(modern, tree, "post-commit", shell)
    by_itself = everything(modern.home)
    assert reaching.is_asleep(modern.paths) and everything(tree / ".git") == before
    assert modern.spool(tree / ".git") == made(modern, tree, "HEAD")
    assert reaching.wake(modern.paths) and everywhere_in.read_bytes() == hooks
    assert reaching.put_to_sleep(modern.paths) and everything(modern.home) == by_itself


def test_those_of_all_repositories_stay_awake_beside_a_daemon(modern: World, everywhere_in: Path) -> None:
    tree = modern.repository()
    modern.runs()
    run_all(modern, tree)
    assert everywhere_in.exists()


def keep_no_log(world: World, tree: Path, beside: Path) -> None:
    world.drop_log(tree)


def keep_no_log_elsewhere(world: World, tree: Path, beside: Path) -> None:
    reaching.keep_awake(world.paths, True)


def begin_another_commit(world: World, tree: Path, beside: Path) -> None:
    (tree / ".git" / "index.lock").touch()


def amend(world: World, tree: Path, beside: Path) -> None:
    world.commit(tree, "other words", "--amend")


def tear_the_record(world: World, tree: Path, beside: Path) -> None:
    (hook_paths.hooks(world.paths) / hook_paths.EVERYWHERE).write_text("1 ")


def lead_elsewhere(world: World, tree: Path, beside: Path) -> None:
    beside.write_bytes(beside.read_bytes().replace(os.fsencode(world.paths.state_dir), b"/another"))


def make_it_a_link(world: World, tree: Path, beside: Path) -> None:
    beside.replace(beside.with_name("linked"))
    beside.symlink_to("linked")


@pytest.mark.parametrize(
    "obstacle",
    [
        keep_no_log,
        keep_no_log_elsewhere,
        begin_another_commit,
        amend,
        tear_the_record,
        lead_elsewhere,
        make_it_a_link,
    ],
)
def test_those_of_all_repositories_stay_awake(
    modern: World, everywhere_in: Path, obstacle: Callable[[World, Path, Path], None]
) -> None:
    tree = modern.repository()
    obstacle(modern, tree, everywhere_in)
    run_all(modern, tree)
    assert everywhere_in.exists() and modern.spool(tree / ".git") == made(modern, tree, "HEAD")


def test_those_of_all_repositories_are_changed_by_nobody_else_meanwhile(modern: World, everywhere_in: Path) -> None:
    tree = modern.repository()
    with alone(hook_paths.hooks(modern.paths)):
        run_all(modern, tree)
        assert everywhere_in.exists()
    run_all(modern, tree)
    assert not everywhere_in.exists()


def test_a_real_git_finds_those_of_all_repositories_no_more(real_modern: World) -> None:
    world, tree = real_modern, real_modern.repository()
    everywhere.install(world.paths, ALL, consent=False)
    world.runs(GONE)
    old = world.hash(tree)
    world.commit(tree, "other words", "--amend")
    lines = [*made(world, tree, "HEAD"), f"1 rewrite amend {old} {world.hash(tree)}"]
    assert world.spool(tree / ".git") == lines and reaching.is_asleep(world.paths)
    world.commit(tree, "second")
    assert world.spool(tree / ".git") == lines
    Rounds(world.paths).wake(60)
    assert world.spool(tree / ".git")[-1:] == made(world, tree, "HEAD")
    world.commit(tree, "third")
    assert world.spool(tree / ".git")[-1:] == made(world, tree, "HEAD") and reaching.is_asleep(world.paths)
    lines = world.spool(tree / ".git")
    world.commit(tree, "fourth")
    assert world.spool(tree / ".git") == lines


def test_a_repository_with_hooks_of_its_own_besides(real_modern: World) -> None:
    """Both sleep after one commit, and both wake."""
    world, tree = real_modern, real_modern.repository()
    everywhere.install(world.paths, ALL, consent=False)
    own = tree / ".git" / "tokenguard-hooks"
    included.put(tree / ".git" / "config", configuring.hooks(ALL, world.paths))
    configuring.put_in(tree / ".git" / "config", configuring.included(tree / ".git" / "config"))
    world.runs(GONE)
    world.commit(tree, "second")
    assert reaching.is_asleep(world.paths) and not own.exists()
    world.commit(tree, "third")
    assert world.spool(tree / ".git") == made(world, tree, "HEAD~1")
    Rounds(world.paths).wake(60)
    assert set(world.spool(tree / ".git")) >= set(made(world, tree, "HEAD~1", "HEAD"))
    assert own.exists() and not reaching.is_asleep(world.paths)
