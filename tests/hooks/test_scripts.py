"""The scripts as they are written and recognised."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard.config.paths import Paths
from tokenguard_hooks import scripts

STATES = ["/home/ann/.local/state/tokenguard", "/Users/Ann Lee/Library/Application Support/tokenguard", "/it's\n`$x`"]
ALL = (*scripts.EVENTS, *scripts.SIGNING)


def paths(state: str) -> Paths:
    return Paths(Path(state), Path(state))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", ALL)
def test_a_hook_of_ours_is_known(event: str, state: str) -> None:
    assert scripts.is_stub(scripts.stub(event, paths(state)))


@pytest.mark.parametrize("state", [*STATES, "/latin-\udce9"])
def test_a_hook_that_somebody_has_changed_is_not(state: str) -> None:
    stub = scripts.stub("pre-commit", paths(state))
    for changed in (stub + b"echo\n", stub[:-1], stub.replace(b"#!/bin/sh", b"#!/bin/bash"), b"#!/bin/sh\n" + stub):
        assert not scripts.is_stub(changed)
        assert scripts.looks_like_stub(changed)


@pytest.mark.parametrize("data", [None, b"", b"#!/bin/sh\nexec lefthook run pre-commit\n", b"\xff\x00"])
def test_others_are_not_ours(data: bytes | None) -> None:
    assert not scripts.is_stub(data) and not scripts.looks_like_stub(data)


def test_what_is_put_into_a_hook_cannot_end_its_line() -> None:
    stub = scripts.stub("pre-commit", paths("/a'; echo harmed; '"))
    done = subprocess.run(["/bin/sh"], input=stub, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_script_is_written_and_renewed(tmp_path: Path) -> None:
    here = Paths(tmp_path / "state", tmp_path / "state")
    assert not scripts.refresh(here), "where no hooks are in use nothing is written"
    assert not here.state_dir.exists()
    assert scripts.write(here)
    assert not scripts.write(here) and not scripts.refresh(here)
    for script in scripts.script_file(here).parent.glob("*.sh"):
        script.write_text("older")
        assert not scripts.are_current(here) and scripts.refresh(here) and scripts.are_current(here)
    assert scripts.script_file(here).read_bytes() == scripts.shipped()
    assert here.state_dir.stat().st_mode & 0o777 == 0o700


def test_managers_of_hooks_have_a_way_in(shells: World) -> None:
    tree = shells.repository()
    shells.say(tree / ".git", "* * 0 block ok here")
    run = shells.paths.state_dir / "hooks" / "run"
    shells.put_script(run, run.read_bytes(), shell=True)
    done = subprocess.run([run, "pre-commit"], cwd=tree, env=shells.env, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("tokenguard: this commit is stopped: here.")
    subprocess.run([run, "post-commit"], cwd=tree, env=shells.env, check=True)
    assert shells.spool(tree / ".git") == [f"1 commit . main {shells.hash(tree)}"]
    subprocess.run([run], cwd=tree, env=shells.env, check=True)
    subprocess.run([run, "update", "refs/heads/main"], cwd=tree, env=shells.env, check=True)


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    here = Paths(tmp_path / "it's here", tmp_path / "it's here")
    scripts.write(here)
    for event in ALL:
        (tmp_path / event).write_bytes(scripts.stub(event, here))
        (tmp_path / f"{event}.command").write_bytes(b"#!/bin/sh\n" + scripts.command(event, here) + b' "$@"\n')
    made = [tmp_path / event for event in ALL] + [tmp_path / f"{event}.command" for event in ALL]
    shipped = sorted(scripts.script_file(here).parent.glob("*.sh"))
    assert [one.name for one in shipped] == ["hook.sh", "owning.sh", "rest.sh", "sharing.sh"]
    files = [*shipped, scripts.run_file(here), *made]
    # What is sourced is named by a variable, and uses the others.
    passed = "SC1090,SC1091,SC2034,SC1007"
    done = subprocess.run(["shellcheck", "-e", passed, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_scripts_put_hooks_to_sleep_in_the_same_order() -> None:
    (told,) = re.findall(r"^tg_events='(.*)'$", scripts.shipped("rest.sh").decode(), re.MULTILINE)
    assert tuple(told.split()) == scripts.TO_SLEEP
    assert sorted(scripts.TO_SLEEP) == sorted((*scripts.EVENTS, *scripts.SIGNING))
