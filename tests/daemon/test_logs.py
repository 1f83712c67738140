"""What is in the log, and what is not."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokenguard.daemon import logs
from tokenguard.errors import ConfigError, LedgerError

log = logging.getLogger("tokenguard.test")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """A log that was started, and is put back to what it was."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers = []
    path = tmp_path / "daemon.log"
    logs.start(path, foreground=False)
    yield path
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before, level


def test_a_line_says_when_how_bad_who_and_what(file: Path) -> None:
    log.warning("call %d was cut", 7)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING tokenguard\.test: call 7 was cut\n", file.read_text()
    )


def test_the_time_is_utc() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "m", None, None)
    record.created, record.msecs = 1_795_262_400.25, 250.0
    assert logs.Formatter().format(record).startswith("2026-11-21T12:00:00.250Z INFO x: m")


def test_details_are_left_out(file: Path) -> None:
    log.debug("every byte")
    assert file.read_text() == ""


def test_a_full_file_is_put_aside_and_the_oldest_goes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.getLogger().handlers[0]
    monkeypatch.setattr(handler, "maxBytes", 100)
    for number in range(20):
        log.info("number %d %s", number, "x" * 60)

    files = sorted(path.name for path in file.parent.iterdir())
    assert files == ["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]
    assert "number 19 " in file.read_text()
    assert "number 16 " in (file.parent / "daemon.log.3").read_text()


def test_at_most_four_megabytes_are_kept(file: Path) -> None:
    handler = logging.getLogger().handlers[0]
    assert (vars(handler)["maxBytes"], vars(handler)["backupCount"]) == (1_000_000, 3)


def test_a_session_token_in_a_path_is_not_written(file: Path) -> None:
    log.error("GET /s/jW1-SECRET_token/anthropic/v1/messages failed for http://127.0.0.1:1/s/other-SECRET'")
    text = file.read_text()
    assert "SECRET" not in text
    assert "GET /s/.../anthropic/v1/messages failed" in text


def test_the_text_of_a_foreign_error_is_not_written(file: Path) -> None:
    secret = "SEC" + "RET"  # not as it stands in the source, whose lines are shown

    def quotes_the_request() -> None:
        raise ValueError(f"400, Invalid header: b'x-api-key: {secret}'")

    try:
        try:
            quotes_the_request()
        except ValueError as error:
            raise KeyError(f"my {secret} prompt") from error
    except KeyError:
        log.exception("a request failed")
    text = file.read_text()

    assert "a request failed" in text
    assert "in quotes_the_request" in text
    assert secret not in text
    assert text.index("ValueError") < text.index("KeyError")


@pytest.mark.parametrize("error", [LedgerError("disk full", "make room"), OSError(28, "No space left on device")])
def test_that_of_our_own_errors_and_the_systems_is(file: Path, error: Exception) -> None:
    try:
        raise error
    except Exception:
        log.exception("it failed")
    assert str(error) in file.read_text()


def test_what_was_only_on_the_way_is_told_too_unless_it_was_hidden(file: Path) -> None:
    for hidden in (False, True):
        try:
            try:
                raise OSError("first")
            except OSError:
                if hidden:
                    raise LedgerError("second") from None
                raise LedgerError("second")  # noqa: B904 - without `from`, as most code does
        except LedgerError:
            log.exception("shown")
    shown, _, unseen = file.read_text().partition("second")
    assert "first" in shown
    assert "first" not in unseen


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        logs.start(tmp_path / "file" / "daemon.log", foreground=False)
