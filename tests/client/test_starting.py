"""A daemon when one is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.support.gated import Stream, Upstream
from tests.support.home import COMMAND, Home
from tests.support.waiting import DEADLINE, until
from tokenguard import __version__, client
from tokenguard.client import starting
from tokenguard.errors import DaemonError

OLD = "import tokenguard; tokenguard.__version__ = '0.0.9'; from tokenguard.cli import main; main(['daemon', 'run'])"

ENSURE = """
import os, sys
from pathlib import Path
from tokenguard import client
from tokenguard.config.paths import find_paths
sys.stdin.readline()
print(client.ensure(find_paths(os.environ), os.environ, print).pid)
"""


class Said(list[str]):
    """What was said, line by line."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def said() -> Said:
    return Said()


def test_a_daemon_is_started(home: Home, said: Said) -> None:
    daemon = client.ensure(home.paths, home.env, said)

    assert daemon.get("/v1/status")["daemon"]["pid"] == daemon.pid
    process = psutil.Process(daemon.pid)
    assert process.ppid() != os.getpid()
    assert os.getsid(daemon.pid) != os.getsid(0)
    assert process.cwd() == "/"
    assert not said


def test_the_one_that_runs_is_used(home: Home, said: Said) -> None:
    started = home.start()
    assert client.ensure(home.paths, home.env, said).pid == started.pid


def test_many_starters_get_one_daemon(home: Home) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", ENSURE], env=home.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(5)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.write("go\n")
        starter.stdin.flush()
    pids = {int(starter.communicate(timeout=DEADLINE)[0]) for starter in starters}

    assert pids == {home.daemon.pid}
    assert home.log.count("is ready") == 1


def test_a_relative_home_means_the_same_to_the_daemon(home: Home, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.folder.parent)
    client.ensure(home.paths, {**home.env, "TOKENGUARD_HOME": home.folder.name}, said)
    assert home.state["pid"] == home.daemon.pid


