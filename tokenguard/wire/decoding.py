"""JSON that others wrote, read without ever failing: what fits is taken, the rest counts as absent."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0, le=1 << 53)]
"""A number of tokens or calls; what is negative or beyond all reason is not believed."""

T = TypeVar("T")

_MOST_USD = 1_000_000
"""No call costs more; a larger figure is not believed."""

FAILURES = (msgspec.MsgspecError, RecursionError, ValueError)
"""What decoding raises: `ValueError` is text that is no UTF-8, `RecursionError` a document that is nested too deep."""


class Reader(Generic[T]):
    """Decodes JSON into a type whose fields all have defaults; only those fields are built, the rest is skipped."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind, strict=False)

    def read(self, data: bytes) -> tuple[T | None, bool]:
        """The value, and whether all of it fitted; None for what is not JSON or of a wholly different shape."""
        try:
            return self._decoder.decode(data), True
        except FAILURES:
            return self._salvaged(data), False

    def _salvaged(self, data: bytes) -> T | None:
        try:
            # The standard library takes what some servers write and JSON does not allow: NaN, numbers beyond all range.
            value = json.loads(data.decode("utf-8", "replace"))
            if b"\\u" in data:
                # It takes halves of characters too, which nobody can write down.
                value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
            return cast(T, _fit(value, self._kind))
        except FAILURES:
            return None


def nanos_of_usd(usd: Decimal | None) -> int | None:
    """A provider's own figure in nanodollars, rounded half up."""
    if usd is None or not usd.is_finite() or not 0 <= usd <= _MOST_USD:
        return None
    return int((usd * 1_000_000_000).to_integral_value(ROUND_HALF_UP))


def nanos_of_ticks(ticks: int | None) -> int | None:
    """xAI's figure, in 10^-10 USD, in nanodollars, rounded half up."""
    return None if ticks is None else (ticks + 5) // 10


def _fit(value: object, kind: Any) -> object:
    """`value` as `kind` without the fields and elements that do not fit; `ValidationError` if nothing does."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        for option in get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,):
            if isinstance(value, list) and get_origin(option) is list:
                return _fitting(cast("list[object]", value), get_args(option)[0])
            if isinstance(value, dict) and isinstance(option, type) and issubclass(option, Struct):
                return _struct(cast("dict[str, object]", value), option)
        raise


def _fitting(values: list[object], kind: Any) -> list[object]:
    fitting: list[object] = []
    for value in values:
        try:
            fitting.append(_fit(value, kind))
        except msgspec.ValidationError:
            continue
    return fitting


def _struct(value: dict[str, object], kind: type[Struct]) -> Struct:
    fitting: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            try:
                fitting[field.name] = _fit(value[field.encode_name], field.type)
            except msgspec.ValidationError:
                continue
    return kind(**fitting)
