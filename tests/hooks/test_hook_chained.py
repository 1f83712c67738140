"""A hook that was there before runs after ours, as if it were alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hooks.world import World

TELL = f"""#!{sys.executable} -IS
import json, os, sys
told = dict(args=sys.argv[1:], cwd=os.getcwd(), stdin=sys.stdin.buffer.read().decode("latin-1"), env=dict(os.environ))
with open(sys.argv[0] + ".told", "a") as file:
    file.write(json.dumps(told) + "\\n")
sys.exit(7 if os.environ.get("FAIL") else 0)
"""
"""A hook that writes down what it gets."""


@pytest.fixture
def tree(shells: World) -> Path:
    """A repository whose hooks are all chained."""
    tree = shells.repository()
    hooks = tree / ".git" / "hooks"
    shells.put_hooks(hooks)
    for event in ("pre-commit", "pre-push", "prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite"):
        shells.put_script(hooks / f"{event}.tg-chained", TELL)
    return tree


def told(tree: Path, event: str) -> list[dict[str, Any]]:
    file = tree / ".git" / "hooks" / f"{event}.tg-chained.told"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_arguments_folder_and_stdin_are_git_s_own(shells: World, tree: Path) -> None:
    remote = shells.root / "the remote.git"
    shells.git(shells.root, "init", "--quiet", "--bare", str(remote))
    shells.git(tree, "remote", "add", "up", str(remote))
    shells.commit(tree, "second", "--amend")
    new = shells.hash(tree)
    shells.git(tree, "push", "--quiet", "up", "main")
    (pushed,) = told(tree, "pre-push")
    assert pushed["args"] == ["up", str(remote)]
    assert pushed["stdin"] == f"refs/heads/main {new} refs/heads/main {'0' * 40}\n"
    (rewritten,) = told(tree, "post-rewrite")
    assert rewritten["args"] == ["amend"]
    assert rewritten["stdin"].endswith(f" {new}\n") and rewritten["stdin"].count("\n") == 1
    (prepared,) = told(tree, "prepare-commit-msg")
    assert prepared["args"] == [".git/COMMIT_EDITMSG", "message"]
    assert {one["cwd"] for event in ("pre-commit", "post-commit") for one in told(tree, event)} == {str(tree)}


def test_nothing_is_added_to_the_environment(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", "* * 99999999999 warn ok here")
    plain = {"line": "1", "message": "2", "CDPATH": "/", "status": "3"}
    shells.commit(tree, "second", env=plain)
    for event in ("pre-commit", "commit-msg", "post-commit"):
        (one,) = told(tree, event)
        assert {name: one["env"].get(name) for name in plain} == plain
        assert not [name for name in one["env"] if name.startswith(("tg_", "TG_"))]


@pytest.mark.parametrize(("event", "code"), [("pre-commit", 1), ("commit-msg", 1), ("pre-push", 1)])
def test_its_exit_code_counts(shells: World, tree: Path, event: str, code: int) -> None:
    hooks = tree / ".git" / "hooks"
    shells.put_script(hooks / f"{event}.tg-chained", "#!/bin/sh\necho refused >&2\nexit 7\n")
    remote = shells.root / "remote.git"
    shells.git(shells.root, "init", "--quiet", "--bare", str(remote))
    done = (
        shells.git(tree, "push", str(remote), "main", code=code)
        if event == "pre-push"
        else shells.commit(tree, "second", code=code)
    )
    assert "refused\n" in done.stderr


def test_where_we_stop_a_commit_it_is_not_asked(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", "* * 0 block ok here")
    shells.commit(tree, "second", code=1)
    assert told(tree, "pre-commit") == []


def test_long_stdin_arrives_whole(shells: World, tree: Path) -> None:
    lines = "".join(f"{number:040x} {number + 1:040x} $(id) `id` \\n 'x'\n" for number in range(3000))
    hook = tree / ".git" / "hooks" / "post-rewrite"
    subprocess.run([hook, "rebase"], cwd=tree, env=shells.env, input=lines.encode("latin-1"), check=True)
    assert told(tree, "post-rewrite")[0]["stdin"] == lines
    assert len(shells.spool(tree / ".git")) == 3000


def test_no_stdin_is_no_line(shells: World, tree: Path) -> None:
    hook = tree / ".git" / "hooks" / "post-rewrite"
    subprocess.run([hook, "rebase"], cwd=tree, env=shells.env, stdin=subprocess.DEVNULL, check=True)
    assert told(tree, "post-rewrite")[0]["stdin"] == ""


def test_one_that_git_would_not_run_is_not_run(shells: World, tree: Path) -> None:
    (tree / ".git" / "hooks" / "pre-commit.tg-chained").chmod(0o644)
    shells.commit(tree, "second")
    assert told(tree, "pre-commit") == []


def test_one_without_a_first_line_is_a_script(shells: World, tree: Path) -> None:
    shells.put_script(tree / ".git" / "hooks" / "pre-commit.tg-chained", 'echo "as a script" >&2\n')
    assert shells.commit(tree, "second").stderr == "as a script\n"


def test_it_runs_where_our_script_is_gone(shells: World, tree: Path) -> None:
    (shells.paths.state_dir / "hooks" / "hook.sh").unlink()
    shells.commit(tree, "second", "--amend")
    assert told(tree, "post-rewrite")[0]["stdin"].count("\n") == 1
    assert len(told(tree, "pre-commit")) == 1


@pytest.mark.parametrize("broken", ["repositories", "HEAD"])
def test_it_runs_where_ours_cannot(shells: World, tree: Path, broken: str) -> None:
    if broken == "repositories":
        (shells.paths.state_dir / "hooks" / "repositories").write_text("in the way")
    hook = tree / ".git" / "hooks" / "post-rewrite"
    where = tree if broken == "repositories" else shells.root
    given = f"{'a' * 40} {'b' * 40}\n"
    subprocess.run([hook, "amend"], cwd=where, env=shells.env, input=given, text=True, check=True)
    assert told(tree, "post-rewrite")[0]["stdin"] == given


def test_a_link_is_followed(shells: World, tree: Path) -> None:
    chained = tree / ".git" / "hooks" / "pre-commit.tg-chained"
    shells.put_script(shells.root / "shared", '#!/bin/sh\necho "$0" >&2\n')
    chained.unlink()
    chained.symlink_to(os.path.relpath(shells.root / "shared", chained.parent))
    assert shells.commit(tree, "second").stderr.endswith(".git/hooks/pre-commit.tg-chained\n")
