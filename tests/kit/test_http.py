"""The outbound client against a real server on loopback, which it must refuse unless a test says otherwise."""

import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from towpath.kit.errors import Forbidden, Invalid, NotFound, Unavailable
from towpath.kit.http import Client, is_public

LOOPBACK = ipaddress.ip_address("127.0.0.1")


class Handler(BaseHTTPRequestHandler):
    seen: list[dict[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
        port = self.server.server_address[1]
        targets = {
            "/inside": f"http://inside.example:{port}/secret",
            "/elsewhere": f"http://other.example:{port}/plain",
            "/file": "file:///etc/passwd",
            "/loop": "/loop",
        }
        status = 302 if self.path in targets else 404 if self.path.startswith("/missing") else 200
        body = b"x" * (200_000 if self.path == "/big" else 5)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", targets[self.path])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Handler.seen.clear()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def client(**changes):
    """A client that believes two names of the loopback server to be public, and `inside.example` to be private."""

    def resolve(host, port):
        return [ipaddress.ip_address("127.0.0.2") if host == "inside.example" else LOOPBACK]

    return Client(**{"allow": ["*.example"], "resolve": resolve, "public": lambda one: one == LOOPBACK, **changes})


def test_an_allowed_public_host_answers_under_its_own_name(port):
    assert client().get(f"http://good.example:{port}/plain") == b"xxxxx"
    assert Handler.seen[0]["host"] == f"good.example:{port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"])
def test_loopback_is_refused_even_when_allowed(port, host):
    with pytest.raises((Forbidden, Unavailable)):
        Client(allow=["*"]).get(f"http://{host}:{port}/plain")
    assert Handler.seen == []


def test_a_host_that_is_not_allowed_is_never_looked_up():
    def resolve(host, port):
        raise AssertionError("looked up")

    with pytest.raises(Forbidden, match=r"bad\.org"):
        client(resolve=resolve).get("http://bad.org/")


def test_a_name_with_one_private_address_among_public_ones_is_refused(port):
    both = [LOOPBACK, ipaddress.ip_address("10.0.0.1")]
    with pytest.raises(Forbidden):
        client(resolve=lambda host, port: both).get(f"http://good.example:{port}/plain")


@pytest.mark.parametrize("path", ["/inside", "/file"])
def test_a_redirect_is_checked_like_the_first_address(port, path):
    with pytest.raises((Forbidden, Invalid)):
        client().get(f"http://good.example:{port}{path}")
    assert [one["path"] for one in Handler.seen] == [path]


def test_credentials_do_not_follow_a_redirect_to_another_host(port):
    secret = client(headers={"authorization": "Bearer sesame"})
    assert secret.get(f"http://good.example:{port}/elsewhere") == b"xxxxx"
    assert [one.get("authorization") for one in Handler.seen] == ["Bearer sesame", None]
    assert "sesame" not in repr(secret)


def test_limits_and_statuses_become_errors(port):
    address = f"http://good.example:{port}"
    with pytest.raises(NotFound):
        client().get(f"{address}/missing")
    with pytest.raises(Unavailable, match="larger"):
        client(limit_bytes=1000).get(f"{address}/big")
    with pytest.raises(Unavailable, match="redirects"):
        client().get(f"{address}/loop")


def test_an_error_shows_no_query_and_no_password(port):
    with pytest.raises(NotFound) as caught:
        client().get(f"http://good.example:{port}/missing?token=sesame")
    assert "sesame" not in str(caught.value)
    with pytest.raises(Invalid) as refused:
        client().get("http://me:sesame@good.example/")
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["10.1.2.3", "169.254.169.254", "192.168.0.1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "224.0.0.1", "100.64.0.1"],
)
def test_addresses_inside_networks_are_not_public(text):
    assert not is_public(ipaddress.ip_address(text))
    assert is_public(ipaddress.ip_address("1.1.1.1"))
