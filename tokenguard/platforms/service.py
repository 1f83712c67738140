"""The daemon as a service of the user's login session, so that the fixed port answers after a reboot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tokenguard.errors import DaemonError
from tokenguard.platforms import launchd, systemd
from tokenguard.platforms.shape import Answer, Runner, Service, Status


class Manager(Protocol):
    """What a service manager's module provides; all but `files` raise `DaemonError` where it cannot be used."""

    def files(self, service: Service, env: Mapping[str, str]) -> dict[Path, str]:
        """The text of each file that makes the service."""
        ...

    def install(self, service: Service, env: Mapping[str, str], run: Runner) -> None:
        """Write the files and start the service, in place of an earlier one."""
        ...

    def uninstall(self, env: Mapping[str, str], run: Runner) -> None:
        """Stop the service and remove its files."""
        ...

    def status(self, env: Mapping[str, str], run: Runner) -> Status:
        """What the service manager says of it."""
        ...


_MANAGERS: dict[str, Manager] = {"linux": systemd, "darwin": launchd}


def service_of(port: int, env: Mapping[str, str], log_file: Path) -> Service:
    """The daemon of this installation as a service. Raises `DaemonError` if its port is not fixed."""
    if port == 0:
        raise DaemonError("a service needs a fixed port, and daemon.port is 0", "set it in config.toml, such as 4747")
    home = env.get("TOKENGUARD_HOME")
    command = (sys.executable, "-m", "tokenguard", "daemon", "run")
    return Service(command, port, Path(home).expanduser().absolute() if home else None, log_file)


def service_install(service: Service, env: Mapping[str, str], state_dir: Path, run: Runner | None = None) -> None:
    """Install and start it; the daemon must not run, or it has the port. Raises `DaemonError`."""
    manager = _manager()
    try:
        manager.install(service, env, run or run_command)
        _marker(state_dir).write_text(f"{service.port}\n", encoding="utf-8")
    except OSError as error:
        raise DaemonError(f"{error.filename}: {error.strerror}", "check the folder's permissions") from error


def service_uninstall(env: Mapping[str, str], state_dir: Path, run: Runner | None = None) -> None:
    """Stop and remove it. Raises `DaemonError`."""
    _manager().uninstall(env, run or run_command)
    _marker(state_dir).unlink(missing_ok=True)


def service_status(env: Mapping[str, str], run: Runner | None = None) -> Status:
    """Whether it is installed and active. Raises `DaemonError`."""
    return _manager().status(env, run or run_command)


def service_port(state_dir: Path) -> int | None:
    """The port at which a service for this state folder was installed; None if none was."""
    try:
        return int(_marker(state_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def run_command(command: Sequence[str]) -> Answer:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return Answer(done.returncode, (done.stderr + done.stdout).strip())


def _marker(state_dir: Path) -> Path:
    return state_dir / "service"


def _manager() -> Manager:
    manager = _MANAGERS.get(sys.platform)
    if manager is None:
        raise DaemonError(f"there is no service manager for {sys.platform}", "run: tokenguard daemon start")
    return manager
