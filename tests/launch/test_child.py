"""The agent runs as it would alone: exit codes, signals, streams, descriptors, job control."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.launch.support import PATIENCE, FakeDaemon, Terminal, launched
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("daemon")

OpenTerminal = Callable[[Sequence[str]], Terminal]

COUNTS_SIGNALS = textwrap.dedent("""
    import os, signal, sys
    seen = []
    def got(number, frame):
        seen.append(number)
        os.write(1, b"got %d\\n" % number)  # it may come within a print
    for number in map(int, sys.argv[1:]):
        signal.signal(number, got)
    print("ready", os.getpid(), os.getpgrp(), flush=True)
    for line in sys.stdin:
        print("seen", sorted(seen), flush=True)
""")
"""A program that tells which of some signals it got, and once more when it is sent a line."""


def run(
    *command: str | Path, input: bytes | None = None, cwd: Path | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        launched(*command), input=input, cwd=cwd, pass_fds=pass_fds, timeout=PATIENCE, capture_output=True
    )


def counting(*signals: int) -> list[str]:
    return launched(sys.executable, "-c", COUNTS_SIGNALS, *map(str, signals))


def start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, process_group=0
    )


def out(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_agents(code: int) -> None:
    assert run("sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGQUIT])
def test_an_agent_killed_by_a_signal_ends_us_by_the_same(number: int, tmp_path: Path) -> None:
    assert run("sh", "-c", f"kill -{number} $$", cwd=tmp_path).returncode == -number
    assert not list(tmp_path.glob("core*"))


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT]
)
def test_a_signal_sent_to_us_alone_reaches_the_agent_once(number: int) -> None:
    with start(counting(number)) as process:
        out(process).readline()
        process.send_signal(number)
        assert out(process).readline() == f"got {number}\n"
        assert process.communicate("\n")[0] == f"seen [{number}]\n"
        assert process.returncode == 0


def test_an_agent_that_a_passed_on_signal_ends_ends_us_too() -> None:
    with start(launched("sh", "-c", "echo ready; exec sleep 60")) as process:
        out(process).readline()
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM


@pytest.mark.parametrize(("key", "number"), [("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)])
def test_a_key_of_the_terminal_reaches_the_agent_once(terminal: OpenTerminal, key: str, number: int) -> None:
    screen = terminal(counting(number))
    screen.until("ready")
    screen.type(key)
    screen.until(f"got {number}")
    screen.type("\n\x04")
    screen.until(f"seen [{number}]")
    assert screen.wait() == 0


def test_ctrl_c_ends_us_as_it_ends_the_agent(terminal: OpenTerminal) -> None:
    screen = terminal(launched("sh", "-c", "echo ready; exec sleep 60"))
    screen.until("ready")
    screen.type("\x03")
    assert screen.wait() == -signal.SIGINT


def test_a_terminal_that_goes_away_tells_the_agent(terminal: OpenTerminal, tmp_path: Path) -> None:
    """The system tells only us, who lead the session of that terminal."""
    told = tmp_path / "told"
    screen = terminal(
        launched("sh", "-c", f"trap 'echo gone > {told}; exit' HUP; echo ready; while :; do sleep 0.05; done")
    )
    screen.until("ready")
    screen.hang_up()
    until(lambda: told.exists() and told.read_text() == "gone\n")


def test_the_agent_is_in_our_process_group() -> None:
    with start(counting()) as process:
        _, pid, group = out(process).readline().split()
        assert (int(group), int(pid) != process.pid) == (process.pid, True)
        process.communicate("")


_OF_THE_C_LIBRARY = 0b11 << 31
"""Signals 32 and 33: glibc ignores them in whatever `posix_spawn` starts, and sets them again where it needs them."""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("ignored", [(), (signal.SIGHUP, signal.SIGINT, signal.SIGTSTP)], ids=["usual", "ignored"])
def test_the_agent_starts_with_the_signals_that_we_started_with(ignored: Sequence[int]) -> None:
    """As the shell (or nohup) set them: the mask and what is ignored, as the kernel tells them."""
    show = ["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"]
    starter = (
        "import os, signal, sys\n"
        f"for number in {[int(number) for number in ignored]}: signal.signal(number, signal.SIG_IGN)\n"
        "for name in ('SIGPIPE', 'SIGXFSZ'): signal.signal(getattr(signal, name), signal.SIG_DFL)\n"
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )

    def status_of(command: list[str]) -> list[int]:
        shown = subprocess.run([sys.executable, "-c", starter, *command], capture_output=True, check=True).stdout
        return [int(line.split()[1], 16) & ~_OF_THE_C_LIBRARY for line in shown.splitlines()]

    assert status_of(launched(*show)) == status_of(show)


SHELL = ["bash", "--norc", "--noprofile", "-i"]


def at_prompt(terminal: OpenTerminal) -> Terminal:
    screen = terminal(SHELL)
    screen.type("PS1='pro''mpt> '; stty -echo\n")
    screen.until("prompt> ")
    return screen


def typed(command: Sequence[str], folder: Path) -> str:
    """A command line for a shell; in a file, because terminals take short lines only."""
    import shlex

    (folder / "go").write_text(f"exec {shlex.join(command)}\n")
    return f"sh {folder / 'go'}\n"


def test_ctrl_z_and_fg(terminal: OpenTerminal, tmp_path: Path) -> None:
    screen = at_prompt(terminal)
    screen.type(typed(counting(signal.SIGCONT), tmp_path))
    screen.until("ready")
    screen.type("\x1a")
    screen.until("Stopped")
    screen.until("prompt> ")
    screen.type("fg\n")
    screen.until(f"got {signal.SIGCONT}")
    screen.type("\n\x04")
    screen.until(f"seen [{signal.SIGCONT}]")
    screen.until("prompt> ")
    screen.type("echo code $?\n")
    screen.until("code 0")


def test_an_agent_that_stops_itself_gives_the_terminal_back(terminal: OpenTerminal, tmp_path: Path) -> None:
    """As full-screen agents do on Ctrl-Z, which reaches them as a key."""
    screen = at_prompt(terminal)
    for _ in range(2):
        screen.type(typed(launched("sh", "-c", "echo before; kill -STOP $$; echo after; exit 3"), tmp_path))
        screen.until("before")
        screen.until("Stopped")
        screen.until("prompt> ")
        screen.type("fg\n")
        screen.until("after")
        screen.until("prompt> ")
        screen.type("echo code $?\n")
        screen.until("code 3")
        screen.until("prompt> ")


def test_in_the_background_and_back(terminal: OpenTerminal, tmp_path: Path) -> None:
    """An agent that reads the terminal from the background stops, and we with it."""
    screen = at_prompt(terminal)
    screen.type(typed(launched("sh", "-c", "read line; echo got $line; exit 4"), tmp_path).rstrip("\n") + " &\n")
    screen.until("prompt> ")
    screen.type("until jobs -s | grep -q Stopped; do :; done; fg\n")
    screen.until("go\r\n")
    screen.type("something\n")
    screen.until("got something")
    screen.until("prompt> ")
    screen.type("echo code $?\n")
    screen.until("code 4")


def test_a_stop_is_passed_on_and_a_continuation_too() -> None:
    """`kill -TSTP` and `kill -CONT` for us alone, as from another terminal."""
    with start(launched("sh", "-c", "echo $$; while read line; do echo got $line; done")) as process:
        agent = int(out(process).readline())
        process.send_signal(signal.SIGTSTP)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert psutil.Process(agent).status() == psutil.STATUS_STOPPED
        process.send_signal(signal.SIGCONT)
        assert process.communicate("on\n", PATIENCE)[0] == "got on\n"


def test_the_agent_sees_a_resized_window(terminal: OpenTerminal) -> None:
    script = (
        "import os, signal\n"
        "told = lambda *_: os.write(1, b'%d %d' % os.get_terminal_size())  # it may come within a print\n"
        "signal.signal(signal.SIGWINCH, told)\n"
        "print('ready', flush=True)\nwhile True: signal.pause()"
    )
    screen = terminal(launched(sys.executable, "-c", script))
    screen.until("ready")
    screen.resize(33, 101)
    screen.until("101 33")


def test_input_and_output_pass_byte_by_byte() -> None:
    data = os.urandom(3_000_000)
    done = run("sh", "-c", "cat; echo err >&2", input=data)
    assert (done.stdout == data, done.stderr) == (True, b"err\n")


def test_an_empty_input_ends() -> None:
    assert run("cat", input=b"").stdout == b""


def test_open_descriptors_stay_open(tmp_path: Path) -> None:
    """Such as those of a shell's `<(command)`."""
    (tmp_path / "file").write_text("hello")
    with open(tmp_path / "file") as file:
        done = run("bash", "-c", f"cat <&{file.fileno()}", pass_fds=(file.fileno(),))
    assert done.stdout == b"hello"


def test_a_killed_wrapper_leaves_the_agent_alone(tmp_path: Path) -> None:
    with start(launched("sh", "-c", "echo ready; read line; echo still here; exec cat")) as process:
        out(process).readline()
        process.kill()
        process.wait(PATIENCE)
        assert process.communicate("go\n")[0] == "still here\n"


def test_descendants_that_stay_are_not_waited_for(tmp_path: Path) -> None:
    done = run("sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!")
    os.kill(int(done.stdout), signal.SIGKILL)
    assert done.returncode == 0


def test_a_script_without_a_first_line_runs_as_in_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "agent"
    script.write_text('echo "got $1"\n')
    script.chmod(0o755)
    assert run(script, "it").stdout == b"got it\n"


def test_what_cannot_be_started_is_a_usage_error(tmp_path: Path, daemon: FakeDaemon) -> None:
    script = tmp_path / "agent"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = run(script)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"cannot be started: No such file or directory" in done.stderr
    assert daemon.wait_for("end").body == {"exit_code": None}
