"""What OpenAI's two protocols have in common besides their bodies."""

from __future__ import annotations

from tokenguard.simulator.values import encode, mint

_TYPES = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("service_unavailable_error", None),
}


def failure(status: int, message: str, key: str) -> bytes:
    """An error as a JSON document; `key` is not used, the id stands in the headers."""
    kind, code = _TYPES.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    return encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def headers(key: str) -> dict[str, str]:
    """Headers that name the request."""
    return {
        "x-request-id": mint(key, "req_", 32),
        "openai-organization": "simulated-organization",
        "openai-processing-ms": "7",
        "openai-version": "2020-10-01",
    }
