"""launchd: an agent that runs from login on (launchd.plist(5), launchctl(1)).

It is not started by a connection: launchd hands a socket over only through a C interface of its own, and a daemon
that always runs costs little.
"""

from __future__ import annotations

import os
import plistlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenguard.errors import DaemonError
from tokenguard.platforms.shape import Answer, Runner, Service, Status, home_folder

_LABEL = "dev.tokenguard.daemon"


def files(service: Service, env: Mapping[str, str]) -> dict[Path, str]:
    """The property list, by path."""
    description: dict[str, Any] = {
        "Label": _LABEL,
        "ProgramArguments": list(service.command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},  # after a crash; not after `tokenguard daemon stop`
        "ThrottleInterval": 60,
        "Umask": 0o077,
        "StandardErrorPath": str(service.log_file),
    }
    if service.home:
        description["EnvironmentVariables"] = {"TOKENGUARD_HOME": str(service.home)}
    return {_path(env): plistlib.dumps(description).decode()}


def install(service: Service, env: Mapping[str, str], run: Runner) -> None:
    """Write the property list and start the agent. Raises `DaemonError` where the user has no launchd to talk to."""
    _call(run, "bootout", f"{_domain()}/{_LABEL}")  # an earlier one; there may be none
    for path, text in files(service, env).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    answer = _call(run, "bootstrap", _domain(), str(_path(env)))
    if answer.code:
        _path(env).unlink()
        raise _refused(answer, "bootstrap")


def uninstall(env: Mapping[str, str], run: Runner) -> None:
    """Stop the agent and remove its property list. Raises `DaemonError`."""
    if _call(run, "print", f"{_domain()}/{_LABEL}").code == 0:
        answer = _call(run, "bootout", f"{_domain()}/{_LABEL}")
        if answer.code:
            raise _refused(answer, "bootout")
    _path(env).unlink(missing_ok=True)


def status(env: Mapping[str, str], run: Runner) -> Status:
    """Whether the agent is there, and what launchd says of it. Raises `DaemonError`."""
    path = _path(env)
    if not path.is_file():
        return Status(False, False, "not installed", (path,))
    answer = _call(run, "print", f"{_domain()}/{_LABEL}")
    lines = (line.strip() for line in answer.output.splitlines())
    state = next((line.removeprefix("state = ") for line in lines if line.startswith("state = ")), "not loaded")
    return Status(True, answer.code == 0, f"{_LABEL} is {state}", (path,))


def _path(env: Mapping[str, str]) -> Path:
    return home_folder(env) / "Library" / "LaunchAgents" / f"{_LABEL}.plist"


def _domain() -> str:
    return f"gui/{os.getuid()}"


def _call(run: Runner, *arguments: str) -> Answer:
    try:
        return run(("launchctl", *arguments))
    except OSError as error:
        raise DaemonError("this machine has no launchctl", "start the daemon with: tokenguard daemon start") from error


def _refused(answer: Answer, verb: str) -> DaemonError:
    why = answer.output.splitlines()[0] if answer.output else f"exit code {answer.code}"
    return DaemonError(
        f"launchctl {verb}: {why}",
        "log in at the machine itself (launchd has no session over ssh), or run: tokenguard daemon start",
    )
