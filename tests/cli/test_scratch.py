"""What is built for a while goes away, whatever ends it."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tokenguard.cli import scratch


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt, ValueError])
def test_a_world_goes_away(place: Path, ending: type[BaseException] | None) -> None:
    before = signal.getsignal(signal.SIGINT)
    taken_down: list[bool] = []

    def live() -> None:
        with scratch.world("test") as (built, root):
            assert root.parent == place and root.name.startswith("tokenguard-test-")
            (root / "file").touch()
            # A second Ctrl-C while it is taken down must not leave half of it behind.
            built.callback(lambda: taken_down.append(signal.getsignal(signal.SIGINT) is signal.SIG_IGN))
            if ending is not None:
                raise ending

    if ending is None:
        live()
    else:
        with pytest.raises(ending):
            live()
    assert taken_down == [True]
    assert list(place.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_ends_the_program_takes_it_down_too(place: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, scratch.ended_by_signals(), scratch.world("test"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert list(place.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before
