"""What watchdog tells, as paths of those who asked; and what is done where the system watches nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from watchdog.events import (
    DirDeletedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)
from watchdog.observers import Observer, ObserverType
from watchdog.observers.api import BaseObserver

from tokenguard.watcher.observers import Handler, is_full, looking, started


def _told(event: FileSystemEvent, *, files: bool = True) -> list[tuple[str, str, bool]]:
    """What is told of an event in /home/me/logs, which leads to /data/logs."""
    heard: list[tuple[str, str, bool]] = []

    def tell(folder: str, path: str, changed: bool) -> None:
        heard.append((folder, path, changed))

    Handler(Path("/home/me/logs"), "/data/logs", tell, files=files).dispatch(event)
    return heard


@pytest.fixture
def native() -> Iterator[BaseObserver]:
    observer = started(Observer)
    assert observer is not None
    yield observer
    observer.stop()
    observer.join()


def test_a_path_is_told_as_it_is_known_to_who_asked() -> None:
    assert _told(FileModifiedEvent("/data/logs/web/a.jsonl")) == [("/home/me/logs", "/home/me/logs/web/a.jsonl", True)]


def test_a_path_of_bytes_is_the_same_path() -> None:
    (told,) = _told(FileModifiedEvent(b"/data/logs/\xff.jsonl"))
    assert told[1] == "/home/me/logs/" + os.fsdecode(b"\xff.jsonl")


@pytest.mark.parametrize("kind", [FileDeletedEvent, DirDeletedEvent])
def test_what_is_gone_has_not_changed(kind: type[FileSystemEvent]) -> None:
    assert [changed for *_, changed in _told(kind("/data/logs/a"))] == [False]


def test_of_what_was_moved_both_names_are_told_and_only_the_new_one_has_changed() -> None:
    told = _told(FileMovedEvent("/data/logs/a.tmp", "/data/logs/a.json"))
    assert [(path, changed) for _, path, changed in told] == [
        ("/home/me/logs/a.tmp", False),
        ("/home/me/logs/a.json", True),
    ]


def test_where_files_are_not_asked_for_none_has_changed() -> None:
    assert [changed for *_, changed in _told(FileModifiedEvent("/data/logs/a"), files=False)] == [False]


def test_a_system_that_watches_nothing_is_told_without_names(caplog: pytest.LogCaptureFixture) -> None:
    def refuses() -> BaseObserver:
        raise OSError(errno.EMFILE, "inotify instance limit reached", "/home/me/secret")

    assert started(cast("ObserverType", refuses)) is None
    assert "the system watches nothing for us (inotify instance limit reached)" in caplog.text
    assert "secret" not in caplog.text


def test_a_system_is_full_when_it_takes_no_more_folders(native: BaseObserver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_full(native)

    def refuses(*_args: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(native, "schedule", refuses)
    assert is_full(native)


def test_looking_leaves_nothing_of_its_probe_watched(native: BaseObserver) -> None:
    assert not is_full(native)
    assert not native.emitters


def test_a_folder_that_is_soon_looked_through_is_looked_at_every_second(tmp_path: Path) -> None:
    observer = looking(str(tmp_path), deep=True)
    try:
        assert observer.timeout == 1.0
    finally:
        observer.stop()
        observer.join()
