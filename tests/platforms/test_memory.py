"""What a request took is there for the next one, and need not be fetched from the system again."""

from __future__ import annotations

import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tokenguard import platforms
from tokenguard.platforms import linux, macos

FAULTS = """
import resource, sys
from tokenguard import platforms

if sys.argv[1] == "reuse":
    platforms.reuse_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def request():
    return [b"x" * 900_000 for _ in range(4)]

for _ in range(5):
    request()
before = faults()
for _ in range(20):
    request()
print((faults() - before) / 20)
"""


def faults(how: str) -> float:
    """Page faults of a request that holds 3.6 MB, after some like it."""
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_large_requests_cost_no_page_faults_once_there_was_one() -> None:
    assert faults("as it is") > 200
    assert faults("reuse") < 20


def test_a_c_library_without_that_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def musl(name: str | None) -> SimpleNamespace:
        return SimpleNamespace()

    monkeypatch.setattr("ctypes.CDLL", musl)
    linux.reuse_memory()
    macos.reuse_memory()
    monkeypatch.setattr(sys, "platform", "freebsd14")
    platforms.reuse_memory()
