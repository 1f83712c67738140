"""Settings that are written, and put back."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ides.documents import comments, documents, said
from tokenguard.errors import UsageError
from tokenguard.ides import Address, Setting, files
from tokenguard.ides.jsonc import Item
from tokenguard.ides.keeping import Keeper
from tokenguard.ides.reading import NotUnderstood

URL = Address("http://127.0.0.1:4747/anthropic", ("https://api.anthropic.com",))
OURS = (
    Setting(("claudeCode.environmentVariables", Item("ANTHROPIC_BASE_URL")), URL),
    Setting(("claudeCode.environmentVariables", Item("FLAG")), Address("1")),
    Setting(("terminal.integrated.env.linux", "ANTHROPIC_BASE_URL"), URL),
)
THEIRS = b"""\
// mine
{
    "editor.fontSize": 13, // big
    "terminal.integrated.env.linux": { "PAGER": "less" },
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "User").mkdir()
    return tmp_path / "User" / "settings.json"


@pytest.fixture
def keeper(tmp_path: Path, file: Path) -> Keeper:
    return Keeper(tmp_path / "state", file)


def written(file: Path) -> dict[str, object]:
    found: dict[str, object] = said(file.read_text("utf-8").removeprefix("\ufeff"))
    return found


def test_it_is_merged_and_put_back_byte_for_byte(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    done = keeper.write(OURS)
    assert (done.changed, done.left) == (True, ())
    assert written(file) == {
        "editor.fontSize": 13,
        "terminal.integrated.env.linux": {"PAGER": "less", "ANTHROPIC_BASE_URL": URL.value},
        "claudeCode.environmentVariables": [
            {"name": "ANTHROPIC_BASE_URL", "value": URL.value},
            {"name": "FLAG", "value": "1"},
        ],
    }
    assert done.backup and done.backup.read_bytes() == THEIRS
    undone = keeper.undo()
    assert (undone.changed, undone.restored) == (True, True)
    assert file.read_bytes() == THEIRS
    assert not done.backup.exists() and keeper.kept is None


def test_twice_is_once(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    once = file.read_bytes()
    again = keeper.write(OURS)
    assert (again.changed, again.set, file.read_bytes()) == (False, OURS, once)
    keeper.undo()
    assert file.read_bytes() == THEIRS


def test_another_port_takes_the_place_of_the_first(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    moved = [Setting(one.path, Address(one.address.value.replace("4747", "4848"))) for one in OURS]
    assert keeper.write(moved).changed
    assert "4747" not in file.read_text()
    assert keeper.undo().restored
    assert file.read_bytes() == THEIRS


def test_what_the_user_changes_meanwhile_stays(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    file.write_bytes(file.read_bytes().replace(b"13, // big", b"14, // bigger"))
    undone = keeper.undo()
    assert (undone.changed, undone.restored) == (True, False)
    assert file.read_bytes() == THEIRS.replace(b"13, // big", b"14, // bigger").replace(b"},\n}", b"}\n}")


def test_also_between_two_writes(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    keeper.write(OURS[:1])
    file.write_bytes(file.read_bytes().replace(b"13, // big", b"14, // bigger"))
    keeper.write(OURS)
    assert not keeper.undo().restored
    assert written(file) == {"editor.fontSize": 14, "terminal.integrated.env.linux": {"PAGER": "less"}}


def test_what_the_user_has_changed_of_ours_is_the_user_s(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    file.write_text(file.read_text().replace('"FLAG",\n            "value": "1"', '"FLAG",\n            "value": "0"'))
    keeper.undo()
    assert written(file)["claudeCode.environmentVariables"] == [{"name": "FLAG", "value": "0"}]


def test_an_address_of_the_user_s_own_stays_and_is_told(keeper: Keeper, file: Path) -> None:
    file.write_text('{"terminal.integrated.env.linux": {"ANTHROPIC_BASE_URL": "https://llm.corp"}}')
    done = keeper.write(OURS)
    assert [(setting.path, value) for setting, value in done.left] == [(OURS[2].path, "https://llm.corp")]
    assert written(file)["terminal.integrated.env.linux"] == {"ANTHROPIC_BASE_URL": "https://llm.corp"}
    keeper.undo()
    assert file.read_text() == '{"terminal.integrated.env.linux": {"ANTHROPIC_BASE_URL": "https://llm.corp"}}'


@pytest.mark.parametrize("before", ['"https://api.anthropic.com"', "null"])
def test_the_provider_s_own_address_is_replaced(keeper: Keeper, file: Path, before: str) -> None:
    text = '{"terminal.integrated.env.linux": {"ANTHROPIC_BASE_URL": ' + before + "} /* c */}"
    file.write_text(text)
    assert not keeper.write(OURS).left
    assert written(file)["terminal.integrated.env.linux"] == {"ANTHROPIC_BASE_URL": URL.value}
    file.write_text(file.read_text() + "\n")
    keeper.undo()
    assert file.read_text() == text + "\n"


@pytest.mark.parametrize("blank", [None, b"", b"\n", b"\xef\xbb\xbf"])
def test_a_file_that_is_not_there_or_empty(keeper: Keeper, file: Path, blank: bytes | None) -> None:
    if blank is not None:
        file.write_bytes(blank)
    assert keeper.write(OURS).changed
    assert written(file).keys() == {one.path[0] for one in OURS}
    if blank is None:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keeper.undo().restored
    assert (file.read_bytes() if file.exists() else None) == blank


def test_a_folder_that_was_made_goes_too(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "state", tmp_path / ".vscode" / "settings.json")
    keeper.write(OURS)
    keeper.undo()
    assert not (tmp_path / ".vscode").exists()
    keeper.write(OURS)
    (tmp_path / ".vscode" / "launch.json").write_text("{}")
    keeper.undo()
    assert os.listdir(tmp_path / ".vscode") == ["launch.json"]


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff\xfe", b'{"terminal.integrated.env.linux": 3}', b"// c\n"])
def test_what_is_not_understood_is_left_as_it_is(keeper: Keeper, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(NotUnderstood):
        keeper.write(OURS)
    assert file.read_bytes() == content
    assert keeper.kept is None


def test_to_undo_what_was_broken_meanwhile_is_refused(keeper: Keeper, file: Path) -> None:
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    file.write_bytes(b"{ broken")
    with pytest.raises(NotUnderstood):
        keeper.undo()
    assert keeper.kept is not None


def test_nothing_to_undo_is_no_fault(keeper: Keeper, file: Path) -> None:
    assert not keeper.undo().changed
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    file.unlink()
    assert not keeper.undo().changed
    assert keeper.kept is None


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_permissions_stay(keeper: Keeper, file: Path, mode: int) -> None:
    file.write_bytes(THEIRS)
    file.chmod(mode)
    done = keeper.write(OURS)
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert done.backup and stat.S_IMODE(done.backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(done.backup.parent.stat().st_mode) == 0o700
    keeper.undo()
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_link_stays_a_link(keeper: Keeper, file: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.json").write_bytes(THEIRS)
    file.symlink_to(tmp_path / "dotfiles.json")
    keeper.write(OURS)
    assert file.is_symlink()
    assert URL.value in (tmp_path / "dotfiles.json").read_text()
    keeper.undo()
    assert file.is_symlink()
    assert (tmp_path / "dotfiles.json").read_bytes() == THEIRS


def test_a_link_to_what_is_not_there_yet_stays_one(keeper: Keeper, file: Path, tmp_path: Path) -> None:
    file.symlink_to(tmp_path / "dotfiles.json")
    keeper.write(OURS)
    assert URL.value in (tmp_path / "dotfiles.json").read_text()
    assert keeper.undo().restored
    assert file.is_symlink()
    assert not (tmp_path / "dotfiles.json").exists()


def test_somebody_else_s_file_is_not_touched(keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(THEIRS)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    with pytest.raises(UsageError, match="another user"):
        keeper.write(OURS)
    file.unlink()
    with pytest.raises(UsageError, match="another user"):
        keeper.write(OURS)


def test_what_is_no_file_is_not_read(keeper: Keeper, file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(UsageError, match="is not a file"):
        keeper.write(OURS)


def test_what_somebody_changes_at_the_same_moment_wins(
    keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(THEIRS)
    real = os.fsync

    def meanwhile(descriptor: int) -> None:
        file.write_bytes(b'{"mine": 1}')
        real(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(UsageError, match="changed by somebody else"):
        keeper.write(OURS)
    assert file.read_bytes() == b'{"mine": 1}'
    assert os.listdir(file.parent) == ["settings.json"]
    assert keeper.kept is None


def test_a_full_disk_leaves_the_file(keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(THEIRS)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        keeper.write(OURS)
    assert file.read_bytes() == THEIRS
    assert os.listdir(file.parent) == ["settings.json"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents(), st.booleans())
def test_whatever_was_there_is_put_back(tmp_path: Path, document: tuple[str, dict[str, object]], touched: bool) -> None:
    text, value = document
    file = tmp_path / "settings.json"
    file.write_bytes(text.encode())
    keeper = Keeper(tmp_path / "state", file)
    assert keeper.write(OURS).changed
    assert said(file.read_bytes().decode()).items() >= value.items()
    if touched:
        file.write_bytes(file.read_bytes() + b"\n")
    assert keeper.undo().restored is not touched
    after = file.read_bytes().decode()
    if touched:
        assert (said(after), comments(after)) == (value, comments(text))
    else:
        assert after == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents(), st.booleans(), st.booleans())
def test_so_is_what_may_hold_keys_of_which_there_is_no_copy(
    tmp_path: Path, document: tuple[str, dict[str, object]], twice: bool, touched: bool
) -> None:
    text, value = document
    file = tmp_path / "providers.json"
    file.write_bytes(text.encode())
    keeper = Keeper(tmp_path / "state", file, holds_keys=True)
    if twice:
        keeper.write([Setting(one.path, Address(one.address.value.replace("4747", "4848"))) for one in OURS[1:]])
    done = keeper.write(OURS)
    assert (done.changed, done.backup) == (True, None)
    assert os.listdir(tmp_path / "state" / "ides") == [next((tmp_path / "state" / "ides").glob("*.json")).name]
    if touched:
        file.write_bytes(file.read_bytes() + b"\n")
    assert keeper.undo().restored is not touched
    after = file.read_bytes().decode()
    if touched:
        assert (said(after), comments(after)) == (value, comments(text))
    else:
        assert after == text


@pytest.mark.parametrize("blank", [b"", b"\n", b"\xef\xbb\xbf"])
def test_an_empty_one_is_put_back_too(tmp_path: Path, file: Path, blank: bytes) -> None:
    keeper = Keeper(tmp_path / "state", file, holds_keys=True)
    file.write_bytes(blank)
    keeper.write(OURS)
    assert keeper.undo().restored
    assert file.read_bytes() == blank


def test_no_key_is_noted(tmp_path: Path, file: Path) -> None:
    key = "sk-" + "x" * 20
    file.write_text(json.dumps({"terminal.integrated.env.linux": {"KEY": key, "ANTHROPIC_BASE_URL": None}, "k": key}))
    Keeper(tmp_path / "state", file, holds_keys=True).write(OURS)
    noted = [one.read_text() for one in (tmp_path / "state").rglob("*") if one.is_file()]
    assert noted and not any(key in text for text in noted)


def test_a_copy_that_an_earlier_version_made_still_serves(tmp_path: Path, file: Path) -> None:
    file.write_bytes(THEIRS)
    Keeper(tmp_path / "state", file).write(OURS)
    keeper = Keeper(tmp_path / "state", file, holds_keys=True)
    (record,) = (tmp_path / "state" / "ides").glob("*.json")
    old = {name: value for name, value in json.loads(record.read_text()).items() if name not in ("before", "steps")}
    record.write_text(json.dumps(old))
    assert keeper.undo().restored
    assert file.read_bytes() == THEIRS


def test_what_does_not_stand_there_any_more_is_lost(keeper: Keeper, file: Path) -> None:
    assert not keeper.lost()
    file.write_bytes(THEIRS)
    keeper.write(OURS)
    assert not keeper.lost()
    file.write_text(file.read_text().replace(URL.value, "https://api.anthropic.com", 1))
    assert keeper.lost()
    file.write_bytes(THEIRS)
    assert keeper.lost()


def test_large_files_are_refused(keeper: Keeper, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_BYTES", 10)
    file.write_text(json.dumps({"a": "long enough"}))
    with pytest.raises(UsageError, match="larger than"):
        keeper.write(OURS)
