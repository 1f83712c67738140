"""Where a team meets, as a stranger's file may say it: no command, no secret, nothing but a place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.config.team_addresses import check_database, check_remote
from tokenguard.errors import ConfigError


@pytest.mark.parametrize(
    "remote",
    [
        "origin",
        "up-stream",
        "team/budgets",
        "https://github.com/acme/budgets.git",
        "https://git.example.com:8443/acme/budgets",
        "ssh://git@example.com:2222/srv/budgets.git",
        "ssh://example.com/~ann/budgets",
        "file:///srv/git/budgets.git",
        "git@github.com:acme/budgets.git",
        "example.com:budgets.git",
    ],
)
def test_remotes_that_are_taken(remote: str) -> None:
    assert check_remote(remote, "here") == remote


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "-u",
        "--upload-pack=touch /tmp/x",
        "../other",
        "a/../b",
        "ext::sh -c true",
        "ext::sh%20-c%20true",
        "fd::7",
        "https::https://example.com/x",
        "git://example.com/x",
        "http://example.com/x",
        "ftp://example.com/x",
        "HTTPS://example.com/x",
        "https://example.com",
        "https:///x",
        "https://ann@example.com/x",
        "https://ann:secret@example.com/x",
        "ssh://ann:secret@example.com/x",
        "ssh://-oProxyCommand=true/x",
        "ssh://-a@example.com/x",
        "ssh://example.com:0/x",
        "https://example.com:port/x",
        "file://host/x",
        "file:///",
        "-oProxyCommand=true:x",
        "-a@example.com:x",
        "example.com:-x",
        "/srv/git/budgets.git",
        "https://example.com/a b",
        "https://example.com/\x1b[31m",
        "https://[::1/x",
        "https://example.com/" + "x" * 1000,
    ],
)
def test_remotes_that_are_not(remote: str) -> None:
    with pytest.raises(ConfigError, match="neither a remote nor a URL") as raised:
        check_remote(remote, "here")
    assert "\x1b" not in str(raised.value)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_remote_that_is_taken_names_a_helper_or_an_option(text: str) -> None:
    try:
        taken = check_remote(text, "here")
    except ConfigError:
        return
    assert "::" not in taken and not taken.startswith("-") and "\n" not in taken


@pytest.mark.parametrize(
    "database",
    [
        "host=db.example.com dbname=tokenguard",
        "host = '/var/run/postgresql' port=5433 dbname = 'to ken' sslmode=verify-full",
        "dbname='it\\'s' host=db",
        "postgresql://db.example.com:5432/tokenguard?sslmode=verify-full",
        "postgres://one,two/tokenguard?target_session_attrs=read-write",
        "postgresql:///tokenguard?host=/var/run/postgresql",
    ],
)
def test_databases_that_are_taken(database: str) -> None:
    assert check_database(database, "here") == database


@pytest.mark.parametrize(
    ("database", "error"),
    [
        ("host=db user=ann", "database holds user,"),
        ("host=db password='a b'", "holds password,"),
        ("host=db PASSWORD=x user=ann", "holds password and user,"),
        ("postgresql://ann@db/x", "holds user,"),
        ("postgresql://ann:secret@db/x", "holds password and user,"),
        ("postgresql://db/x?user=ann", "holds user,"),
        ("host=db passfile=/etc/passwd", "holds passfile,"),
        ("service=prod", "holds service,"),
        ("host=db options='-c search_path=x'", "database sets options; accepted are host, hostaddr"),
        ("host=db connect_timeout=99", "sets connect_timeout"),
        ("", "is no connection string"),
        ("tokenguard", "is no connection string"),
        ("host=db '", "is no connection string"),
        ("host=db\ndbname=x", "is no connection string"),
        ("mysql://db/x", "is no connection string"),
        ("postgresql://db/x#frag", "is no connection string"),
        ("postgresql://db/x?user", "is no connection string"),
        ("postgresql://[::1/x", "is no connection string"),
    ],
)
def test_databases_that_are_not(database: str, error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_database(database, "here")
    assert error in str(raised.value) and "secret" not in str(raised.value)
