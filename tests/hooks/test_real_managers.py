"""Real hook managers: `make test-hooks`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agents.installing import Unreachable, search_path
from tests.hooks.world import World, everything
from tokenguard.errors import UsageError
from tokenguard_hooks import chaining, flagging, managers, resting, scripts
from tokenguard_hooks.catching_up import CatchingUp
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.uninstalling import uninstall

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ["pypi:pre-commit==4.7.0", "npm:lefthook@2.2.2", "npm:husky@9.1.7"]
ALL = (*scripts.EVENTS, *scripts.SIGNING)
RUN = "Tokenguard-Session: 6f1c2b"

pytestmark = pytest.mark.real_managers


@pytest.fixture(scope="session")
def path() -> str:
    """A PATH with the managers."""
    try:
        return search_path(PACKAGES)
    except Unreachable as error:
        pytest.skip(str(error))


@pytest.fixture
def managed(user: World, path: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that has them, in a tokenguard home that is named."""
    user.path = f"{user.path.split(':')[0]}:{path}"
    user.more = {"TOKENGUARD_HOME": str(user.paths.state_dir), "PRE_COMMIT_HOME": str(user.root / "pre-commit")}
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)
    flagging.wake(user.paths)
    return user


@pytest.fixture
def tree(managed: World) -> Path:
    return managed.repository()


