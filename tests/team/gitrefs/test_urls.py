from __future__ import annotations

import pytest

from tokenguard.team.gitrefs.urls import is_name, looks_public, refusal, shown


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop.git",
        "https://ann:secret@git.acme.example:8443/shop.git",
        "ssh://git@github.com:22/acme/shop.git",
        "git@github.com:acme/shop.git",
        "host:path",
        "[::1]:shop.git",
        "file:///srv/shop.git",
        "/srv/shop.git",
    ],
)
def test_what_git_reaches_without_running_a_program_is_used(url: str) -> None:
    assert refusal(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ext::sh -c 'touch /tmp/x'", "ext:: runs a program"),
        ("EXT::sh", "EXT:: runs a program"),
        ("fd::17", "fd:: runs a program"),
        ("transport::https://example.com/", "transport:: runs a program"),
        ("http://example.com/x", "http:// is not used"),
        ("git://example.com/x", "git:// is not used"),
        ("ftp://example.com/x", "ftp:// is not used"),
        ("ext://x", "ext:// is not used"),
        ("-oProxyCommand=x", "is not one"),
        ("ssh://-oProxyCommand=x/y", "has no host"),
        ("https:///x", "has no host"),
        ("-x@host:path", "is not one"),
        ("x y:path", "not complete"),
        ("../shop.git", "not complete"),
        ("", "is not one"),
        ("https://a/\nb", "is not one"),
    ],
)
def test_what_runs_a_program_or_is_none_of_ours_is_refused(url: str, why: str) -> None:
    assert why in (refusal(url) or "")


@pytest.mark.parametrize(
    ("remote", "name"), [("origin", True), ("up/stream", True), ("a:b", False), ("/x", False), ("-x", False)]
)
def test_a_name_is_told_from_an_address(remote: str, name: bool) -> None:
    assert is_name(remote) is name


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://github.com/acme/shop.git", True),
        ("git@gitlab.com:acme/shop.git", True),
        ("ssh://git@ssh.github.com:443/acme/shop.git", True),
        ("https://www.GitHub.com/acme/shop", True),
        ("https://github.com.acme.example/shop", False),
        ("git@git.acme.example:shop.git", False),
        ("/srv/github.com/shop.git", False),
        ("file:///srv/shop.git", False),
    ],
)
def test_hosts_of_public_repositories_are_known(url: str, public: bool) -> None:
    assert looks_public(url) is public


def test_no_password_is_shown() -> None:
    assert shown("fatal: 'https://ann:secret@host/x' not found") == "fatal: 'https://host/x' not found"
