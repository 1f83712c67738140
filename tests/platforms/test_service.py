"""The daemon as a service: what is written, and what is said to the service manager."""

from __future__ import annotations

import os
import plistlib
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tokenguard.errors import DaemonError
from tokenguard.platforms import launchd, service, systemd
from tokenguard.platforms.shape import Answer, Service

COMMAND = ("/opt/my python/bin/python3", "-m", "tokenguard", "daemon", "run")


class FakeManager:
    """Takes down what it is told; answers by the first words that match."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.told: list[str] = []

    def __call__(self, command: Sequence[str]) -> Answer:
        verb = next(word for word in command[1:] if not word.startswith("-"))
        self.told.append(" ".join(command))
        return self.answers.get(verb.replace("-", "_"), Answer(0, ""))


def no_program(command: Sequence[str]) -> Answer:
    raise FileNotFoundError(2, "No such file or directory", command[0])


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "user")}


@pytest.fixture
def wanted(tmp_path: Path) -> Service:
    return Service(COMMAND, 4747, tmp_path / 'my "home" 100%', tmp_path / "daemon.log")


class TestSystemd:
    def folder(self, env: dict[str, str]) -> Path:
        return Path(env["HOME"]) / ".config/systemd/user"

    def test_the_units(self, wanted: Service, env: dict[str, str], tmp_path: Path) -> None:
        socket_unit, service_unit = systemd.files(wanted, env).values()

        assert "ListenStream=127.0.0.1:4747\n" in socket_unit
        assert "WantedBy=sockets.target\n" in socket_unit
        assert 'ExecStart="/opt/my python/bin/python3" "-m" "tokenguard" "daemon" "run"\n' in service_unit
        assert f'Environment="TOKENGUARD_HOME={tmp_path}/my \\"home\\" 100%%"\n' in service_unit
        assert "RestartPreventExitStatus=3\n" in service_unit

    def test_a_default_home_is_not_written_down(self, wanted: Service, env: dict[str, str]) -> None:
        _, service_unit = systemd.files(wanted._replace(home=None), env).values()
        assert "Environment" not in service_unit

    def test_a_dollar_in_the_command_is_no_variable(self, wanted: Service, env: dict[str, str]) -> None:
        _, service_unit = systemd.files(wanted._replace(command=("/opt/$HOME/python",)), env).values()
        assert 'ExecStart="/opt/$$HOME/python"\n' in service_unit

    def test_systemd_itself_finds_no_fault(self, wanted: Service, env: dict[str, str], tmp_path: Path) -> None:
        analyze = "/usr/bin/systemd-analyze"
        if not os.access(analyze, os.X_OK):
            pytest.skip("there is no systemd-analyze")
        units = systemd.files(wanted._replace(command=(sys.executable, "-V")), env)
        for path, text in units.items():
            (tmp_path / path.name).write_text(text)
        paths = [str(tmp_path / path.name) for path in units]
        done = subprocess.run([analyze, "--user", "verify", *paths], capture_output=True, text=True, check=False)
        assert "tokenguard" not in done.stderr

    def test_install(self, wanted: Service, env: dict[str, str]) -> None:
        manager = FakeManager()
        systemd.install(wanted, env, manager)

        assert sorted(path.name for path in self.folder(env).iterdir()) == ["tokenguard.service", "tokenguard.socket"]
        assert manager.told[-2:] == [
            "systemctl --user daemon-reload",
            "systemctl --user enable --now tokenguard.socket",
        ]

    def test_the_users_own_configuration_folder(self, wanted: Service, env: dict[str, str], tmp_path: Path) -> None:
        env["XDG_CONFIG_HOME"] = str(tmp_path / "conf")
        systemd.install(wanted, env, FakeManager())
        assert (tmp_path / "conf/systemd/user/tokenguard.socket").is_file()

    def test_without_a_session_nothing_is_written(self, wanted: Service, env: dict[str, str]) -> None:
        manager = FakeManager(show=Answer(1, "Failed to connect to bus: No medium found\nmore"))
        with pytest.raises(DaemonError) as raised:
            systemd.install(wanted, env, manager)

        assert raised.value.message == "systemctl --user show: Failed to connect to bus: No medium found"
        assert "tokenguard daemon start" in raised.value.hint
        assert not self.folder(env).exists()

    def test_a_port_in_use_leaves_nothing_behind(self, wanted: Service, env: dict[str, str]) -> None:
        manager = FakeManager(enable=Answer(1, "Job for tokenguard.socket failed."))
        with pytest.raises(DaemonError, match="Job for tokenguard.socket failed"):
            systemd.install(wanted, env, manager)
        assert not list(self.folder(env).iterdir())

    def test_no_systemd_at_all(self, wanted: Service, env: dict[str, str]) -> None:
        with pytest.raises(DaemonError, match="no systemctl"):
            systemd.install(wanted, env, no_program)

    def test_uninstall(self, wanted: Service, env: dict[str, str]) -> None:
        systemd.install(wanted, env, FakeManager())
        manager = FakeManager()
        systemd.uninstall(env, manager)

        assert manager.told == [
            "systemctl --user disable --now tokenguard.socket",
            "systemctl --user stop tokenguard.service",
            "systemctl --user daemon-reload",
        ]
        assert not list(self.folder(env).iterdir())

    def test_status(self, wanted: Service, env: dict[str, str]) -> None:
        assert systemd.status(env, no_program).installed is False
        systemd.install(wanted, env, FakeManager())

        found = systemd.status(env, FakeManager(is_active=Answer(0, "active")))
        assert (found.installed, found.active) == (True, True)
        assert found.detail == "tokenguard.socket is active, tokenguard.service is active"
        assert systemd.status(env, FakeManager(is_active=Answer(3, "failed"))).active is False


class TestInheritedSocket:
    def test_a_process_that_was_started_otherwise_has_none(self) -> None:
        assert systemd.inherited_socket({}) is None

    def test_the_variables_of_a_parent_are_not_ours(self) -> None:
        env = {"LISTEN_PID": str(os.getppid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "PATH": "/bin"}
        assert systemd.inherited_socket(env) is None
        assert env == {"PATH": "/bin"}

    @pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
    def test_only_loopback_is_taken(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server((host, 0)) as listener:
            monkeypatch.setattr(systemd, "_FIRST_FD", os.dup(listener.fileno()))
            env = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
            if host == "0.0.0.0":
                with pytest.raises(DaemonError, match="not only at 127.0.0.1"):
                    systemd.inherited_socket(env)
                return
            inherited = systemd.inherited_socket(env)
            assert inherited is not None
            with inherited:
                assert inherited.getsockname() == listener.getsockname()
                assert not inherited.get_inheritable()

    def test_what_is_no_socket_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
        monkeypatch.setattr(systemd, "_FIRST_FD", file)
        with pytest.raises(DaemonError, match="cannot be used"):
            systemd.inherited_socket({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
        os.close(file)


class TestLaunchd:
    def path(self, env: dict[str, str]) -> Path:
        return Path(env["HOME"]) / "Library/LaunchAgents/dev.tokenguard.daemon.plist"

    def test_the_property_list(self, wanted: Service, env: dict[str, str], tmp_path: Path) -> None:
        ((path, text),) = launchd.files(wanted, env).items()

        assert path == self.path(env)
        assert plistlib.loads(text.encode()) == {
            "Label": "dev.tokenguard.daemon",
            "ProgramArguments": list(COMMAND),
            "EnvironmentVariables": {"TOKENGUARD_HOME": f'{tmp_path}/my "home" 100%'},
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 60,
            "Umask": 0o077,
            "StandardErrorPath": str(tmp_path / "daemon.log"),
        }

    def test_install_replaces_an_earlier_one(self, wanted: Service, env: dict[str, str]) -> None:
        manager = FakeManager(bootout=Answer(3, "Boot-out failed: 3: No such process"))
        launchd.install(wanted, env, manager)

        assert manager.told == [
            f"launchctl bootout gui/{os.getuid()}/dev.tokenguard.daemon",
            f"launchctl bootstrap gui/{os.getuid()} {self.path(env)}",
        ]
        assert self.path(env).is_file()

    def test_over_ssh_there_is_no_session(self, wanted: Service, env: dict[str, str]) -> None:
        manager = FakeManager(bootstrap=Answer(125, "Bootstrap failed: 125: Domain does not support specified action"))
        with pytest.raises(DaemonError, match="Bootstrap failed: 125") as raised:
            launchd.install(wanted, env, manager)
        assert "tokenguard daemon start" in raised.value.hint
        assert not self.path(env).exists()

    def test_uninstall(self, wanted: Service, env: dict[str, str]) -> None:
        launchd.install(wanted, env, FakeManager())
        launchd.uninstall(env, FakeManager())
        assert not self.path(env).exists()

    def test_uninstall_of_an_agent_that_is_not_loaded(self, wanted: Service, env: dict[str, str]) -> None:
        launchd.install(wanted, env, FakeManager())
        manager = FakeManager(print=Answer(113, "Could not find service"))
        launchd.uninstall(env, manager)
        assert not self.path(env).exists()
        assert len(manager.told) == 1

    def test_an_agent_that_cannot_be_stopped_stays(self, wanted: Service, env: dict[str, str]) -> None:
        launchd.install(wanted, env, FakeManager())
        with pytest.raises(DaemonError, match="Boot-out failed"):
            launchd.uninstall(env, FakeManager(bootout=Answer(5, "Boot-out failed: 5: Input/output error")))
        assert self.path(env).is_file()

    def test_status(self, wanted: Service, env: dict[str, str]) -> None:
        assert launchd.status(env, no_program).installed is False
        launchd.install(wanted, env, FakeManager())

        printed = "gui/501/dev.tokenguard.daemon = {\n\tactive count = 1\n\tstate = running\n}"
        found = launchd.status(env, FakeManager(print=Answer(0, printed)))
        assert (found.installed, found.active, found.detail) == (True, True, "dev.tokenguard.daemon is running")
        gone = launchd.status(env, FakeManager(print=Answer(113, "Could not find service")))
        assert (gone.installed, gone.active, gone.detail) == (True, False, "dev.tokenguard.daemon is not loaded")

    def test_no_launchd_at_all(self, wanted: Service, env: dict[str, str]) -> None:
        with pytest.raises(DaemonError, match="no launchctl"):
            launchd.install(wanted, env, no_program)


class TestChoice:
    def test_this_installation(self, tmp_path: Path) -> None:
        found = service.service_of(4747, {"TOKENGUARD_HOME": str(tmp_path)}, tmp_path / "log")
        assert found == Service((sys.executable, "-m", "tokenguard", "daemon", "run"), 4747, tmp_path, tmp_path / "log")
        assert service.service_of(4747, {}, tmp_path / "log").home is None

    def test_a_service_needs_a_fixed_port(self, tmp_path: Path) -> None:
        with pytest.raises(DaemonError, match="fixed port"):
            service.service_of(0, {}, tmp_path / "log")

    @pytest.mark.parametrize(("system", "program"), [("linux", "systemctl"), ("darwin", "launchctl")])
    def test_each_system_has_its_manager_and_leaves_a_note(
        self,
        system: str,
        program: str,
        wanted: Service,
        env: dict[str, str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sys, "platform", system)
        manager = FakeManager()
        assert service.service_port(tmp_path) is None

        service.service_install(wanted, env, tmp_path, manager)
        assert service.service_port(tmp_path) == 4747
        assert service.service_status(env, manager).installed
        service.service_uninstall(env, tmp_path, manager)

        assert service.service_port(tmp_path) is None
        assert not service.service_status(env, manager).installed
        assert {told.split()[0] for told in manager.told} == {program}

    def test_other_systems_have_none(self, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "sunos5")
        with pytest.raises(DaemonError, match="no service manager for sunos5"):
            service.service_status(env)

    def test_a_folder_that_cannot_be_written(self, wanted: Service, tmp_path: Path) -> None:
        (tmp_path / "user").write_text("a file, not a folder")
        with pytest.raises(DaemonError, match="Not a directory"):
            service.service_install(wanted, {"HOME": str(tmp_path / "user")}, tmp_path, FakeManager())

    def test_commands_are_run(self) -> None:
        answer = service.run_command([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"])
        assert answer.code == 1
        assert set(answer.output.split()) == {"out", "err"}
