"""`tokenguard tui`, as far as it needs no terminal."""

from __future__ import annotations

from tests.cli.support import Cli


def test_once_says_what_to_do_without_a_daemon(cli: Cli) -> None:
    done = cli("tui", "--once")
    assert (done.code, done.out) == (3, "")
    assert done.err == "tokenguard: the daemon is not running; start it with: tokenguard daemon start\n"
