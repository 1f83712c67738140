from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

from tokenguard.cli.agents.gate import Gate


def test_nobody_gets_through_and_who_was_asked_for_is_noted() -> None:
    with Gate() as gate:
        assert set(gate.variables) == {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}
        port = urlsplit(gate.variables["HTTPS_PROXY"]).port
        for method, target in (("CONNECT", "api.example.com:443"), ("GET", "http://other.example/path")):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, target)
            assert connection.getresponse().status == 403
            connection.close()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as confused:
            confused.sendall(b"\x16\x03\x01\r\n")
            assert confused.recv(1) == b""
        assert gate.hosts() == ("api.example.com", "other.example")
        assert gate.hosts() == ()