def test_no_package_of_the_current_folder_is_imported(home: Home, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = home.folder.parent / "repo"
    (trap / "tokenguard").mkdir(parents=True)
    (trap / "tokenguard/__init__.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(trap)
    client.ensure(home.paths, home.env, said)


def test_why_it_cannot_start_is_its_own_last_line(home: Home, said: Said) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        home.configure(f"port = {port}")
        with pytest.raises(DaemonError) as raised:
            client.ensure(home.paths, home.env, said)

    assert raised.value.message == f"port {port} is in use by another program"
    assert raised.value.hint == f"free it, or set another port in [daemon] of {home.paths.config_file}"


def test_an_interpreter_without_tokenguard_says_so(home: Home, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(DaemonError, match="/no/such/python"):
        client.ensure(home.paths, home.env, said)


def test_a_folder_that_cannot_be_used(tmp_path: Path, said: Said) -> None:
    home = Home(tmp_path / "home")
    home.paths.config_file.unlink()
    home.folder.rmdir()
    home.folder.write_text("a file")
    with pytest.raises(DaemonError, match=f"the folder {home.folder} cannot be used"):
        client.ensure(home.paths, home.env, said)


def test_one_that_neither_answers_nor_ends_is_given_up(
    home: Home, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    silent = tmp_path / "silent"
    silent.write_text(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(starting, "PATIENCE", 0.2)
    try:
        with pytest.raises(DaemonError, match="the daemon did not answer within"):
            client.ensure(home.paths, home.env, said)
    finally:
        os.kill(int(until(lambda: pid_file.exists() and pid_file.read_text())), 9)


def test_one_that_sums_up_its_ledger_is_waited_for_as_long_as_it_says_so(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = os.pipe()
    lines = [f"tokenguard: {starting.SUMMING_UP}: {percent}%\n".encode() for percent in (20, 60, 100)]
    clock = [0.0]

    def select(reading: list[int], _: object, __: object, seconds: float) -> tuple[list[int], list[int], list[int]]:
        if seconds <= 0:
            return [], [], []
        clock[0] += 0.8 * starting.PATIENCE
        if lines:
            os.write(theirs, lines.pop(0))
        else:
            os.close(theirs)
        return reading, [], []

    monkeypatch.setattr(starting, "select", SimpleNamespace(select=select))
    monkeypatch.setattr(starting, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    # As if a daemon had summed up for longer than any test could wait.
    read = starting._read_to_end(ours, starting.PATIENCE, said)  # pyright: ignore[reportPrivateUsage]
    os.close(ours)
    assert read.endswith(b"100%\n")
    assert said == ["the daemon sums up the ledger first, once; a million calls take half a minute"]


class TestOlder:
    def test_an_idle_one_is_replaced(self, home: Home, said: Said) -> None:
        old = home.start(sys.executable, "-c", OLD)
        assert old.version == "0.0.9"
        new = client.ensure(home.paths, home.env, said)

        assert new.version == __version__
        assert home.started[0].wait(DEADLINE) == 0
        assert said == [f"replacing the daemon of version 0.0.9 by {__version__}"]

    def test_one_with_a_session_is_left_alone(self, home: Home, said: Said) -> None:
        old = home.start(sys.executable, "-c", OLD)
        home.session(old, pid=os.getpid())

        assert client.ensure(home.paths, home.env, said).pid == old.pid
        assert said == [f"the running daemon is of version 0.0.9; it is busy, so {__version__} replaces it later"]

    def test_a_newer_one_stays(self, home: Home, said: Said) -> None:
        new = home.start(sys.executable, "-c", OLD.replace("0.0.9", "99.0"))
        assert client.ensure(home.paths, home.env, said).pid == new.pid
        assert not said

    @pytest.mark.parametrize(
        ("older", "newer"), [("0.1.0", "0.1.1"), ("0.9", "0.10"), ("0.1.9", "1.0"), ("0.2", "0.2.1"), ("x", "0.1")]
    )
    def test_releases_are_ordered(self, older: str, newer: str) -> None:
        # Seen from outside, each pair would take two daemons.
        assert starting._release(older) < starting._release(newer)  # pyright: ignore[reportPrivateUsage]


class TestStopping:
    def test_one_that_lets_calls_end_is_waited_for(self, home: Home, upstream: Upstream, said: Said) -> None:
        home.configure(rest=upstream.settings)
        starts = home.folder / "start.lock"
        old = home.start()
        stream = Stream(old.port, home.session(old, pid=os.getpid())["token"])
        home.started[0].terminate()
        until(lambda: home.daemon.stopping)
        # The call ends once somebody waits for that.
        finish = threading.Thread(target=lambda: until(starts.exists) and upstream.finish.set())
        finish.start()
        new = client.ensure(home.paths, home.env, said)

        assert new.pid != old.pid
        stream.rest()
        finish.join()

    def test_but_not_for_ever(
        self, home: Home, upstream: Upstream, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(starting, "PATIENCE", 0.1)
        home.configure(rest=upstream.settings)
        old = home.start()
        stream = Stream(old.port, home.session(old)["token"])
        home.started[0].terminate()
        until(lambda: home.daemon.stopping)

        with pytest.raises(DaemonError) as raised:
            client.ensure(home.paths, home.env, said)
        assert raised.value.message == "the daemon is stopping: it lets the calls in flight end first"
        upstream.finish.set()
        stream.rest()


class TestService:
    def test_a_knock_at_its_port_starts_it(self, home: Home, said: Said) -> None:
        """The part of systemd is played here: whoever connects causes a daemon that inherits the socket."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            (home.folder / "service").write_text(f"{listener.getsockname()[1]}\n")
            fd = listener.fileno()
            code = (
                f"import os, select, sys; select.select([{fd}], [], []); os.dup2({fd}, 3); "
                "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[1], sys.argv[1:])"
            )
            home.spawn(sys.executable, "-c", code, *COMMAND, pass_fds=(fd,))
            daemon = client.ensure(home.paths, home.env, said)
            assert daemon.pid == home.started[0].pid
            assert daemon.port == listener.getsockname()[1]

    def test_one_that_does_not_listen_is_passed_over(self, home: Home, said: Said) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            (home.folder / "service").write_text(f"{closed.getsockname()[1]}\n")
        client.ensure(home.paths, home.env, said)

    def test_one_that_starts_nothing_is_named(self, home: Home, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(starting, "PATIENCE", 0.1)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            (home.folder / "service").write_text(f"{listener.getsockname()[1]}\n")
            with pytest.raises(DaemonError, match="the service did not start the daemon"):
                client.ensure(home.paths, home.env, said)
