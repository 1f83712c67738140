"""Repositories that use a hook manager: what to put into its file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hooks.world import World, everything
from tokenguard.errors import UsageError
from tokenguard_hooks import flagging, managers, scripts
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.uninstalling import uninstall

ROOT = Path(__file__).parent.parent.parent
ALL = (*scripts.EVENTS, *scripts.SIGNING)
READ = ("post-commit", "post-rewrite")
SEEN = {
    "pre-commit": [".pre-commit-config.yaml"],
    "lefthook": ["lefthook.yml", ".lefthook.yaml", "lefthook.toml", "lefthook-local.yml", ".config/lefthook.json"],
    "husky": [".husky/pre-commit"],
}


@pytest.fixture
def tree(user: World) -> Path:
    return user.repository()


def use(tree: Path, file: str, text: str = "# nothing yet\n") -> None:
    (tree / file).parent.mkdir(exist_ok=True)
    (tree / file).write_text(text)


def lines_for(user: World, tree: Path, file: str) -> managers.Manager:
    use(tree, file)
    (manager,) = managers.found(tree, ALL, user.paths)
    return manager


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in SEEN.items() for file in files])
def test_nothing_is_changed_where_a_manager_is_used(user: World, tree: Path, name: str, file: str) -> None:
    use(tree, file)
    before = everything(tree)
    done = install(look(tree), user.paths, ALL, None, consent=False)
    assert (done.way, done.changed) == ("manager", False)
    assert done.manager is not None and done.manager.name == name
    assert everything(tree) == before
    assert not uninstall(look(tree), user.paths)
    use(tree, file, f"# {done.manager.lines}\n")
    (manager,) = managers.found(tree, ALL, user.paths)
    assert manager.ours


def test_hooks_can_run_beside_a_manager(user: World, tree: Path) -> None:
    use(tree, "lefthook.yml")
    assert install(look(tree), user.paths, ALL, "chain", consent=False).changed
    assert install(look(tree), user.paths, ALL, None, consent=False).way == "chain", "and stay"


def test_a_new_git_needs_no_manager(modern: World) -> None:
    tree = modern.repository()
    use(tree, "lefthook.yml")
    assert install(look(tree), modern.paths, ALL, None, consent=False).way == "config"
    assert install(look(tree), modern.paths, ALL, "manager", consent=False).manager is not None


def test_without_a_manager_there_are_no_lines(user: World, tree: Path) -> None:
    with pytest.raises(UsageError, match="no hook manager"):
        install(look(tree), user.paths, ALL, "manager", consent=False)
    assert managers.found(None, ALL, user.paths) == []


def test_lines_for_pre_commit_are_what_it_reads(user: World, tree: Path) -> None:
    manager = lines_for(user, tree, ".pre-commit-config.yaml")
    (repository,) = yaml.safe_load("repos:\n" + manager.lines)["repos"]
    assert [hook["stages"] for hook in repository["hooks"]] == [[event] for event in ALL if event not in READ]
    assert all(hook["verbose"] and hook["always_run"] for hook in repository["hooks"])


def test_lines_for_lefthook_are_what_it_reads(user: World, tree: Path) -> None:
    manager = lines_for(user, tree, "lefthook.yml")
    assert manager.into == tree / "lefthook-local.yml", "they name a folder of this machine"
    told: dict[str, Any] = yaml.safe_load(manager.lines)
    assert list(told) == [event for event in ALL if event not in READ]
    run, flag = scripts.run_file(user.paths), flagging.flag(user.paths)
    told = told["pre-push"]["commands"]["tokenguard"]
    assert told == {"run": f"[ ! -e {flag} ] || {run} pre-push {{0}}", "use_stdin": False}


def test_where_git_keeps_no_log_all_hooks_are_needed(user: World, tree: Path) -> None:
    """And awake: nothing else tells of commits."""
    (tree / ".git" / "logs" / "HEAD").unlink()
    user.git(tree, "config", "core.logAllRefUpdates", "false")
    told: dict[str, Any] = yaml.safe_load(lines_for(user, tree, "lefthook.yml").lines)
    assert list(told) == list(ALL)
    run = scripts.run_file(user.paths)
    assert told["post-rewrite"]["commands"]["tokenguard"] == {
        "run": f"[ ! -e {run} ] || {run} post-rewrite {{0}}",
        "use_stdin": True,
    }
    (tree / "lefthook.yml").unlink()
    (repository,) = yaml.safe_load("repos:\n" + lines_for(user, tree, ".pre-commit-config.yaml").lines)["repos"]
    assert [hook["stages"] for hook in repository["hooks"]] == [[event] for event in ALL if event != "post-rewrite"]


@pytest.mark.parametrize(("name", "file"), [(name, files[0]) for name, files in SEEN.items()])
def test_a_file_that_holds_ours_is_known(user: World, tree: Path, name: str, file: str) -> None:
    use(tree, file, "tokenguard: see docs/hooks.md, hooks/runs-here\n")
    assert not managers.uses_ours(tree)
    lines = lines_for(user, tree, file).lines
    use(tree, file, lines)
    assert managers.uses_ours(tree)
    (manager,) = managers.found(tree, ALL, user.paths)
    assert set(manager.covers) >= {"pre-commit"} and not manager.older
    use(tree, file, lines.replace("hooks/awake", "hooks/run"))
    assert managers.uses_ours(tree), "as those of an earlier version"
    (manager,) = managers.found(tree, ALL, user.paths)
    assert manager.older


def test_the_hooks_of_this_repository_are_known_by_their_names(tree: Path) -> None:
    use(tree, ".pre-commit-config.yaml", "repos: [{repo: x, rev: v1, hooks: [{id: tokenguard-pre-commit}]}]\n")
    assert managers.uses_ours(tree)


@pytest.mark.parametrize("home", ["TOKENGUARD_HOME", "XDG_STATE_HOME", "HOME", "macOS", "nowhere"])
def test_lines_that_others_use_find_their_own_tokenguard(user: World, tree: Path, home: str) -> None:
    husky = lines_for(user, tree, ".husky/pre-commit").lines.splitlines()[1]
    state = {
        "TOKENGUARD_HOME": user.root / "it's theirs",
        "XDG_STATE_HOME": user.root / "xdg" / "tokenguard",
        "HOME": user.root / "them" / ".local" / "state" / "tokenguard",
        "macOS": user.root / "them" / "Library" / "Application Support" / "tokenguard",
        "nowhere": user.root / "elsewhere",
    }[home]
    (state / "hooks").mkdir(parents=True)
    user.put_script(state / "hooks" / "run", '#!/bin/sh\necho "run $*"\nexit 4\n')
    flag = state / "hooks" / "awake"
    env = {"HOME": str(user.root / "them")}
    if home == "TOKENGUARD_HOME":
        env[home] = str(state)
    elif home == "XDG_STATE_HOME":
        env[home] = str(state.parent)
    managed = ROOT / "hooks" / "tokenguard_hooks" / "managed.sh"
    for command in (["sh", "-e", "-c", husky, "pre-commit"], [str(managed), "pre-commit"]):
        flag.unlink(missing_ok=True)
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "no daemon runs"
        flag.touch()
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        expected = (0, "") if home == "nowhere" else (4, "run pre-commit\n")
        assert (done.returncode, done.stdout, done.stderr) == (*expected, "")


def test_the_hooks_of_this_repository_are_those_that_are_known() -> None:
    told = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {hook["id"] for hook in told} == {f"tokenguard-{event}" for event in ALL if event != "post-rewrite"}
    for hook in told:
        script, event = hook["entry"].split()
        assert hook["id"] == f"tokenguard-{event}" and hook["stages"] == [event]
        assert (ROOT / script).stat().st_mode & 0o111
