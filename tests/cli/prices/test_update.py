"""`tokenguard prices update`."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from genai_prices.data import providers
from msgspec.structs import replace

from tests.cli.support import Cli
from tests.support.home import Home
from tokenguard.cli.prices import fetching
from tokenguard.prices import published

List = list[published.Provider]

DEARER: published.Amounts = {"input_mtok": Decimal("4.5"), "output_mtok": Decimal(20)}


@pytest.fixture(scope="module")
def listed() -> List:
    """What was compiled into the list that ships."""
    return published.from_objects(providers)


def file_of(folder: Path, changed: List) -> Path:
    """A published list as a file."""
    file = folder / "data.json"
    file.write_bytes(msgspec.json.encode(changed))
    return file


def with_models(listed: List, seller: str, *models: published.Model) -> List:
    return [replace(one, models=list(models)) if one.id == seller else one for one in listed]


def models_of(listed: List, seller: str) -> list[published.Model]:
    (found,) = [one for one in listed if one.id == seller]
    return found.models


def repriced(listed: List, id: str = "claude-opus-5-5") -> List:
    """One of Anthropic's models dearer, and a new one."""
    models = models_of(listed, "anthropic")
    changed = [replace(model, prices=DEARER) if model.id == id else model for model in models]
    new = replace(models[0], id="claude-new-1", match=published.Clause(equals="claude-new-1"), prices=DEARER)
    return with_models(listed, "anthropic", *changed, new)


def without(listed: List, id: str = "claude-opus-5-5") -> List:
    models = models_of(listed, "anthropic")
    return with_models(listed, "anthropic", *(model for model in models if model.id != id))


def priceless(listed: List, id: str = "claude-opus-5-5") -> List:
    models = models_of(listed, "anthropic")
    unpriced = (replace(model, prices={}, price_variants=None) if model.id == id else model for model in models)
    return with_models(listed, "anthropic", *unpriced)


def dollars_in(cli: Cli, model: str = "claude-opus-5-5") -> float:
    document = cli("prices", "show", model, "--json").document
    nanos: int = document["lines"][0]["bands"][0]["input"]
    return nanos / 10**9


def test_the_same_list_changes_nothing(cli: Cli, home: Path, tmp_path: Path, listed: List) -> None:
    outcome = cli("prices", "update", "--from", str(file_of(tmp_path, listed)))
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(" nothing new since 20")
    assert not home.exists()


def test_a_newer_list_is_taken_and_its_changes_shown(cli: Cli, home: Path, tmp_path: Path, listed: List) -> None:
    assert dollars_in(cli) == 4
    outcome = cli("prices", "update", "--from", str(file_of(tmp_path, repriced(listed))))
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split(maxsplit=2) for line in outcome.out.splitlines()]
    assert lines[0] == ["new", "anthropic/claude-new-1", "$4.50 in, $20.00 out"]
    assert lines[1] == ["repriced", "anthropic/claude-opus-5-5", "$4.00 → $4.50 in, $20.00 out"]
    assert outcome.out.endswith(f" written to {home}/prices.json\n")
    assert dollars_in(cli) == 4.5
    assert (home / "prices.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in home.iterdir()] == ["prices.json"]
    source = cli("prices", "show", "opus", "--json").document["lines"][0]["source"]
    assert source.startswith("genai-prices data.json ")


@pytest.mark.parametrize("lost", ["the model", "its price"])
def test_a_list_that_has_lost_something_is_not_taken_unasked(
    cli: Cli, home: Path, tmp_path: Path, listed: List, lost: str
) -> None:
    file = str(file_of(tmp_path, without(listed) if lost == "the model" else priceless(listed)))
    outcome = cli("prices", "update", "--from", file)
    assert outcome.code == 1
    lines = outcome.err.splitlines()
    assert lines == [
        "tokenguard: the prices of 1 model would be lost; nothing was changed, --yes takes it all the same"
    ]
    kind = "gone" if lost == "the model" else "no price"
    assert f" {kind}  anthropic/claude-opus-5-5  $4.00 in, $20.00 out\n" in outcome.out
    assert not home.exists()
    assert cli("prices", "update", "--from", file, "--yes").code == 0
    shown = cli("prices", "show", "claude-opus-5-5", "--provider", "anthropic", "--json")
    assert shown.document["confidence"] == "bound"


def test_a_file_that_is_older_is_not_taken_unasked(cli: Cli, home: Path, tmp_path: Path, listed: List) -> None:
    file = file_of(tmp_path, repriced(listed))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    outcome = cli("prices", "update", "--from", str(file))
    assert outcome.code == 1
    assert f"{file} is of 2023-11-14, the list in force of 20" in outcome.err
    assert not home.exists()
    assert cli("prices", "update", "--from", str(file), "--yes").code == 0
    assert dollars_in(cli) == 4.5


def test_of_many_changes_some_are_shown(cli: Cli, tmp_path: Path, listed: List) -> None:
    outcome = cli("prices", "update", "--from", str(file_of(tmp_path, with_models(listed, "openrouter"))))
    assert outcome.code == 1
    gone = [line for line in outcome.out.splitlines() if line.startswith(" gone")]
    assert len(gone) == 13
    assert gone[-1].split(maxsplit=1)[1].startswith("and ")


def one_model(api: str = "", **changed: object) -> bytes:
    """A list of one model."""
    model = {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1}} | changed
    return msgspec.json.encode([{"id": "p", "api_pattern": api, "models": [model]}])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[]", "it has no prices"),
        (b"<html>", "JSON is malformed"),
        (b'{"format": 1}', "Expected `array`, got `object`"),
        (one_model(prices={}), "it has no prices"),
        (one_model(api="("), "missing )"),
        (one_model(match={"like": "m"}), "unknown field `like`"),
        (one_model(match={"regex": "("}), "p/m: missing )"),
        (one_model(prices={"input_mtok": -1}), "p/m: a price of $-1 is not a whole number of nanodollars"),
    ],
)
def test_what_is_no_list_is_named(cli: Cli, home: Path, tmp_path: Path, data: bytes, reason: str) -> None:
    file = tmp_path / "data.json"
    file.write_bytes(data)
    outcome = cli("prices", "update", "--from", str(file), "--yes")
    assert outcome.code == 3
    assert outcome.err.startswith(f"tokenguard: {file} is no price list that this tokenguard can read: ")
    assert reason in outcome.err
    assert outcome.err.count("\n") == 1
    assert not home.exists()


