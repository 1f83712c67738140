"""The environment as it was given to us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tokenguard.platforms.environment import given_environment

SHOW = "import json; from tokenguard.platforms import environment; print(json.dumps(environment.given_environment()))"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux remembers how an environment was given")
@pytest.mark.parametrize("given", [{}, {"LC_CTYPE": "C.UTF-8"}, {"LANG": "C"}])
def test_what_python_adds_is_taken_out(given: dict[str, str]) -> None:
    env = {"PATH": os.environ["PATH"], **given}
    assert (
        json.loads(subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, check=True).stdout) == env
    )


def test_where_the_system_does_not_remember_it_is_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: Path) -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_bytes", unknown)
    monkeypatch.setenv("LC_CTYPE", "C.UTF-8")
    assert given_environment() == dict(os.environ)
