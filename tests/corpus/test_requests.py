"""Recorded requests: what is changed in them is read as it was meant, and none of them runs in circles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import pytest

from tests.corpus.recorded import FOLDER, recordings
from tokenguard.config.sections import LoopSettings
from tokenguard.wire import DIALECTS
from tokenguard.wire.rewriting import rewrite

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded requests at {FOLDER} (TOKENGUARD_RECORDED)")


class Request(NamedTuple):
    name: str
    dialect: str
    path: str
    body: bytes


def requests() -> Iterator[Request]:
    for folder in sorted(FOLDER.iterdir()) if FOLDER.is_dir() else ():
        dialect = folder.name.removesuffix("-stream")
        for recording in recordings(folder.name) if dialect in DIALECTS else ():
            body = bytes(recording.sidecar.request_body)
            if body not in (b"", b"null"):
                yield Request(recording.name, dialect, urlsplit(recording.sidecar.url or "").path, body)


CHANGED = re.compile("model|max_?(completion_|output_?|new_|gen_)?(tokens?|len)(count)?|num_predict")


def without(value: Any) -> Any:
    """JSON without what may have changed, and without objects that are empty then."""
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value).items()
    kept = {key: without(inner) for key, inner in members if not CHANGED.fullmatch(key.lower())}
    return {key: inner for key, inner in kept.items() if inner != {}}


def test_most_can_be_changed_and_all_that_can_are_read_as_it_was_meant() -> None:
    done = total = 0
    for request in requests():
        facts = DIALECTS[request.dialect].facts(request.path, request.body)
        model = facts.model + "-mini"
        changed = rewrite(request.dialect, request.path, request.body, model=model, max_output=3)
        total += 1
        if changed is None:
            continue
        done += 1
        after = DIALECTS[request.dialect].facts(*changed)
        assert after.model == model and after.max_output is not None and after.max_output <= 3, request.name
        assert without(json.loads(changed[1])) == without(json.loads(request.body)), request.name
    assert done >= 0.9 * total


def test_none_runs_in_circles() -> None:
    for request in requests():
        trail = DIALECTS[request.dialect].facts(request.path, request.body).trail
        assert trail.repeats < LoopSettings().repeats, request.name
        assert (trail.repeats > 0) == (trail.tool != "") == (trail.calls != 0), request.name