def test_a_file_that_cannot_be_read(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("prices", "update", "--from", str(tmp_path / "gone.json"))
    assert (outcome.code, outcome.err) == (
        3,
        f"tokenguard: {tmp_path}/gone.json cannot be read: No such file or directory; "
        "name a copy of genai-prices' data.json\n",
    )


def test_a_running_daemon_takes_it_at_once(
    cli: Cli, tmp_path: Path, listed: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "with-daemon")
    monkeypatch.setenv("TOKENGUARD_HOME", str(home.folder))
    try:
        home.start()
        outcome = cli("prices", "update", "--from", str(file_of(tmp_path, repriced(listed))))
        assert outcome.code == 0
        assert outcome.out.endswith(" the daemon prices by it from now on\n")
        assert "the configuration was read again" in home.log
    finally:
        home.clean_up()


class Publisher:
    """Whoever publishes the list, on this machine."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"[]"
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(publisher.status)
                self.send_header("Content-Length", str(len(publisher.body)))
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(publisher.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/data.json"


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    made = Publisher()
    monkeypatch.setattr(fetching, "URL", made.url)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_it_is_fetched_where_it_is_published(cli: Cli, listed: List, publisher: Publisher) -> None:
    publisher.body = msgspec.json.encode(repriced(listed))
    assert cli("prices", "update").code == 0
    assert dollars_in(cli) == 4.5


@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_answer_is_no_list(cli: Cli, home: Path, publisher: Publisher, status: int) -> None:
    publisher.status = status
    outcome = cli("prices", "update")
    assert outcome.code == 3
    assert f"tokenguard: 127.0.0.1 answered {status} instead of the prices; get https://raw." in outcome.err
    assert outcome.err.endswith("name the file with --from\n")
    assert not home.exists()


def test_an_answer_that_is_too_large(cli: Cli, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 1 << 20)
    publisher.body = b" " * (2 << 20)
    assert "127.0.0.1 answered with more than 1 MB; get" in cli("prices", "update").err


def test_without_a_network_a_file_is_the_remedy(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "URL", "http://127.0.0.1:1/data.json")
    outcome = cli("prices", "update")
    assert outcome.code == 3
    assert outcome.err.startswith("tokenguard: 127.0.0.1 cannot be reached (ConnectError); get https://raw.")
    assert outcome.err.endswith("some other way, and name the file with --from\n")
    assert outcome.err.count("\n") == 1


def test_the_configured_way_is_taken(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "URL", "http://prices.example/data.json")
    home.mkdir()
    (home / "config.toml").write_text('[network]\nproxy = "http://user:secret@127.0.0.1:1"\n')
    outcome = cli("prices", "update")
    assert outcome.err.startswith("tokenguard: prices.example cannot be reached (ConnectError); ")
    assert "secret" not in outcome.err
    (home / "bad.pem").write_text("x")
    (home / "config.toml").write_text(f'[network]\nca_bundle = "{home}/bad.pem"\n')
    assert f"the CA bundle {home}/bad.pem cannot be read; name a PEM file" in cli("prices", "update").err


def test_a_folder_that_cannot_be_written(cli: Cli, home: Path, tmp_path: Path, listed: List) -> None:
    home.mkdir()
    (home / "prices.json").mkdir()
    outcome = cli("prices", "update", "--from", str(file_of(tmp_path, repriced(listed))))
    assert outcome.code == 3
    assert outcome.err.splitlines() == [
        f"tokenguard: {home}/prices.json is not used: Is a directory",
        f"tokenguard: {home}/prices.json cannot be written: Is a directory; check the folder's permissions",
    ]
    assert [file.name for file in home.iterdir()] == ["prices.json"]
