"""What a user installs: built as a release is, from the source archive and not from the checkout."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"tokenguard", "tokenguard_tui", "tokenguard_hooks"}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source archive, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    # Without options `build` makes the wheel from the unpacked source archive.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(archives: tuple[Path, Path]) -> list[str]:
    """Paths of the files that the wheel puts into site-packages."""
    with zipfile.ZipFile(archives[1]) as wheel:
        return wheel.namelist()


def test_nothing_generic_is_installed(installed: list[str]) -> None:
    tops = {name.split("/")[0] for name in installed}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert len(tops) == len(PACKAGES) + 1


def test_every_module_is_installed(installed: list[str]) -> None:
    sources = {
        str(path.relative_to(root.parent))
        for root in (ROOT / "tokenguard", ROOT / "tui/tokenguard_tui", ROOT / "hooks/tokenguard_hooks")
        for path in root.rglob("*.py")
    }
    assert sources == {name for name in installed if name.endswith(".py")}


@pytest.mark.parametrize(
    "name",
    [
        "tokenguard/py.typed",
        "tokenguard/prices/catalogue.json",
        "tokenguard/team/postgres/schema/0001.sql",
        "tokenguard/team/postgres/steps/grant.sql",
        "tokenguard_hooks/hook.sh",
        "tokenguard_hooks/owning.sh",
        "tokenguard_hooks/rest.sh",
        "tokenguard_hooks/sharing.sh",
    ],
)
def test_data_files_are_installed(installed: list[str], name: str) -> None:
    assert name in installed


def test_the_command_is_installed(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[1]) as wheel:
        (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        assert "tokenguard = tokenguard.cli:main" in wheel.read(entry_points).decode()


def test_the_source_archive_has_no_leftovers(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as sdist:
        tops = {name.split("/")[1] for name in sdist.getnames() if "/" in name}
    assert not tops & {".venv", ".git", ".cache", "dist"}
