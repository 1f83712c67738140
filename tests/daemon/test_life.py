"""A daemon as a process: from its start to its end, whatever ends it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import stat
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.gated import FIRST, REST, Stream, Upstream
from tests.support.home import COMMAND, Home
from tests.support.waiting import DEADLINE, until
from tokenguard import __version__, client
from tokenguard.client import access
from tokenguard.errors import DaemonError
from tokenguard.ledger import phases, queries
from tokenguard.platforms import MAX_SOCKET_PATH, socket_path

HALF_AN_HOUR_US = 1_800_000_000

WITHOUT_UNIX_SOCKETS = """
import socket, sys
from tokenguard.cli import main
bind = socket.socket.bind
def bind_others(self, address):
    if self.family == socket.AF_UNIX:
        raise OSError(95, "not on this file system")
    bind(self, address)
socket.socket.bind = bind_others
sys.exit(main(["daemon", "run"]))
"""


def test_hours_are_summed_up_as_they_begin_in_the_zone_of_the_machine(home: Home) -> None:
    for zone, phase_us in (("Asia/Kolkata", HALF_AN_HOUR_US), ("Europe/Berlin", 0)):
        home.start("env", f"TZ={zone}", *COMMAND)
        home.started[-1].terminate()
        home.started[-1].communicate(timeout=DEADLINE)
        with closing(queries.connect_readonly(home.paths.ledger)) as conn:
            assert phases.readable(conn) == phase_us


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def healthz(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/healthz")
    with connection.getresponse() as answer:
        answer.read()
    connection.close()
    return answer.status


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def as_systemd_does(listener: int) -> list[str]:
    """A command that becomes a daemon with an open socket."""
    code = (
        f"import os, sys; os.dup2({listener}, 3); "
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", code, *COMMAND]


class TestStart:
    def test_it_can_be_reached_and_says_where(self, home: Home) -> None:
        daemon = home.start()

        assert healthz(daemon.port) == 200
        state = home.state
        assert (state["pid"], state["port"], state["version"]) == (home.started[0].pid, daemon.port, __version__)
        assert state["started_at"].endswith("Z")
        about = daemon.get("/v1/status")["daemon"]
        assert (about["pid"], about["port"], about["version"]) == (daemon.pid, daemon.port, __version__)
        assert "ready on port" in home.log

    def test_only_its_user_can_reach_it(self, home: Home) -> None:
        home.folder.chmod(0o755)
        home.start()

        assert mode(home.folder) == 0o700
        assert mode(socket_path(home.folder)) == 0o600
        own = [path for path in home.folder.iterdir() if path.name != "config.toml" and path.is_file()]
        assert {mode(path) for path in own} == {0o600}

    def test_a_second_one_says_that_there_is_one(self, home: Home) -> None:
        first = home.start()
        said = home.fail()

        assert said == (
            f"a daemon is already running (pid {first.pid}, port {first.port}); stop it with: tokenguard daemon stop"
        )
        assert home.daemon.pid == first.pid
        assert healthz(first.port) == 200

    def test_a_deep_home(self, tmp_path: Path) -> None:
        home = Home(tmp_path / ("deep" * 30) / "home")
        try:
            assert len(str(home.folder)) > MAX_SOCKET_PATH
            daemon = home.start()
            assert daemon.get("/v1/status")["daemon"]["pid"] == home.started[0].pid
            assert mode(socket_path(home.folder).parent) == 0o700
            assert daemon.stop(timeout=30)
            assert not socket_path(home.folder).parent.exists()
        finally:
            home.clean_up()

    def test_an_inherited_socket(self, home: Home) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            daemon = home.start(*as_systemd_does(listener.fileno()), pass_fds=(listener.fileno(),))
        assert daemon.port == port
        assert healthz(port) == 200

    def test_in_the_foreground_it_logs_to_stderr_too(self, home: Home) -> None:
        daemon = home.start(*COMMAND, "--foreground")
        assert daemon.stop(timeout=30)
        _, err = home.started[0].communicate()
        assert "ready on port" in err
        assert "asked to end" in err

    def test_in_the_background_it_lets_go_of_its_starters_streams(self, home: Home) -> None:
        home.start()
        child = home.started[0]
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.read() == ""
        assert child.stderr.read() == ""
        assert child.poll() is None


class TestNoStart:
    def test_a_port_in_use(self, home: Home) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            home.configure(f"port = {port}")
            said = home.fail()
        assert said == (
            f"port {port} is in use by another program; "
            f"free it, or set another port in [daemon] of {home.paths.config_file}"
        )
        assert said in home.log
        assert not home.paths.state_file.exists()

    def test_a_broken_configuration(self, home: Home) -> None:
        home.configure("prot = 1")
        said = home.fail()
        assert "config.toml" in said
        assert "prot" in said
        assert said in home.log

    def test_a_folder_that_cannot_be_made(self, home: Home) -> None:
        home.paths.config_file.unlink()
        home.folder.rmdir()
        home.folder.write_text("a file")
        assert f"the folder {home.folder} cannot be used" in home.fail()
        home.folder.unlink()

    def test_a_lock_that_cannot_be_opened(self, home: Home) -> None:
        home.paths.lock.mkdir()
        assert f"{home.paths.lock} cannot be opened: Is a directory" in home.fail()

    def test_a_socket_that_cannot_be_made(self, home: Home) -> None:
        said = home.fail(sys.executable, "-c", WITHOUT_UNIX_SOCKETS)
        assert said.startswith(
            f"{socket_path(home.folder)} cannot be made: not on this file system; set TOKENGUARD_HOME"
        )

    def test_a_ledger_of_the_future(self, home: Home) -> None:
        with closing(sqlite3.connect(home.paths.ledger)) as ledger:
            ledger.execute("PRAGMA user_version = 9999")
        assert "ledger" in home.fail()


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal(self, home: Home, number: signal.Signals) -> None:
        home.start()
        home.started[0].send_signal(number)

        assert home.started[0].wait(30) == 0
        assert not home.paths.state_file.exists()
        assert not socket_path(home.folder).exists()

    def test_on_request_it_is_gone_when_the_answer_comes(self, home: Home) -> None:
        daemon = home.start()
        assert daemon.stop(timeout=30)
        assert client.find(home.paths) is None
        home.start()

    def test_a_stream_in_flight_ends_first(self, home: Home, upstream: Upstream) -> None:
        home.configure(rest=upstream.settings)
        daemon = home.start()
        stream = Stream(daemon.port, home.session(daemon)["token"])
        assert stream.first == FIRST

        home.started[0].terminate()
        until(lambda: home.daemon.stopping)
        until(lambda: refuses(daemon.port))
        with pytest.raises(DaemonError, match="the daemon is stopping"):
            home.session(daemon)
        upstream.finish.set()

        assert stream.rest() == REST
        assert home.started[0].wait(30) == 0
        home.start()
        today = home.daemon.get("/v1/status")["totals"]["today"]
        assert (today["calls"], today["usage"]["output"], today["confidence"]) == (1, 5, "exact")

    def test_a_second_signal_does_not_wait_for_it(self, home: Home, upstream: Upstream) -> None:
        home.configure(rest=upstream.settings)
        daemon = home.start()
        stream = Stream(daemon.port, home.session(daemon)["token"])
        home.started[0].terminate()
        until(lambda: home.daemon.stopping)
        home.started[0].terminate()

        assert home.started[0].wait(30) == 0
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            stream.rest()
        home.start()
        today = home.daemon.get("/v1/status")["totals"]["today"]
        assert (today["calls"], today["confidence"]) == (1, "estimated")

    def test_at_once_means_at_once(self, home: Home, upstream: Upstream) -> None:
        home.configure(rest=upstream.settings)
        daemon = home.start()
        stream = Stream(daemon.port, home.session(daemon)["token"])

        assert not daemon.stop(only_idle=True, timeout=30)
        assert not daemon.stop(timeout=0.1)
        assert daemon.stop(now=True, timeout=30)
        assert home.started[0].wait(30) == 0
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            stream.rest()

    def test_when_nobody_has_needed_it_for_a_while(self, home: Home) -> None:
        home.configure("port = 0\nidle_exit = 1")
        began = time.monotonic()
        home.start()
        assert home.started[0].wait(30) == 0
        assert time.monotonic() - began >= 1
        assert not home.paths.state_file.exists()

    def test_a_session_keeps_it_until_its_run_and_agent_are_gone(self, home: Home) -> None:
        home.configure("port = 0\nidle_exit = 1")
        daemon = home.start()
        session = home.session(daemon, pid=os.getpid())
        # It looks once a second; after a second session was swept, it has looked at the first one too.
        swept = home.session(daemon, pid=2**22 + 1)
        until(lambda: [one["id"] for one in daemon.get("/v1/status")["sessions"]] == [session["id"]])
        assert swept["id"] in home.log
        assert home.started[0].poll() is None

        daemon.post(f"/v1/sessions/{session['id']}/end", {"exit_code": 0})
        assert home.started[0].wait(30) == 0


class TestCrash:
    def test_a_new_one_takes_over_at_once_on_the_same_port(self, home: Home, upstream: Upstream) -> None:
        home.configure(rest=upstream.settings)
        first = home.start()
        session = home.session(first, pid=os.getpid())
        home.started[0].kill()
        home.started[0].wait()
        assert home.paths.state_file.exists()
        assert socket_path(home.folder).exists()

        second = home.start()

        assert second.pid != first.pid
        assert second.port == first.port
        upstream.finish.set()
        stream = Stream(second.port, session["token"])
        assert stream.status == 200
        assert stream.first + stream.rest() == FIRST + REST

    def test_without_sessions_any_port_will_do(self, home: Home) -> None:
        first = home.start()
        home.started[0].kill()
        home.started[0].wait()
        with socket.create_server(("127.0.0.1", first.port)):
            assert home.start().port != first.port

    def test_a_port_that_somebody_took_meanwhile(self, home: Home) -> None:
        first = home.start()
        home.session(first, pid=os.getpid())
        home.started[0].kill()
        home.started[0].wait()
        with socket.create_server(("127.0.0.1", first.port)):
            assert home.start().port != first.port

    def test_nor_does_an_orderly_end_move_the_port_of_agents_that_run(self, home: Home) -> None:
        first = home.start()
        home.session(first, pid=os.getpid())
        assert first.stop(timeout=30)
        assert home.start().port == first.port

    @pytest.mark.parametrize("left", ["", "{}", "not json", '{"pid": 1, "port": "x"}', "99999"])
    def test_files_that_make_no_sense(self, home: Home, left: str) -> None:
        first = home.start()
        home.session(first, pid=os.getpid())
        assert first.stop(timeout=30)
        home.paths.state_file.write_text(left)
        home.paths.lock.write_text(left)
        assert home.start().pid == home.state["pid"]

    def test_who_watches_notices_at_once(self, home: Home) -> None:
        daemon = home.start()
        session = home.session(daemon)
        with daemon.stream(f"/v1/sessions/{session['id']}/watch") as events:
            ended = threading.Thread(target=lambda: list(events))
            ended.start()
            home.started[0].kill()
            ended.join(30)
            assert not ended.is_alive()


class TestHang:
    def test_one_that_does_not_answer_is_named(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        home.start()
        monkeypatch.setattr(access, "ANSWERS_WITHIN", 0.1)
        home.started[0].send_signal(signal.SIGSTOP)
        with pytest.raises(DaemonError) as raised:
            client.find(home.paths)
        assert raised.value.message == f"the daemon (pid {home.started[0].pid}) does not answer"
        assert f"kill -9 {home.started[0].pid}" in raised.value.hint


class TestReload:
    BUDGET = '[[budget]]\nname = "all-day"\nlimit = "$5"\nwindow = "day"'

    def names(self, daemon: client.Daemon) -> list[str]:
        return [budget["name"] for budget in daemon.get("/v1/status")["budgets"]]

    def test_a_signal_reads_the_configuration_again(self, home: Home) -> None:
        daemon = home.start()
        assert self.names(daemon) == []
        home.configure(rest=self.BUDGET)
        home.started[0].send_signal(signal.SIGHUP)
        until(lambda: self.names(daemon) == ["all-day"])

    def test_a_broken_one_changes_nothing(self, home: Home) -> None:
        home.configure(rest=self.BUDGET)
        daemon = home.start()
        home.configure(rest="[[budget]]")
        home.started[0].send_signal(signal.SIGHUP)
        until(lambda: "the configuration stays as it was" in home.log)
        assert self.names(daemon) == ["all-day"]
        with pytest.raises(DaemonError, match="config.toml"):
            daemon.post("/v1/budgets/reload")
        assert self.names(daemon) == ["all-day"]

    def test_on_request(self, home: Home) -> None:
        daemon = home.start()
        home.configure(rest=self.BUDGET)
        daemon.post("/v1/budgets/reload")
        assert self.names(daemon) == ["all-day"]

    def test_who_listens_is_told(self, home: Home) -> None:
        daemon = home.start()
        with daemon.stream("/v1/events") as events:
            daemon.post("/v1/budgets/reload")
            assert next(iter(events))["type"] == "config.reloaded"
