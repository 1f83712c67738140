"""What is installed, by which way, and what keeps it from working."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard_hooks import scripts
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look
from tokenguard_hooks.standing import Standing
from tokenguard_hooks.standing import look as standing

EVENTS = scripts.EVENTS


@pytest.fixture
def tree(user: World) -> Path:
    return user.repository()


def stands(world: World, tree: Path, events: tuple[str, ...] = EVENTS) -> Standing:
    return standing(look(tree), world.paths, events)


def put_in(world: World, tree: Path, way: str | None = None, *, consent: bool = False) -> Standing:
    install(look(tree), world.paths, EVENTS, way, consent=consent)
    return stands(world, tree)


def told(world: World, tree: Path, events: tuple[str, ...] = EVENTS) -> list[str]:
    now = stands(world, tree, events)
    assert not now.works
    return [problem.what for problem in now.problems]


def test_nothing_is_installed(user: World, tree: Path) -> None:
    now = stands(user, tree)
    assert (now.installed, now.works, now.problems) == (False, False, ())
    assert now.everywhere.way is None


def test_hooks_in_their_folder_work(user: World, tree: Path) -> None:
    user.put_script(tree / ".git" / "hooks" / "pre-push", "#!/bin/sh\n")
    now = put_in(user, tree)
    assert now.works and now.script == "current"
    assert [(hook.event, hook.ways, hook.chained) for hook in now.hooks] == [
        (event, ("chain",), event == "pre-push") for event in EVENTS
    ]
    assert now.hooks[0].where == tree / ".git" / "hooks" / "pre-commit"


def test_trailers_that_were_asked_for_since_need_hooks_of_their_own(user: World, tree: Path) -> None:
    put_in(user, tree)
    assert told(user, tree, (*EVENTS, *scripts.SIGNING)) == ["not installed: prepare-commit-msg, commit-msg"]


def test_a_hook_that_git_would_not_run(user: World, tree: Path) -> None:
    put_in(user, tree)
    (tree / ".git" / "hooks" / "pre-push").chmod(0o644)
    missing, reason = told(user, tree)
    assert missing == "not installed: pre-push"
    assert reason.endswith("pre-push is not executable, so git does not run it")


@pytest.mark.parametrize(("state", "said"), [(None, "is missing"), ("older", "is an older one")])
def test_the_script_that_hooks_lead_to(user: World, tree: Path, state: str | None, said: str) -> None:
    put_in(user, tree)
    script = scripts.script_file(user.paths)
    script.unlink() if state is None else script.write_text(state)
    (problem,) = told(user, tree)
    assert said in problem


@pytest.mark.parametrize("state", [None, "older"])
def test_what_that_script_leads_to(user: World, tree: Path, state: str | None) -> None:
    put_in(user, tree)
    script = scripts.script_file(user.paths).with_name("rest.sh")
    script.unlink() if state is None else script.write_text(state)
    (problem,) = told(user, tree)
    assert "is an older one" in problem


def test_hooks_of_another_state_folder(user: World, tree: Path) -> None:
    put_in(user, tree)
    hook = tree / ".git" / "hooks" / "pre-push"
    hook.write_bytes(hook.read_bytes().replace(b"/state", b"/elsewhere"))
    (problem,) = told(user, tree)
    assert "leads to another state folder" in problem


def test_a_hook_that_was_edited_or_replaced(user: World, tree: Path) -> None:
    hooks = tree / ".git" / "hooks"
    user.put_script(hooks / "pre-push", "#!/bin/sh\n")
    put_in(user, tree)
    (hooks / "pre-commit").write_bytes((hooks / "pre-commit").read_bytes() + b"\n")
    user.put_script(hooks / "pre-push", "#!/bin/sh\n")
    missing, changed, replaced = told(user, tree)
    assert missing == "not installed: pre-push"
    assert "pre-commit has been changed" in changed
    assert "pre-push was put in the place of tokenguard's, so pre-push.tg-chained does not run" in replaced


def test_a_hook_that_was_put_aside(user: World, tree: Path) -> None:
    hooks = tree / ".git" / "hooks"
    put_in(user, tree)
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    user.put_script(hooks / "pre-commit", "#!/bin/sh\n")
    assert any("has put itself in the place" in problem for problem in told(user, tree))


def test_hooks_that_git_does_not_look_at(user: World, tree: Path) -> None:
    put_in(user, tree)
    user.git(tree, "config", "core.hooksPath", ".githooks")
    now = stands(user, tree)
    assert not now.installed
    (problem,) = now.problems
    assert f"git looks for hooks in {tree}/.githooks (local core.hooksPath), and not in" in problem.what
    assert put_in(user, tree, consent=True).installed


def test_hooks_in_the_configuration_work(modern: World) -> None:
    tree = modern.repository()
    now = put_in(modern, tree)
    assert now.works
    assert {hook.ways for hook in now.hooks} == {("config",)}
    assert {hook.where for hook in now.hooks} == {tree / ".git" / "config"}


@pytest.mark.parametrize("name", ["tokenguard-pre-push", "pre-push"])
def test_hooks_that_are_switched_off(modern: World, name: str) -> None:
    tree = modern.repository()
    put_in(modern, tree)
    modern.git(tree, "config", f"hook.{name}.enabled", "false")
    assert told(modern, tree) == [f"hook.{name}.enabled is false"]


def test_hooks_that_an_older_git_does_not_know(modern: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = modern.repository()
    put_in(modern, tree)
    monkeypatch.setenv("PATH", f"{modern.pretend('2.39.5')}:{modern.path}")
    now = stands(modern, tree)
    assert not now.installed
    (problem,) = now.problems
    assert problem.what == "git 2.39.5 finds no hooks in its configuration, only 2.54 does"


def test_hooks_that_run_twice(modern: World) -> None:
    tree = modern.repository()
    put_in(modern, tree)
    modern.put_hooks(tree / ".git" / "hooks", ["pre-commit"])
    assert [problem for problem in told(modern, tree) if "twice" in problem]
    assert put_in(modern, tree, "config").works


def test_hooks_of_another_state_folder_in_the_configuration(modern: World) -> None:
    tree = modern.repository()
    put_in(modern, tree)
    modern.git(tree, "config", "hook.tokenguard-pre-push.command", "tg_state=/elsewhere; ...")
    (problem,) = told(modern, tree)
    assert problem.startswith("git's configuration sends pre-push to another state folder than")
    assert put_in(modern, tree).works


@pytest.mark.parametrize("file", [".pre-commit-config.yaml", "lefthook.yml", ".husky/post-commit"])
def test_hooks_of_a_manager(user: World, tree: Path, file: str) -> None:
    (tree / file).parent.mkdir(exist_ok=True)
    (tree / file).write_text("")
    now = stands(user, tree)
    assert not now.installed
    (manager,) = now.managers
    assert not manager.ours
    if manager.name == "husky":
        for part in manager.lines.split("# ")[1:]:
            name, _, line = part.partition("\n")
            (tree / name).write_text(line)
    else:
        manager.into.write_text(manager.lines)
    install(look(tree), user.paths, EVENTS, None, consent=False)
    now = stands(user, tree)
    assert (
        {hook.event for hook in now.hooks if hook.ways == ("manager",)}
        == set(manager.needs)
        == {"pre-commit", "pre-push"}
    )
    assert now.works and now.managed
    assert now.works


def test_a_hook_that_a_manager_has_not_been_told_of(user: World, tree: Path) -> None:
    (tree / ".husky").mkdir()
    (tree / ".husky" / "pre-commit").write_text("... tokenguard ...")
    assert told(user, tree) == ["not installed: pre-push", *told(user, tree)[1:]]


def test_hooks_that_run_by_a_manager_too(user: World, tree: Path) -> None:
    put_in(user, tree)
    (tree / ".husky").mkdir()
    (tree / ".husky" / "pre-commit").write_text("... tokenguard ...")
    assert told(user, tree) == ["pre-commit runs twice: by chain and by manager"]
