from __future__ import annotations

import threading
from pathlib import Path

import psutil
import pytest

from tokenguard.errors import TeamError
from tokenguard.team.gitrefs.process import Runner, environment


def left_in(folder: Path) -> list[psutil.Process]:
    """Processes that were started there, and do not end."""
    found = [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(folder)]
    return psutil.wait_procs(found, timeout=10)[1]


def test_a_command_is_told_and_answers(tmp_path: Path) -> None:
    runner = Runner()
    runner.begin(60)
    done = runner.run(["sh", "-c", "cat; echo why >&2; exit 3"], str(tmp_path), environment(None), b"told")
    assert (done.code, done.out, done.said) == (3, b"told", "why\n")


def test_everything_that_a_late_command_has_started_ends_with_it(tmp_path: Path) -> None:
    runner = Runner()
    runner.begin(0.3)
    script = "sleep 600 & (trap '' TERM HUP; sleep 600) & wait"
    with pytest.raises(TeamError, match=r"did not answer within 0\.3 s"):
        runner.run(["sh", "-c", script], str(tmp_path), environment(None))
    assert not left_in(tmp_path)
    with pytest.raises(TeamError, match="did not answer"):
        runner.run(["true"], str(tmp_path), environment(None))


def test_what_stays_behind_does_not_delay_an_answer(tmp_path: Path) -> None:
    runner = Runner()
    runner.begin(60)
    runner.run(["sh", "-c", "sleep 600 & echo $! > pid"], str(tmp_path), environment(None))
    psutil.Process(int((tmp_path / "pid").read_text())).kill()


def test_a_command_can_be_stopped(tmp_path: Path) -> None:
    runner = Runner()
    runner.begin(600)
    seen: list[TeamError] = []

    def run() -> None:
        try:
            runner.run(["sh", "-c", "mkfifo begun; echo >begun; sleep 600"], str(tmp_path), environment(None))
        except TeamError as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not (tmp_path / "begun").exists():
        pass
    (tmp_path / "begun").read_bytes()
    runner.stop()
    thread.join()
    assert len(seen) == 1
    assert not left_in(tmp_path)


def test_a_program_that_is_not_there_is_an_error_for_a_person(tmp_path: Path) -> None:
    runner = Runner()
    runner.begin(60)
    with pytest.raises(TeamError, match="git cannot be run"):
        runner.run([str(tmp_path / "git")], str(tmp_path), environment(None))
    with pytest.raises(TeamError, match="nowhere is gone"):
        runner.run(["true"], str(tmp_path / "nowhere"), environment(None))


def test_gits_own_variables_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.fsmonitor'='evil'")
    env = environment((("http.proxy", "http://proxy"),), "ssh -i key")
    assert "GIT_DIR" not in env and "GIT_CONFIG_PARAMETERS" not in env
    assert (env["GIT_CONFIG_COUNT"], env["GIT_CONFIG_KEY_0"], env["GIT_CONFIG_VALUE_0"]) == (
        "1",
        "http.proxy",
        "http://proxy",
    )
    assert env["GIT_SSH_COMMAND"] == "ssh -i key -oBatchMode=yes -oConnectTimeout=5 -oControlMaster=no"
    assert (env["GIT_TERMINAL_PROMPT"], env["GIT_ASKPASS"], env["GIT_ALLOW_PROTOCOL"]) == ("0", "", "file:https:ssh")
