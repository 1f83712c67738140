"""Trailers that name the run in the message of a commit: for those who have asked for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.world import GONE, World

RUN = ". main 6f1c2b claude:opus-5.5"
SESSION = "Tokenguard-Session: 6f1c2b"
AGENT = "Assisted-by: claude:opus-5.5"


@pytest.fixture
def tree(shells: World) -> Path:
    """A repository with hooks, those that sign too."""
    tree = shells.repository()
    shells.put_hooks(tree / ".git" / "hooks")
    return tree


def message(shells: World, tree: Path) -> str:
    return shells.git(tree, "log", "-1", "--format=%B").stdout.strip()


def test_the_run_is_named(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", "other main no no:no", RUN, "* * no no:no")
    shells.commit(tree, "second")
    assert message(shells, tree) == f"second\n\n{SESSION}\n{AGENT}"


def test_twice_is_once(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", RUN)
    shells.commit(tree, "second\n\nSigned-off-by: Ann <ann@example.com>")
    shells.git(tree, "commit", "--quiet", "--amend", "--no-edit", "--allow-empty")
    assert message(shells, tree) == f"second\n\nSigned-off-by: Ann <ann@example.com>\n{SESSION}\n{AGENT}"


@pytest.mark.parametrize(("line", "named"), [("6f1c2b -", SESSION), ("- claude:opus-5.5", AGENT)])
def test_one_of_the_two_can_be_had_alone(shells: World, tree: Path, line: str, named: str) -> None:
    shells.name_run(tree / ".git", f"* * {line}")
    shells.commit(tree, "second")
    assert message(shells, tree) == f"second\n\n{named}"


@pytest.mark.parametrize("line", ["- -", "6f1c2b", "", "6f\x1b[31m a:b"])
def test_otherwise_the_message_is_left_alone(shells: World, tree: Path, line: str) -> None:
    shells.name_run(tree / ".git", f"* * {line}")
    shells.commit(tree, "second")
    assert message(shells, tree) == "second"


def test_what_a_dead_daemon_has_left_is_not_believed(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", RUN, pid=GONE)
    shells.commit(tree, "second")
    assert message(shells, tree) == "second"


def test_values_are_values(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", "* * $(id) --in-place;`id` %s")
    shells.commit(tree, "second")
    assert message(shells, tree) == "second\n\nTokenguard-Session: $(id)\nAssisted-by: --in-place;`id` %s"


def test_a_line_in_the_message_divides_nothing(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", RUN)
    shells.commit(tree, "second\n\na\n\n---\n\nb")
    assert message(shells, tree) == f"second\n\na\n\n---\n\nb\n\n{SESSION}\n{AGENT}"


def edited(shells: World, tree: Path, text: str, *options: str, code: int = 0) -> None:
    """Commit by way of an editor in which somebody writes `text` before what is there."""
    editor = shells.root / "editor"
    shells.put_script(editor, f'#!/bin/sh\n{{ printf %s "{text}"; cat "$1"; }} >"$1.new"\nmv "$1.new" "$1"\n')
    shells.git(tree, "commit", "--allow-empty", *options, code=code, env={"GIT_EDITOR": str(editor)})


@pytest.mark.parametrize("options", [[], ["--verbose"], ["--cleanup=scissors"]])
def test_a_message_that_is_edited_is_signed_once_it_is_written(shells: World, tree: Path, options: list[str]) -> None:
    shells.name_run(tree / ".git", RUN)
    (tree / "a").write_text("a")
    shells.git(tree, "add", "a")
    edited(shells, tree, "second", *options)
    assert message(shells, tree) == f"second\n\n{SESSION}\n{AGENT}"


@pytest.mark.parametrize("comment", ["#", ";", "%"])
@pytest.mark.parametrize("options", [[], ["--verbose"]])
def test_who_leaves_the_message_empty_makes_no_commit(
    shells: World, tree: Path, comment: str, options: list[str]
) -> None:
    shells.name_run(tree / ".git", RUN)
    shells.git(tree, "config", "core.commentChar", comment)
    (tree / "a").write_text("a")
    shells.git(tree, "add", "a")
    edited(shells, tree, "", *options, code=1)
    assert message(shells, tree) == "first"


def test_commits_that_are_repeated_and_merges_are_not_signed(shells: World, tree: Path) -> None:
    shells.git(tree, "checkout", "--quiet", "-b", "topic")
    for name in ("a", "b"):
        (tree / name).write_text(name)
        shells.git(tree, "add", name)
        shells.commit(tree, name)
    shells.name_run(tree / ".git", f"* * {RUN[7:]}")
    shells.git(tree, "rebase", "--quiet", "--force-rebase", "main")
    shells.git(tree, "checkout", "--quiet", "main")
    shells.git(tree, "cherry-pick", "topic~1")
    shells.git(tree, "merge", "--no-edit", "topic")
    assert SESSION not in shells.git(tree, "log", "--all", "--format=%B").stdout


def test_hooks_that_write_the_message_go_first(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", RUN)
    before = tree / ".git" / "hooks" / "prepare-commit-msg.tg-chained"
    shells.put_script(before, '#!/bin/sh\necho "written by a hook, told $2" >"$1"\n')
    shells.commit(tree, "second")
    assert message(shells, tree) == f"written by a hook, told message\n\n{SESSION}\n{AGENT}"


def test_a_hook_that_fails_still_does(shells: World, tree: Path) -> None:
    shells.name_run(tree / ".git", RUN)
    shells.put_script(tree / ".git" / "hooks" / "commit-msg.tg-chained", "#!/bin/sh\necho no >&2\nexit 3\n")
    assert shells.commit(tree, "second", code=1).stderr == "no\n"
    assert message(shells, tree) == "first"
