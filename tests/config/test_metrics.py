"""`[metrics]`: what is taken, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.config.paths import find_paths
from tokenguard.config.sections import MetricsSettings
from tokenguard.config.settings import load
from tokenguard.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", MetricsSettings()),
        ("[metrics]\nport = 9464\nrepositories = true\n", MetricsSettings(port=9464, repositories=True)),
        ('[metrics]\notlp = "http://[::1]:4318"\n', MetricsSettings(otlp="http://[::1]:4318")),
        (
            '[metrics]\notlp = "https://h.example/x"\notlp_every = 5',
            MetricsSettings(None, False, "https://h.example/x", 5),
        ),
    ],
)
def test_what_is_taken(tmp_path: Path, text: str, found: MetricsSettings) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path)})
    paths.config_file.write_text(text)
    assert load(paths).metrics == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port = 0", "metrics.port 0 is no port"),
        ("port = 70000", "metrics.port 70000 is no port"),
        ("port = 4747", "metrics.port is daemon.port"),
        ("otlp_every = 0.5", "metrics.otlp_every is below a second"),
        ('otlp = "collector:4318"', "metrics.otlp is not an address"),
        ('otlp = "ftp://h"', "metrics.otlp is not an address"),
        ('otlp = "http://h:x"', "metrics.otlp is not an address"),
        ('otlp = "http://h/a b"', "metrics.otlp is not an address"),
        ('otlp = "http://ann:s3cret@h"', "metrics.otlp holds more than an address"),
        ('otlp = "http://h/?key=s3cret"', "metrics.otlp holds more than an address"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    paths = find_paths({"TOKENGUARD_HOME": str(tmp_path)})
    paths.config_file.write_text(f"[metrics]\n{text}\n")
    with pytest.raises(ConfigError) as raised:
        load(paths)
    assert told in str(raised.value) and raised.value.hint
    assert "s3cret" not in str(raised.value)
