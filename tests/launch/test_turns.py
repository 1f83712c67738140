"""What hooks find in the private folder, and how they reach us."""

from __future__ import annotations

import os
import queue
import stat
from pathlib import Path

import pytest

from tests.launch.support import PATIENCE, FakeDaemon, Terminal, launched
from tokenguard.agents import hooks
from tokenguard.config.paths import Paths
from tokenguard.launch import turns


def test_scripts_are_led_to_the_files_of_their_session(tmp_path: Path) -> None:
    turns.connect(tmp_path, Paths(tmp_path / "config", tmp_path / "state"), "bcdfghj")
    assert (tmp_path / hooks.SESSION).readlink() == tmp_path / "state" / "hooks" / "sessions" / "bcdfghj"


@pytest.mark.parametrize("session_id", ["../../x", "", "a/b"])
def test_no_id_leads_elsewhere(tmp_path: Path, session_id: str) -> None:
    turns.connect(tmp_path, Paths(tmp_path, tmp_path), session_id)
    assert list(tmp_path.iterdir()) == []


def test_each_end_of_a_turn_is_told(tmp_path: Path) -> None:
    told: queue.Queue[int] = queue.Queue()
    reading, pipe = turns.pipe(tmp_path), tmp_path / hooks.TURNS
    assert reading is not None
    assert not os.get_inheritable(reading)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o600
    pipe.write_bytes(b"turn\n")
    turns.follow(reading, lambda: told.put(1))
    assert told.get(timeout=PATIENCE) == 1
    pipe.write_bytes(b"turn\n")
    assert told.get(timeout=PATIENCE) == 1


def test_a_folder_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    assert turns.pipe(tmp_path / "gone") is None
    turns.connect(tmp_path / "gone", Paths(tmp_path, tmp_path), "bcdfghj")


CODEX = """#!/bin/sh
for word; do
    case $word in notify=*) script=${word##*, \\"} script=${script%%\\"*} ;; esac
done
echo "$script" >"$HOME/script"
[ -z "$script" ] || /bin/sh "$script" '{"type":"agent-turn-complete"}'
read -r end
"""


def test_a_run_tells_the_daemon_that_its_agent_waits(
    daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "codex"
    program.write_text(CODEX)
    program.chmod(0o755)
    terminal = Terminal(launched(program), os.environ)
    try:
        assert daemon.wait_for("turn-ended").path == "/v1/sessions/bcdfg/turn-ended"
        folder = Path((tmp_path / "user" / "script").read_text().strip()).parent
        assert sorted(file.name for file in folder.iterdir()) == ["agent.pid", "turn.sh", "turns"]
        terminal.type("bye\n")
        assert terminal.wait() == 0
        assert not folder.exists()
    finally:
        terminal.close()
