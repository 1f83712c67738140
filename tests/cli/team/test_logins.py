"""As whom somebody enters a database."""

from __future__ import annotations

import pytest

from tokenguard.cli.team.logins import check_login, user_of
from tokenguard.errors import UsageError


@pytest.mark.parametrize("login", ["", "user=ann", "user=ann passfile=/home/ann/.pgpass", "user='ann o\\'neil'"])
def test_logins_that_are_taken(login: str) -> None:
    assert check_login(f" {login}") == login


@pytest.mark.parametrize("login", ["ann", "user=", "user=ann host=elsewhere", "password=x", "user='ann"])
def test_logins_that_are_not(login: str) -> None:
    with pytest.raises(UsageError, match="--login"):
        check_login(login)


def test_who_that_is() -> None:
    assert user_of("passfile=x user='ann o\\'neil'") == "ann o'neil"
    assert user_of("passfile=x") == user_of("") == ""
