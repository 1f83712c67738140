from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tokenguard.config import whole
from tokenguard.errors import ConfigError


@contextmanager
def files_of_at_most(size: int) -> Generator[None]:
    """While this lasts, writing more into a file fails, as it does on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("lasting", [False, True])
def test_a_file_is_replaced_and_belongs_to_its_owner(tmp_path: Path, lasting: bool) -> None:
    file = tmp_path / "budgets.toml"
    file.write_bytes(b"before")
    file.chmod(0o644)
    whole.replace(file, b"after", lasting=lasting)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"after", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    file.write_bytes(b"before")
    with files_of_at_most(100), pytest.raises(ConfigError) as raised:
        whole.replace(file, b"x" * 10_000)
    assert str(raised.value).startswith(f"{file} cannot be written: ")
    assert raised.value.hint == "make room on the disk"
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("budgets.toml", b"before")]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; check the folder's permissions"):
        whole.replace(tmp_path / "absent" / "budgets.toml", b"")
