"""The one way out: allowed hosts only, no private address after DNS and on each redirect, the address pinned, all limited.

A host is allowed by `fetch_allow` (patterns such as `*.example.com`). What is looked up is what is connected to, so a
name cannot change its address in between. Credentials travel in headers only, never to another host, never to a log.
"""

import fnmatch
import ipaddress
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from towpath.kit import settings
from towpath.kit.errors import Forbidden, Invalid, NotFound, Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5


def lookup(host: str, port: int) -> list[Address]:
    """Every address of a host name; raises Unavailable when it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"'{host}' has no address", hint="check the name and the network of this host") from error
    return [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet: not private, loopback, link-local, reserved, nor one mapped into IPv6."""
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    return address.is_global and inner.is_global and not inner.is_multicast and not inner.is_reserved


@dataclass(frozen=True)
class Answer:
    """What a server answered: `url` is the last one after redirects, `data` at most the limit."""

    status: int
    headers: Mapping[str, str]
    data: bytes
    url: str


@dataclass(frozen=True)
class Client:
    """An outbound client; `allow` defaults to the setting `fetch_allow`, the rest is for tests."""

    allow: Sequence[str] | None = None
    resolve: Callable[[str, int], Sequence[Address]] = lookup
    public: Callable[[Address], bool] = is_public
    timeout_s: float = 10.0
    limit_bytes: int = 8_000_000
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, url: str) -> bytes:
        """The body behind `url`. Raises NotFound for 404 and 410, Unavailable for every other failure, Forbidden for
        a host or address that is not allowed, Invalid for a URL that is not http(s) or carries credentials."""
        answer = self.request("GET", url)
        if answer.status in (404, 410):
            raise NotFound(f"{_shown(url)} does not exist")
        if answer.status >= 300:
            raise Unavailable(
                f"{_shown(url)} answered {answer.status}", hint="open the address in a browser, or try again"
            )
        return answer.data

    def request(self, method: str, url: str, content: bytes | None = None) -> Answer:
        """One request with its redirects, each checked like the first. Raises as `get`, but gives every status back."""
        until = time.monotonic() + self.timeout_s
        current, headers = httpx.URL(_parsed(url)), dict(self.headers)
        with httpx.Client(trust_env=False, timeout=self.timeout_s, follow_redirects=False) as client:
            for _ in range(MOST_REDIRECTS + 1):
                answer = self._once(client, method, current, headers, content, until)
                if answer.status not in REDIRECTS or "location" not in answer.headers:
                    return answer
                following = httpx.URL(_parsed(str(current.join(answer.headers["location"]))))
                if (following.scheme, following.host, following.port) != (current.scheme, current.host, current.port):
                    headers = {}
                if answer.status not in (307, 308):
                    method, content = "GET" if method != "HEAD" else method, None
                current = following
        raise Unavailable(f"{_shown(url)} redirects more than {MOST_REDIRECTS} times")

    def _once(  # noqa: PLR0917 (one request, in full)
        self,
        client: httpx.Client,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | None,
        until: float,
    ) -> Answer:
        address = self._pinned(url)
        host = f"[{address}]" if address.version == 6 else str(address)
        request = client.build_request(
            method,
            url.copy_with(host=host),
            headers={"user-agent": "towpath", **headers, "host": url.netloc.decode()},
            content=content,
            extensions={"sni_hostname": url.host},
        )
        try:
            response = client.send(request, stream=True)
            try:
                data = self._body(response, url, until)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{_shown(str(url))} did not answer ({type(error).__name__})", hint="try again later"
            ) from error
        return Answer(response.status_code, dict(response.headers), data, str(url))

    def _pinned(self, url: httpx.URL) -> Address:
        host = url.host.lower().rstrip(".")
        allowed = settings.current().fetch_allow if self.allow is None else self.allow
        if not any(fnmatch.fnmatchcase(host, pattern.lower()) for pattern in allowed):
            raise Forbidden(f"fetching from '{host}' is not allowed", hint="add the host to the setting 'fetch_allow'")
        addresses = self.resolve(host, url.port or (443 if url.scheme == "https" else 80))
        if not addresses:
            raise Unavailable(f"'{host}' has no address", hint="check the name and the network of this host")
        if not all(self.public(one) for one in addresses):
            raise Forbidden(f"'{host}' has an address inside a private network", hint="give an address of the internet")
        return addresses[0]

    def _body(self, response: httpx.Response, url: httpx.URL, until: float) -> bytes:
        data = bytearray()
        for chunk in response.iter_bytes(65536):
            data += chunk
            if len(data) > self.limit_bytes:
                raise Unavailable(f"{_shown(str(url))} is larger than {self.limit_bytes} bytes")
            if time.monotonic() > until:
                raise Unavailable(f"{_shown(str(url))} took longer than {self.timeout_s:g} s")
        return bytes(data)


def _parsed(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Invalid(
            "that is not a URL", hint="give an address such as 'https://example.com/catalog-info.yaml'"
        ) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Invalid("only http and https addresses can be fetched", hint="give one such as 'https://example.com/…'")
    if parsed.userinfo:
        raise Invalid("an address must not carry credentials", hint="leave out 'user:password@'")
    return url


def _shown(url: str) -> str:
    """A URL as errors and logs may show it: without query and fragment, where tokens hide."""
    return str(httpx.URL(url).copy_with(query=None, fragment=None))