def ran(world: World, tree: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=tree, env=world.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def lines(world: World, tree: Path, way: str | None = None) -> managers.Manager:
    manager = install(look(tree), world.paths, ALL, way, consent=False).manager
    assert manager is not None
    return manager


def change(world: World, tree: Path) -> None:
    """Without a change lefthook runs nothing before a commit."""
    with open(tree / "changed", "a") as file:
        file.write("more\n")
    world.git(tree, "add", "changed")


def follow(world: World, tree: Path) -> None:
    """What the daemon does where a manager runs our hooks."""
    CatchingUp(world.paths).follow(tree / ".git", 0)


def works(world: World, tree: Path) -> None:
    """Commits are warned of, stopped, noted and signed; pushes too."""
    change(world, tree)
    world.say(tree / ".git", "* * 0 warn ok here")
    assert "tokenguard: here. Committing goes on.\n" in world.commit(tree, "second").stderr
    old = world.hash(tree)
    world.name_run(tree / ".git", "* * 6f1c2b -")
    world.say(tree / ".git", "* * 0 ok block here")
    world.commit(tree, "third", "--amend")
    assert world.git(tree, "log", "-1", "--format=%B").stdout == f"third\n\n{RUN}\n\n"
    new = world.hash(tree)
    follow(world, tree)
    rewritten = f"1 rewrite amend {old} {new}"
    spool = [line for line in world.spool(tree / ".git") if not line.startswith("1 begin ")]
    assert spool == [f"1 commit . main {old}", f"1 commit . main {new}", rewritten]
    remote = world.root / "remote.git"
    world.git(world.root, "init", "--quiet", "--bare", str(remote))
    pushed = world.git(tree, "push", str(remote), "main", code=1)
    assert "tokenguard: this push is stopped: here" in pushed.stdout + pushed.stderr
    world.say(tree / ".git", "* * 0 block ok here")
    change(world, tree)
    stopped = world.commit(tree, "fourth", code=1)
    assert "tokenguard: this commit is stopped: here" in stopped.stdout + stopped.stderr
    world.commit(tree, "fourth", env={"TOKENGUARD_OVERRIDE": "a demo"})
    follow(world, tree)
    spool = [line for line in world.spool(tree / ".git") if not line.startswith("1 begin ")]
    assert spool[-2:] == ["1 override . main commit a demo", f"1 commit . main {world.hash(tree)}"]
    flagging.put_to_sleep(world.paths)
    change(world, tree)
    world.say(tree / ".git", "* * 0 warn ok here")
    quiet = world.commit(tree, "fifth")
    assert managers.uses_ours(tree) is ("tokenguard: here" not in quiet.stdout + quiet.stderr)
    follow(world, tree)
    assert world.spool(tree / ".git")[-1] == f"1 commit . main {world.hash(tree)}"


def pre_commit(world: World, tree: Path, repository: str) -> None:
    config = tree / ".pre-commit-config.yaml"
    config.write_text(f"repos:\n{repository}")
    world.git(tree, "add", config.name)
    types = [word for event in ALL if event != "post-rewrite" for word in ("--hook-type", event)]
    ran(world, tree, "pre-commit", "install", *types)


def test_pre_commit_with_the_lines_that_are_printed(managed: World, tree: Path) -> None:
    (tree / ".pre-commit-config.yaml").write_text("repos: []\n")
    manager = lines(managed, tree)
    (tree / ".pre-commit-config.yaml").write_text(f"repos:\n{manager.lines}")
    managed.git(tree, "add", "--all")
    ran(managed, tree, *manager.then.split())
    works(managed, tree)


@pytest.mark.parametrize("event", ["post-commit", "pre-commit"])
def test_lines_of_an_earlier_version_work_on(managed: World, tree: Path, event: str) -> None:
    """They do so without looking whether a daemon runs."""
    husky(managed, tree)
    find = 'for t in "$TOKENGUARD_HOME"; do [ ! -x "$t/hooks/run" ] ||'
    line = f'{find} {{ "$t/hooks/run" {event} "$@" || exit; break; }}; done\n'
    (tree / ".husky" / event).write_text(line)
    flagging.put_to_sleep(managed.paths)
    managed.say(tree / ".git", "* * 0 warn ok here")
    told = managed.commit(tree, "second").stderr
    assert ("tokenguard: here" in told) is (event == "pre-commit")
    noted = "1 begin . main" if event == "pre-commit" else f"1 commit . main {managed.hash(tree)}"
    assert managed.spool(tree / ".git") == [noted]
    follow(managed, tree)
    # The commit before the line was there is read from the log, behind what the line itself has noted.
    read = [f"1 commit . main {managed.hash(tree, name)}" for name in ("HEAD~1", "HEAD")]
    assert managed.spool(tree / ".git") == ([noted, *read] if event == "pre-commit" else [noted, read[0]])


def test_pre_commit_with_the_hooks_of_this_repository(managed: World, tree: Path) -> None:
    ours = managed.root / "tokenguard"
    (ours / "hooks" / "tokenguard_hooks").mkdir(parents=True)
    for name in (".pre-commit-hooks.yaml", "hooks/tokenguard_hooks/managed.sh"):
        shutil.copy(ROOT / name, ours / name)
    managed.git(ours, "init", "--quiet")
    managed.git(ours, "add", "--all")
    managed.commit(ours, "hooks")
    managed.git(ours, "tag", "v1.0.0")
    ids = "".join(f"      - id: tokenguard-{event}\n" for event in ALL if event != "post-rewrite")
    pre_commit(managed, tree, f"  - repo: {ours}\n    rev: v1.0.0\n    hooks:\n{ids}")
    install(look(tree), managed.paths, ALL, "manager", consent=False)
    works(managed, tree)


@pytest.mark.parametrize("first", ["tokenguard", "pre-commit"])
def test_pre_commit_with_hooks_beside_it(managed: World, tree: Path, first: str) -> None:
    """Whichever was installed first; and both go when one of them is taken out."""
    entry = "sh -c 'echo theirs >&2; exit ${THEIRS:-0}'"
    hook = f"id: theirs\n        name: theirs\n        language: system\n        entry: {entry}\n        verbose: true"
    theirs = f"  - repo: local\n    hooks:\n      - {hook}\n        always_run: true\n        stages: [pre-commit]\n"
    if first == "tokenguard":
        install(look(tree), managed.paths, ALL, "chain", consent=False)
    config = tree / ".pre-commit-config.yaml"
    config.write_text(f"repos:\n{theirs}")
    managed.git(tree, "add", config.name)
    ran(managed, tree, "pre-commit", "install")
    install(look(tree), managed.paths, ALL, "chain", consent=False)
    assert "theirs" in managed.commit(tree, "zeroth").stderr
    (managed.folder(tree / ".git") / "tokenguard-spool").unlink()
    managed.commit(tree, "refused", code=1, env={"THEIRS": "1"})
    works(managed, tree)
    assert uninstall(look(tree), managed.paths)
    assert "pre-commit" in (tree / ".git" / "hooks" / "pre-commit").read_text()
    told = managed.commit(tree, "last").stderr
    assert "theirs" in told and "tokenguard" not in told


def test_lefthook_with_the_lines_that_are_printed(managed: World, tree: Path) -> None:
    (tree / "lefthook.yml").write_text("pre-commit:\n  commands:\n    theirs:\n      run: echo theirs\n")
    manager = lines(managed, tree)
    manager.into.write_text(manager.lines)
    ran(managed, tree, *manager.then.split())
    change(managed, tree)
    assert "theirs" in managed.commit(tree, "zeroth").stderr
    follow(managed, tree)
    (managed.folder(tree / ".git") / "tokenguard-spool").unlink()
    works(managed, tree)


def test_lefthook_with_hooks_beside_it(managed: World, tree: Path) -> None:
    (tree / "lefthook.yml").write_text("pre-commit:\n  commands:\n    theirs:\n      run: echo theirs\n")
    install(look(tree), managed.paths, ALL, "chain", consent=False)
    ran(managed, tree, "lefthook", "install", "--force")
    install(look(tree), managed.paths, ALL, "chain", consent=False)
    hooks = tree / ".git" / "hooks"
    assert chaining.look(hooks, "pre-commit").chained and not chaining.look(hooks, "pre-commit").moved
    works(managed, tree)


def husky(world: World, tree: Path) -> None:
    (tree / "package.json").write_text('{"private": true}')
    ran(world, tree, "husky")
    (tree / ".husky" / "pre-commit").write_text("echo theirs >&2\n")


def test_husky_with_the_lines_that_are_printed(managed: World, tree: Path) -> None:
    husky(managed, tree)
    for part in lines(managed, tree).lines.split("# ")[1:]:
        file, _, line = part.partition("\n")
        with open(tree / file, "a") as hook:
            hook.write(line)
    works(managed, tree)


def test_the_hooks_of_husky_are_left_to_it(managed: World, tree: Path) -> None:
    """They go by their names."""
    husky(managed, tree)
    before = everything(tree)
    with pytest.raises(UsageError, match="are husky's, which writes them anew"):
        install(look(tree), managed.paths, ALL, "chain", consent=True)
    assert everything(tree) == before
    assert managed.commit(tree, "second").stderr == "theirs\n"


@pytest.mark.parametrize("former", [False, True])
@pytest.mark.parametrize("manager", ["pre-commit", "lefthook"])
def test_a_manager_that_comes_while_ours_sleep(managed: World, tree: Path, manager: str, former: bool) -> None:
    """Its hooks run alone, then after ours; and it runs what was there before as it does without ours."""
    hook = tree / ".git" / "hooks" / "pre-commit"
    if former:
        managed.put_script(hook, "#!/bin/sh\necho the one before >&2\n")
    install(look(tree), managed.paths, ALL, "chain", consent=False)
    assert resting.put_to_sleep(tree / ".git", managed.paths)
    if manager == "pre-commit":
        own = "      - {id: own, name: own, language: system, entry: sh -c 'echo theirs; exit 1', always_run: true}\n"
        pre_commit(managed, tree, f"  - repo: local\n    hooks:\n{own}")
    else:
        (tree / "lefthook.yml").write_text("pre-commit:\n  commands:\n    own:\n      run: echo theirs; exit 1\n")
        managed.git(tree, "add", "lefthook.yml")
        ran(managed, tree, "lefthook", "install")
    change(managed, tree)
    alone = managed.commit(tree, "alone", code=1)
    assert "theirs" in alone.stdout + alone.stderr
    runs_former = "the one before" in alone.stdout + alone.stderr
    managed.say(tree / ".git", "* * 0 warn ok here")
    assert resting.wake(tree / ".git", managed.paths)
    both = managed.commit(tree, "both", code=1)
    assert "tokenguard: here." in both.stderr and "theirs" in both.stdout + both.stderr
    assert ("the one before" in both.stdout + both.stderr) is runs_former
    assert resting.put_to_sleep(tree / ".git", managed.paths)
    again = managed.commit(tree, "again", code=1)
    assert "theirs" in again.stdout + again.stderr and "tokenguard" not in again.stderr
    uninstall(look(tree), managed.paths)
    assert "theirs" in hook.read_text() or manager in hook.read_text()
