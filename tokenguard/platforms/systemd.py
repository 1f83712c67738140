"""systemd: a user unit that a connection to the fixed port starts (systemd.socket(5), sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from tokenguard.errors import DaemonError
from tokenguard.platforms.shape import Answer, Runner, Service, Status, home_folder

_SOCKET = "tokenguard.socket"
_SERVICE = "tokenguard.service"

_FIRST_FD = 3
"""SD_LISTEN_FDS_START"""

_SOCKET_UNIT = """\
[Unit]
Description=tokenguard's fixed port

[Socket]
ListenStream=127.0.0.1:{port}

[Install]
WantedBy=sockets.target
"""

# A wrong configuration (exit code 3) does not get better by trying again. A session that ends cannot wait for streams
# as long as `tokenguard daemon stop` does.
_SERVICE_UNIT = """\
[Unit]
Description=tokenguard, a budget guard for coding agents
Requires=tokenguard.socket
After=tokenguard.socket

[Service]
Type=exec
ExecStart={command}
{environment}Restart=on-failure
RestartPreventExitStatus=3
TimeoutStopSec=60
KillMode=mixed
UMask=0077
NoNewPrivileges=yes
"""


def files(service: Service, env: Mapping[str, str]) -> dict[Path, str]:
    """Both units, by path."""
    environment = f"Environment={_quoted(f'TOKENGUARD_HOME={service.home}')}\n" if service.home else ""
    command = " ".join(_quoted(word).replace("$", "$$") for word in service.command)
    folder = _folder(env)
    return {
        folder / _SOCKET: _SOCKET_UNIT.format(port=service.port),
        folder / _SERVICE: _SERVICE_UNIT.format(command=command, environment=environment),
    }


def install(service: Service, env: Mapping[str, str], run: Runner) -> None:
    """Write the units and start listening. Raises `DaemonError` where the user has no systemd to talk to."""
    _systemctl(run, "show", "--property=Version")  # before anything is written
    for path, text in files(service, env).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    try:
        _systemctl(run, "daemon-reload")
        _systemctl(run, "enable", "--now", _SOCKET)
    except DaemonError:
        uninstall(env, run)
        raise


def uninstall(env: Mapping[str, str], run: Runner) -> None:
    """Stop listening, stop the service and remove the units. Raises `DaemonError`."""
    if (_folder(env) / _SOCKET).is_file():
        _systemctl(run, "disable", "--now", _SOCKET)
        _systemctl(run, "stop", _SERVICE)
    for name in (_SOCKET, _SERVICE):
        (_folder(env) / name).unlink(missing_ok=True)
    _systemctl(run, "daemon-reload")


def status(env: Mapping[str, str], run: Runner) -> Status:
    """Whether the units are there, and what systemd says of them. Raises `DaemonError`."""
    paths = (_folder(env) / _SOCKET, _folder(env) / _SERVICE)
    if not all(path.is_file() for path in paths):
        return Status(False, False, "not installed", paths)
    states = {name: _call(run, "is-active", name).output for name in (_SOCKET, _SERVICE)}
    detail = ", ".join(f"{name} is {state or 'unknown'}" for name, state in states.items())
    return Status(True, states[_SOCKET] == "active", detail, paths)


def inherited_socket(env: MutableMapping[str, str]) -> socket.socket | None:
    """The listening socket that systemd opened for this process; None if it was not started that way.

    Takes the variables out of `env`, so that no child believes that they are meant for it.
    """
    pid, count = env.pop("LISTEN_PID", ""), env.pop("LISTEN_FDS", "")
    env.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    try:
        listener = socket.socket(fileno=_FIRST_FD)
        host = str(listener.getsockname()[0])
    except (OSError, IndexError) as error:
        raise DaemonError("the socket from systemd cannot be used", f"reinstall {_SOCKET}") from error
    if not host.startswith("127."):
        listener.close()
        raise DaemonError(f"{_SOCKET} listens at {host}, not only at 127.0.0.1", "correct its ListenStream")
    listener.set_inheritable(False)
    return listener


def _folder(env: Mapping[str, str]) -> Path:
    configured = env.get("XDG_CONFIG_HOME")
    return (Path(configured) if configured else home_folder(env) / ".config") / "systemd" / "user"


def _quoted(word: str) -> str:
    """A word of a unit file, with nothing left for systemd to expand (systemd.syntax(7))."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _call(run: Runner, *arguments: str) -> Answer:
    try:
        return run(("systemctl", "--user", *arguments))
    except OSError as error:
        raise DaemonError("this machine has no systemctl", "start the daemon with: tokenguard daemon start") from error


def _systemctl(run: Runner, *arguments: str) -> None:
    answer = _call(run, *arguments)
    if answer.code:
        why = answer.output.splitlines()[0] if answer.output else f"exit code {answer.code}"
        raise DaemonError(
            f"systemctl --user {arguments[0]}: {why}",
            "log in as this user (not through su or sudo), or start the daemon with: tokenguard daemon start",
        )
