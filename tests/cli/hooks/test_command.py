"""`tokenguard hooks`, as people and programs see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard_hooks import reaching, resting, scripts, sharing
from tokenguard_hooks.gits import Gits

ASLEEP = "asleep until the daemon runs: git does not start them; what is committed is read when it does"


@pytest.fixture
def tree(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, in which we are, of somebody whose git knows no hooks in its configuration."""
    user, tree = tmp_path / "user", tmp_path / "web"
    user.mkdir()
    (user / ".gitconfig").write_text("[user]\n\tname = Ann\n\temail = ann@example.com\n")
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    monkeypatch.chdir(tree)
    pretend("2.53.0", tmp_path, monkeypatch)
    return tree


def pretend(version: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git say that it is of this version."""
    folder = root / version
    folder.mkdir()
    said = f'[ "$1" != --version ] || {{ echo "git version {version}"; exit; }}'
    (folder / "git").write_text(f'#!/bin/sh\n{said}\nexec {shutil.which("git")} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_from_nothing_to_nothing(cli: Cli, tree: Path) -> None:
    nothing = cli("hooks", "status")
    assert nothing.code == 1
    assert nothing.out == f"no hooks of tokenguard in {tree}/.git: tokenguard hooks install\n"
    done = cli("hooks", "install")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{tree}/.git/hooks: pre-commit, pre-push, post-commit, post-rewrite",
        "to take it back, byte for byte: tokenguard hooks uninstall",
    ]
    assert "(all of it was there already)" in cli("hooks", "install").out
    stands = cli("hooks", "status")
    assert stands.code == 0
    assert stands.out.splitlines()[1] == f"pre-commit    chain  {tree}/.git/hooks/pre-commit"
    assert "the daemon does not run" in stands.out
    assert cli("hooks", "uninstall").out == "what was there before is there again\n"
    again = cli("hooks", "uninstall")
    assert (again.code, again.out) == (0, "there is nothing to take out\n")


def test_for_programs(cli: Cli, tree: Path) -> None:
    (tree / ".git" / "hooks" / "pre-push").write_text("#!/bin/sh\n")
    done = cli("hooks", "install", "--json").document
    assert done == {
        "way": "chain",
        "where": f"{tree}/.git/hooks",
        "events": list(scripts.EVENTS),
        "installed": True,
        "changed": True,
        "chained": ["pre-push"],
        "tracked": [],
        "everywhere": False,
        "asleep": False,
        "manager": None,
    }
    stands = cli("hooks", "status", "--json").document
    assert (stands["git"], stands["installed"], stands["works"], stands["script"]) == ("2.53.0", True, True, "current")
    assert stands["hooks"][1] == {
        "event": "pre-push",
        "ways": ["chain"],
        "where": f"{tree}/.git/hooks/pre-push",
        "chained": True,
        "asleep": False,
    }
    assert (stands["daemon"], stands["problems"], stands["managers"], stands["hooks_path"]) == (False, [], [], None)
    assert cli("hooks", "uninstall", "--json").document == {
        "changed": True,
        "left": [],
        "everywhere": {"way": None, "where": None, "changed": False},
    }


def test_trailers_need_hooks_of_their_own(cli: Cli, home: Path, tree: Path) -> None:
    cli("hooks", "install")
    (home / "config.toml").write_text('[hooks]\ntrailers = ["session"]\n')
    told = cli("hooks", "status")
    assert told.code == 1
    assert "! not installed: prepare-commit-msg, commit-msg\n  → tokenguard hooks install\n" in told.out
    assert cli("hooks", "install", "--json").document["events"] == [*scripts.EVENTS, *scripts.SIGNING]
    assert cli("hooks", "status").code == 0
    (home / "config.toml").write_text("")
    cli("hooks", "uninstall")
    assert not (tree / ".git" / "hooks" / "commit-msg").exists()


def test_a_broken_configuration_is_in_nobody_s_way(cli: Cli, home: Path, tree: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("[hooks\n")
    done = cli("hooks", "install")
    assert done.code == 0 and "config.toml" in done.err


def test_a_manager_s_lines_are_printed(cli: Cli, tree: Path) -> None:
    (tree / "lefthook.yml").write_text("")
    done = cli("hooks", "install")
    assert done.code == 1
    first, *lines = done.out.splitlines()
    assert first == f"This repository uses lefthook, so nothing is changed. Put this into {tree}/lefthook-local.yml:"
    assert "pre-commit:" in lines and "and then: lefthook install" in lines
    document = cli("hooks", "install", "--json").document
    assert (document["installed"], document["manager"]["name"]) == (False, "lefthook")
    (tree / "lefthook-local.yml").write_text(document["manager"]["lines"])
    done = cli("hooks", "install")
    assert (done.code, done.out) == (0, f"{tree}/lefthook-local.yml has them already\n")
    stands = cli("hooks", "status")
    assert stands.code == 0 and stands.out.splitlines()[-1] == (
        "the daemon does not run: until it does, they do nothing; what is committed is read when it does"
    )
    assert "take its lines out by hand" in cli("hooks", "uninstall").out
    older = document["manager"]["lines"].replace("hooks/awake", "hooks/run")
    (tree / "lefthook-local.yml").write_text(older)
    done = cli("hooks", "install")
    assert done.code == 0 and done.out.splitlines()[:2] == [
        f"{tree}/lefthook-local.yml has them already",
        "They do something also while no daemon runs. These, in their place, do not; post-commit needs none:",
    ]
    assert done.out.endswith(f"\n\n{document['manager']['lines']}")


def test_consent_is_asked_for_in_one_line(cli: Cli, tree: Path) -> None:
    subprocess.run(["git", "config", "core.hooksPath", "shared"], check=True)
    refused = cli("hooks", "install")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"tokenguard: hooks of this repository are in {tree}/shared (local core.hooksPath), which others may use, too; "
        "tokenguard hooks install --yes puts them there\n"
    )
    assert cli("hooks", "install", "--json").document["error"]["exit_code"] == 2
    assert cli("hooks", "install", "--yes").code == 0
    assert f"git looks for hooks in {tree}/shared (local core.hooksPath)" in cli("hooks", "status").out


def test_for_all_repositories(cli: Cli, home: Path, tree: Path, tmp_path: Path) -> None:
    refused = cli("hooks", "install", "--global")
    assert refused.code == 2 and "--global --yes lets new repositories have them" in refused.err
    done = cli("hooks", "install", "--global", "--yes")
    assert done.out.splitlines()[0] == f"{home}/hooks/template: hooks for new repositories"
    assert f"for all repositories: by template, {home}/hooks/template" in cli("hooks", "status").out
    assert cli("hooks", "install", "--global", "--yes", "--json").document == {
        "way": "template",
        "where": f"{home}/hooks/template",
        "changed": False,
        "asleep": False,
    }
    assert "are taken back" in cli("hooks", "uninstall", "--global").out
    assert cli("hooks", "uninstall", "--global").out == "there is nothing to take back\n"
    assert (tmp_path / "user" / ".gitconfig").read_text() == "[user]\n\tname = Ann\n\temail = ann@example.com\n"


def test_with_a_new_git(cli: Cli, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend("2.54.0", tmp_path, monkeypatch)
    done = cli("hooks", "install")
    assert done.out.startswith(f"{tree}/.git/config: pre-commit, ") and "--way chain" in done.out
    assert cli("hooks", "status", "--json").document["hooks"][0]["ways"] == ["config"]
    cli("hooks", "uninstall")
    done = cli("hooks", "install", "--global")
    assert done.out.splitlines()[:2] == [f"{tmp_path}/user/.gitconfig: hooks for all repositories", f"- {ASLEEP}"]
    assert "has them for all repositories, this one too" in cli("hooks", "install").out
    assert "tokenguard hooks uninstall --global" in cli("hooks", "uninstall").out
    stands = cli("hooks", "status")
    assert stands.code == 0 and stands.out.splitlines()[-1] == ASLEEP


def test_those_of_all_repositories_beside_a_daemon(
    cli: Cli, home: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend("2.54.0", tmp_path, monkeypatch)
    commit()
    cli("hooks", "install", "--global")
    reaching.wake(Paths(home, home))
    assert cli("hooks", "status").out.splitlines()[-1].startswith("- the next commit puts them to sleep where it can")
    cli("hooks", "install", "--global")

    def running(paths: Paths) -> object:
        return object()

    monkeypatch.setattr(client, "find", running)
    told = cli("hooks", "status", "--json")
    assert (told.code, told.document["asleep"], told.document["works"]) == (0, False, True)
    assert cli("hooks", "install", "--global", "--json").document["asleep"] is False

    def hangs(paths: Paths) -> object:
        raise DaemonError("the daemon (pid 1) does not answer", "end it")

    monkeypatch.setattr(client, "find", hangs)
    assert cli("hooks", "install", "--global", "--json").document["asleep"] is False
    asked = iter([None, object()])

    def begins(paths: Paths) -> object | None:
        return next(asked)

    monkeypatch.setattr(client, "find", begins)
    assert cli("hooks", "install", "--global", "--json").document["asleep"] is False
    assert not reaching.is_asleep(Paths(home, home))


def test_what_somebody_else_has_changed_is_named(cli: Cli, tree: Path) -> None:
    cli("hooks", "install")
    hook = tree / ".git" / "hooks" / "pre-push"
    hook.write_bytes(hook.read_bytes() + b"echo mine\n")
    told = cli("hooks", "uninstall")
    assert f"- {hook} is left as it is" in told.out
    assert cli("hooks", "uninstall", "--json").document["left"] == [str(hook)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--way", "config"], "git 2.53.0 finds no hooks in its configuration, only 2.54 does; leave --way out"),
        (["--way", "manager"], "this repository uses no hook manager that is known; leave --way out"),
        (["--way", "chain", "--global"], "--way and --global do not go together; leave one of them out"),
        (["--way", "magic"], "invalid value for '--way'"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(cli: Cli, tree: Path, words: list[str], said: str) -> None:
    done = cli("hooks", "install", *words)
    assert done.code == 2
    assert said in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("command", ["install", "uninstall", "status"])
def test_outside_a_repository(cli: Cli, home: Path, command: str) -> None:
    done = cli("hooks", command)
    assert done.code == 2
    assert "is in no git repository; change to one" in done.err


def test_a_new_daemon_brings_new_hooks(cli: Cli, home: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_daemon(*_: object, **__: object) -> None:
        """It would stay."""

    monkeypatch.setattr("tokenguard.daemon.process.main", no_daemon)
    cli("daemon", "run")
    assert not (home / "hooks").exists(), "who has no hooks gets none"
    cli("hooks", "install")
    script = home / "hooks" / "hook.sh"
    script.write_text("older")
    assert "the script is an older one" in cli("hooks", "status").out
    cli("daemon", "run")
    assert script.read_bytes() == scripts.shipped()


def test_a_name_that_a_terminal_would_obey_is_shown_as_text(
    cli: Cli, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tree.with_name("odd\x1b[31m\nname")
    tree.rename(odd)
    monkeypatch.chdir(odd)
    for words in (["install"], ["status"], ["status", "--json"], ["uninstall"]):
        done = cli("hooks", *words)
        assert "\x1b" not in done.out + done.err and "name" in cli("hooks", "status").out


def test_nothing_heavy_is_imported_for_it(tree: Path) -> None:
    program = "import sys, tokenguard.cli; tokenguard.cli.main(['hooks', 'status']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"aiohttp", "rich", "asyncio", "sqlite3", "psutil", "textual"} & set(done.stdout.split())


def commit() -> None:
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "-m", "more"], check=True)


def test_installed_without_a_daemon_they_sleep(cli: Cli, home: Path, tree: Path) -> None:
    commit()
    done = cli("hooks", "install")
    assert done.out.splitlines() == [
        f"{tree}/.git/hooks: pre-commit, pre-push, post-commit, post-rewrite",
        f"- {ASLEEP}",
        "to take it back, byte for byte: tokenguard hooks uninstall",
    ]
    assert cli("hooks", "status").out.splitlines()[-1] == ASLEEP
    again = cli("hooks", "install", "--json").document
    assert (again["asleep"], again["changed"]) == (True, False)
    commit()
    assert cli("hooks", "status", "--json").document["asleep"] is True
    assert list((home / "hooks").rglob("tokenguard-spool")) == []


@pytest.mark.parametrize("hangs", [False, True])
def test_installed_beside_a_daemon_they_are_awake(
    cli: Cli, tree: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    def running(paths: Paths) -> object:
        if hangs:
            raise DaemonError("the daemon (pid 1) does not answer", "end it")
        return object()

    commit()
    monkeypatch.setattr(client, "find", running)
    assert cli("hooks", "install", "--json").document["asleep"] is False
    assert not (tree / ".git" / resting.MARK).exists()


def test_a_daemon_that_begins_while_they_are_installed(cli: Cli, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([None, object(), object()])

    def begins(paths: Paths) -> object | None:
        return next(asked)

    commit()
    monkeypatch.setattr(client, "find", begins)
    assert cli("hooks", "install", "--json").document["asleep"] is False
    assert not (tree / ".git" / resting.MARK).exists()
    assert cli("hooks", "status", "--json").document["works"] is True


def test_without_a_commit_they_sleep_after_the_first_one(cli: Cli, tree: Path) -> None:
    assert cli("hooks", "install", "--json").document["asleep"] is False
    assert "- the next commit" not in cli("hooks", "status").out
    commit()
    assert cli("hooks", "status", "--json").document["asleep"] is True


def test_those_of_a_daemon_that_was_killed_are_said_to_sleep_soon(cli: Cli, home: Path, tree: Path) -> None:
    commit()
    cli("hooks", "install")
    assert resting.wake(tree / ".git", Paths(home, home))
    assert cli("hooks", "status").out.splitlines()[-2:] == [
        "the daemon does not run: until it does, they are silent, and note commits for it",
        "- the next commit puts them to sleep where it can: git does not start them any more until it runs",
    ]
    commit()
    assert cli("hooks", "status").out.splitlines()[-1].startswith("asleep until the daemon runs: ")


def test_hooks_that_sleep(cli: Cli, home: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(home, home)
    commit()
    cli("hooks", "install")
    stands = cli("hooks", "status")
    assert stands.code == 0 and stands.out.splitlines()[-1].startswith("asleep until the daemon runs: ")
    assert cli("hooks", "status", "--json").document["asleep"] is True

    def running(paths: Paths) -> object:
        return object()

    monkeypatch.setattr(client, "find", running)
    awake = cli("hooks", "status", "--json")
    assert (awake.code, awake.document["asleep"], awake.document["works"]) == (0, False, True)
    assert resting.put_to_sleep(tree / ".git", paths)
    resting.forget(tree / ".git")
    told = cli("hooks", "status")
    assert told.code == 1 and "! hooks sleep, though the daemon runs\n  → tokenguard hooks install\n" in told.out
    cli("hooks", "install")
    assert cli("hooks", "status").code == 0


def test_hooks_in_a_folder_for_several_repositories_sleep(
    cli: Cli, home: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gits, "are_about", _none)
    folder, paths = tmp_path / "user" / "shared", Paths(home, home)
    subprocess.run(["git", "config", "--global", "core.hooksPath", str(folder)], check=True)
    told = cli("hooks", "install", "--global", "--yes", "--json").document
    assert told == {"way": "hooks-path", "where": str(folder), "changed": True, "asleep": True}
    assert ASLEEP in cli("hooks", "status").out.splitlines()[-1]
    assert not (folder / "post-commit").exists()

    def running(paths: Paths) -> object:
        return object()

    with monkeypatch.context() as patched:
        patched.setattr(client, "find", running)
        awake = cli("hooks", "status", "--json")
        assert (awake.code, awake.document["asleep"]) == (0, False)
        assert sharing.put_to_sleep(paths)
        (folder / "post-commit").touch(0o755)
        for command in (["init", "--quiet"], ["add", "post-commit"]):
            subprocess.run(["git", "-C", str(folder), *command], check=True)
        told = cli("hooks", "status")
        assert (folder / "pre-push").exists() and (folder / "post-commit").read_bytes() == b""
        assert told.code == 1 and "! hooks sleep, though the daemon runs\n  → tokenguard hooks install\n" in told.out
    shutil.rmtree(folder / ".git")
    (folder / "post-commit").unlink()
    assert cli("hooks", "uninstall", "--global").code == 0 and list(folder.iterdir()) == []


def test_hooks_in_a_folder_of_one_repository_s_settings_sleep(
    cli: Cli, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gits, "are_about", _none)
    subprocess.run(["git", "config", "core.hooksPath", ".githooks"], check=True)
    assert f"- {ASLEEP}" in cli("hooks", "install", "--yes").out.splitlines()
    assert cli("hooks", "install", "--json").document["asleep"] is True
    assert cli("hooks", "uninstall").code == 0 and not (tree / ".githooks").exists()


def _none(gits: Gits) -> bool:
    return False


def test_in_the_place_of_a_hook_that_git_tracks_ours_is_not_to_be_committed(cli: Cli, tree: Path) -> None:
    folder = tree / ".githooks"
    folder.mkdir()
    for name in ("pre-commit", "pre-push"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    subprocess.run(["git", "add", ".githooks/pre-commit"], check=True)
    subprocess.run(["git", "config", "core.hooksPath", ".githooks"], check=True)
    told = cli("hooks", "install", "--yes").out.splitlines()
    assert told[1:4] == [
        "- the pre-commit hook that was there runs after ours",
        "- the pre-push hook that was there runs after ours",
        "- git tracks pre-commit: do not commit ours, which is there while the daemon runs",
    ]
    assert cli("hooks", "install", "--yes", "--json").document["tracked"] == ["pre-commit"]
