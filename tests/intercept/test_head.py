from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.intercept.head import Credentials, Head, is_for_proxy, read


def head(first: str, *headers: str) -> Head:
    found = read("\r\n".join([first, *headers, "", ""]).encode("latin-1"))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("begin", "answer"),
    [
        (b"CONNECT api.openai.com:443 HTTP/1.1", True),
        (b"GET http://example.com/ HTTP/1.1", True),
        (b"POST HTTP://example.com/ HTTP/1.1", True),
        (b"POST /s/TOKEN/anthropic/v1/messages HTTP/1.1", False),
        (b"OPTIONS * HTTP/1.1", False),
        (b"GET https://example.com/ HTTP/1.1", False),
        (b"GET httpd HTTP/1.1", False),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 20, False),
        (b"x" * 21, False),
        (b"", None),
        (b"CONNEC", None),
        (b"GET ", None),
        (b"GET http", None),
        (b"GET http:/", None),
    ],
)
def test_requests_to_a_proxy_are_told_from_those_to_a_server(begin: bytes, answer: bool | None) -> None:
    assert is_for_proxy(begin) is answer


@given(st.sampled_from([b"CONNECT a:1 HTTP/1.1", b"GET http://a/ HTTP/1.1", b"POST /s/t/x HTTP/1.1", b"GET httpx"]))
def test_no_part_of_it_says_otherwise_than_the_whole(begin: bytes) -> None:
    whole = is_for_proxy(begin)
    assert {is_for_proxy(begin[:cut]) for cut in range(len(begin))} <= {None, whole}


@pytest.mark.parametrize(
    ("target", "host", "port", "authority"),
    [
        ("api.openai.com:443", "api.openai.com", 443, "api.openai.com:443"),
        ("API.OpenAI.com.:443", "api.openai.com", 443, "api.openai.com:443"),
        ("[::1]:8443", "::1", 8443, "[::1]:8443"),
        ("10.0.0.1:22", "10.0.0.1", 22, "10.0.0.1:22"),
    ],
)
def test_a_tunnel_is_to_a_host_and_a_port(target: str, host: str, port: int, authority: str) -> None:
    found = head(f"CONNECT {target} HTTP/1.1", "Host: other")
    assert (found.tunnel, found.host, found.port, found.authority) == (True, host, port, authority)


@pytest.mark.parametrize(
    ("target", "host", "port", "path"),
    [
        ("http://example.com", "example.com", 80, b"/"),
        ("http://example.com/a%20b?c=%2F&d", "example.com", 80, b"/a%20b?c=%2F&d"),
        ("http://example.com?q", "example.com", 80, b"/?q"),
        ("http://example.com/?", "example.com", 80, b"/?"),
        ("http://EXAMPLE.com:8000/X//y#z", "example.com", 8000, b"/X//y#z"),
        ("http://[fd00::1]:81/", "fd00::1", 81, b"/"),
    ],
)
def test_any_other_request_names_its_host_in_its_target(target: str, host: str, port: int, path: bytes) -> None:
    found = head(f"GET {target} HTTP/1.1")
    assert (found.tunnel, found.host, found.port, found.path) == (False, host, port, path)


@pytest.mark.parametrize(
    "first",
    [
        "CONNECT example.com HTTP/1.1",
        "CONNECT :443 HTTP/1.1",
        "CONNECT example.com:x HTTP/1.1",
        "CONNECT example.com:99999 HTTP/1.1",
        "CONNECT user@example.com:443 HTTP/1.1",
        "CONNECT example.com:443/path HTTP/1.1",
        "CONNECT example.com:443?x HTTP/1.1",
        "CONNECT example.com:443",
        "CONNECT example.com:443 HTTP/2",
        "GET http:// HTTP/1.1",
        "GET http://user:pw@example.com/ HTTP/1.1",
        "GET ftp://example.com/ HTTP/1.1",
        "GET http://a b/ HTTP/1.1",
        "",
    ],
)
def test_what_is_no_request_to_a_proxy_is_not_read_as_one(first: str) -> None:
    assert read(f"{first}\r\n\r\n".encode()) is None


@pytest.mark.parametrize("line", ["no colon", " folded: x", ": nameless", "Host : x"])
def test_headers_that_others_may_read_otherwise_are_refused(line: str) -> None:
    assert read(f"CONNECT a:1 HTTP/1.1\r\n{line}\r\n\r\n".encode()) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_it(raw: bytes) -> None:
    read(raw + b"\r\n\r\n")
    read(b"CONNECT " + raw + b" HTTP/1.1\r\n\r\n")
    read(b"GET http://" + raw + b" HTTP/1.1\r\n\r\n")


def basic(text: bytes) -> str:
    return f"Proxy-Authorization: Basic {base64.b64encode(text).decode()}"


def test_credentials_are_those_of_the_proxy_s_url() -> None:
    assert head("CONNECT a:1 HTTP/1.1", basic(b"09b9:token")).credentials() == Credentials("09b9", "token")
    lower = "proxy-authorization:  basic   " + base64.b64encode(b"09b9:to:ken").decode()
    assert head("CONNECT a:1 HTTP/1.1", lower).credentials() == Credentials("09b9", "to:ken")


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Basic YTpi",
        "Proxy-Authorization: Bearer YTpi",
        "Proxy-Authorization: Basic !",
        "Proxy-Authorization:",
        basic(b"no colon"),
        basic(b"\xff\xfe:x"),
    ],
)
def test_others_are_none(line: str) -> None:
    assert head("CONNECT a:1 HTTP/1.1", line).credentials() is None


def test_what_is_sent_on_says_nothing_of_our_proxy() -> None:
    found = head(
        "POST http://example.com:81/x?y HTTP/1.1",
        "Host: other",
        basic(b"id:token"),
        "proxy-connection: keep-alive",
        "Connection: keep-alive",
        "X-Own: a:  b ",
    )
    assert found.sent_on() == (
        b"POST /x?y HTTP/1.1\r\nHost: example.com:81\r\nX-Own: a:  b\r\nConnection: close\r\n\r\n"
    )
    assert found.sent_on(to_proxy=True, authorization=b"Basic eA==") == (
        b"POST http://example.com:81/x?y HTTP/1.1\r\nHost: example.com:81\r\nX-Own: a:  b\r\n"
        b"Proxy-Authorization: Basic eA==\r\nConnection: close\r\n\r\n"
    )


def test_a_change_of_protocol_stays_one() -> None:
    found = head("GET http://example.com/ws HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket")
    assert (
        found.sent_on() == b"GET /ws HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    assert found.sent_on(to_proxy=True).startswith(b"GET http://example.com/ws HTTP/1.1\r\n")
