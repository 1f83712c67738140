"""`[preflight]` and `[notify]`: what is taken, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.config.notices import webhook_secret
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.sections import NotifySettings
from tokenguard.config.settings import load
from tokenguard.errors import ConfigError

CHAT = "https://chat.example/hooks/T0/B0/s3cret"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return find_paths({"TOKENGUARD_HOME": str(tmp_path)})


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("0123abcd\n")
    file.chmod(0o600)
    return file


def refused(paths: Paths, text: str) -> str:
    paths.config_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(paths)
    assert raised.value.hint
    return str(raised.value)


@pytest.mark.parametrize(("above", "value"), [('"$2"', "$2"), ("2", 2), ("0.5", 0.5)])
def test_a_dear_call_is_an_amount_of_dollars(paths: Paths, above: str, value: str | float) -> None:
    paths.config_file.write_text(f'[preflight]\nabove = {above}\nat_limit = "hold"')
    found = load(paths).preflight
    assert (found.above, found.at_limit) == (value, "hold")


@pytest.mark.parametrize("above", ['"2M tokens"', '"5 calls"', '"90%"', '"$0"', "0", "-1", "nan", "inf", '""', '"two"'])
def test_what_is_no_amount_of_dollars_is_refused(paths: Paths, above: str) -> None:
    error = refused(paths, f"[preflight]\nabove = {above}")
    assert error.startswith("config.toml: preflight.above ")
    assert 'use "$2"' in error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[preflight]\nat_limit = "refuse"', 'config.toml: preflight.at_limit "refuse" is not known; use warn or hold'),
        ('[notify]\nlevel = "ok"', 'notify.level "ok" is not known; use info, warn, soft or hard'),
        ('[notify]\nwebhook = "hook"', "notify.webhook is not an https address"),
        ('[notify]\nwebhook = "http://chat.example/x"', "notify.webhook is not an https address, nor one of this"),
        ('[notify]\nwebhook = "ftp://127.0.0.1/x"', "notify.webhook is not an https address"),
        ('[notify]\nwebhook = "https:///x"', "notify.webhook is not an https address"),
        ('[notify]\nwebhook = "https://h/a b"', "notify.webhook is not an https address"),
        ('[notify]\nwebhook = "https://h/a\\nb"', "notify.webhook is not an https address"),
        ('[notify]\nwebhook = "https://h:0/"', "notify.webhook is not an https address"),
        ('[notify]\nwebhook = "https://h:99999/"', "notify.webhook is not an address"),
        ('[notify]\nwebhook = "https://me:pw@h/"', "notify.webhook holds a user"),
        ('[notify]\nwebhook = "https://h/#part"', "notify.webhook holds a user or a fragment"),
        ('[notify]\nwebhook_secret_file = "/x"', "notify.webhook_secret_file has nothing to sign"),
        (f'[notify]\nwebhook = "{CHAT}"\nwebhook_secret_file = "here"', "here is not a whole path; begin it with /"),
        (f'[notify]\nwebhook = "{CHAT}"\nwebhook_secret_file = "/no/such"', "/no/such cannot be read: No such file"),
        (f'[notify]\nwebhook = "{CHAT}"\nwebhook_secret_file = "/dev"', "webhook_secret_file /dev is not a file"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_key(paths: Paths, text: str, error: str) -> None:
    told = refused(paths, text)
    assert error in told
    assert "s3cret" not in told and "pw" not in told


@pytest.mark.parametrize(
    "url", [CHAT, "http://127.0.0.1:8080/x", "http://127.9.9.9/", "http://[::1]:1/x?y=z", "http://localhost/"]
)
def test_where_posts_may_go(paths: Paths, url: str, secret: Path) -> None:
    paths.config_file.write_text(f'[notify]\nwebhook = "{url}"\nwebhook_secret_file = "{secret}"')
    found = load(paths).notify
    assert found.webhook == url
    assert webhook_secret(found, "config.toml") == b"0123abcd"


def test_a_secret_is_not_for_others(paths: Paths, secret: Path) -> None:
    secret.chmod(0o640)
    error = refused(paths, f'[notify]\nwebhook = "{CHAT}"\nwebhook_secret_file = "{secret}"')
    assert f"{secret} can be read by others; run: chmod 600 {secret}" in error


def test_an_empty_secret_signs_nothing(paths: Paths, secret: Path) -> None:
    secret.write_text(" \n")
    error = refused(paths, f'[notify]\nwebhook = "{CHAT}"\nwebhook_secret_file = "{secret}"')
    assert f"{secret} holds no secret; make one" in error


def test_a_secret_in_the_users_home(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(secret.parent))
    settings = NotifySettings(webhook=CHAT, webhook_secret_file="~/secret")
    assert webhook_secret(settings, "config.toml") == b"0123abcd"
