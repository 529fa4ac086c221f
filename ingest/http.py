"""The one room with a network in it: pacing, deadlines, retries, size caps, host allow-list.

What leaves is one GET at a time, over https, to a host on the list, under an honest name.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import ipaddress
import re
import socket
import threading
import time
import zlib
from collections import defaultdict
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ingest.errors import FetchError, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CHUNK = 64 * 1024  # bytes
_REDIRECTS = 5
_LATER = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that mean "not now"; any other above 399 means that the request is wrong."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait and how much to take. Times in seconds, sizes in bytes."""

    connect: float = 10.0
    read: float = 30.0
    """The longest silence."""
    total: float = 120.0
    """For one answer: a server that sends a byte a second is never silent."""
    wire: int = 20_000_000
    inflated: int = 100_000_000
    ratio: int = 100
    """Of inflated to wire size, once the inflated size passes a megabyte."""
    retries: int = 4
    backoff: float = 5.0
    """Before the first retry; doubled before each further one."""
    budget: float = 300.0
    """For all waiting between the tries of one fetch."""


class Session(requests.Session):
    """A requests session that only GETs, and only as the rules above allow.

    Each request, redirects included, goes through `send`, so a library that is handed this
    session is held to the rules too. `fetch` adds patience: redirects, retries, body checks.
    Proxies and .netrc are ignored: what is checked is what is reached.
    """

    def __init__(
        self,
        hosts: Mapping[str, float],
        *,
        contact: str = "",
        limits: Limits | None = None,
        private: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set the rules.

        Args:
            hosts: The only hosts to talk to, each with the seconds between two requests.
            contact: An address at which the operators of a source can reach the user.
            limits: How long to wait and how much to take.
            private: Allow http and addresses that are not public. For tests.
            clock: Seconds that never go back; the wall clock may step.
            sleep: Waits that many seconds.
        """
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # keep none
        self.headers["User-Agent"] = user_agent(contact)
        self.headers["Accept-Encoding"] = "gzip"
        self.headers["Connection"] = "close"
        self._hosts = dict(hosts)
        self._limits = limits or Limits()
        self._private = private
        self._clock = clock
        self._sleep = sleep
        self._next: defaultdict[str, float] = defaultdict(lambda: float("-inf"))
        self._socket: socket.socket | None = None
        self._adapter = _Adapter(self._connected)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    # -- one request ----------------------------------------------------------------------

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one GET and read its whole answer, within the limits; follow nothing.

        Raises:
            FetchError: The answer is too slow or too large.
            ParseError: The address is not one we may talk to.
            requests.RequestException: The connection failed.
        """
        url = str(request.url)
        host = self._admit(url)
        if request.method != "GET":
            raise ParseError(host, url, f"refused to send a {request.method} request")
        site = ".".join(host.split(".")[-2:])  # the limits of a source hold for all its hosts
        wait = self._next[site] - self._clock()
        if wait > 0:
            self._sleep(wait)
        kwargs.update(
            allow_redirects=False,
            stream=True,
            timeout=(self._limits.connect, self._limits.read),
            verify=True,
            proxies={},
        )
        try:
            with self._deadline():
                response = super().send(request, **kwargs)
                try:
                    response._content = self._body(response)
                finally:
                    response.close()
        finally:
            self._next[site] = self._clock() + self._hosts[host]
            # At one request in three seconds a kept connection saves nothing, and one that
            # the server has closed meanwhile costs a try.
            self._adapter.close()
        return response

    def resolve_redirects(self, *_args: Any, **_kwargs: Any) -> Iterator[Any]:
        """Follow nothing: requests would read a redirect's body without a cap."""
        return iter(())

    def _admit(self, url: str) -> str:
        """The host of a URL we may talk to."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
            plain = parts.scheme == "https" and parts.port in (None, 443)
        except ValueError:
            host, plain = "", False
        if host not in self._hosts:
            raise ParseError(
                host[:80] or "no host",
                url[:200],
                "not on the list of hosts we may talk to",
                "check the source's address",
            )
        if not plain and not self._private:
            raise ParseError(host, url[:200], "not a plain https address")
        return host

    def _connected(self, sock: socket.socket) -> None:
        """Look at the address that was reached, since a name may resolve to anything."""
        self._socket = sock
        address = ipaddress.ip_address(sock.getpeername()[0].partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if not address.is_global and not self._private:
            raise ParseError(
                "network", str(address), "the host's name leads to an address that is not public"
            )

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Hang up when one answer takes too long.

        A timer, since the time limits of a socket are for one read: a server that drips its
        headers byte by byte would hold us for ever inside a single call.
        """
        late = threading.Event()

        def hang_up() -> None:
            late.set()
            if self._socket is not None:
                with contextlib.suppress(OSError):  # already closed
                    self._socket.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._limits.total, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if late.is_set():
                raise _Slow(f"no whole answer within {self._limits.total:g} s") from error
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(error) from error
        finally:
            timer.cancel()
        if late.is_set():  # the connection was cut where the answer seemed to end
            raise _Slow(f"no whole answer within {self._limits.total:g} s")

    def _body(self, response: requests.Response) -> bytes:
        url = str(response.url)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", "x-gzip", ""):
            raise ParseError(urlsplit(url).hostname or "", url, f"unknown coding {coding[:40]!r}")
        inflate = zlib.decompressobj(wbits=31) if "gzip" in coding else None
        length = response.headers.get("Content-Length", "")
        parts: list[bytes] = []
        wire = size = 0
        # read1 returns what one read of the socket brought, so that no limit waits on another.
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            wire += len(chunk)
            self._cap(url, wire, self._limits.wire, "on the wire")
            while chunk:
                piece = chunk
                if inflate:
                    try:
                        piece = inflate.decompress(chunk, _CHUNK)
                    except zlib.error as error:
                        raise requests.exceptions.ContentDecodingError(str(error)) from error
                chunk = inflate.unconsumed_tail if inflate else b""
                size += len(piece)
                self._cap(url, size, self._limits.inflated, "inflated")
                if size > 1_000_000:
                    self._cap(url, size, wire * self._limits.ratio, "inflated, a bomb's ratio")
                parts.append(piece)
        if inflate and wire and not inflate.eof:
            raise requests.exceptions.ContentDecodingError("the compressed answer is cut off")
        if length.isdigit() and wire < int(length):
            raise requests.ConnectionError(f"{wire} of {length} bytes arrived")
        return b"".join(parts)

    def _cap(self, url: str, size: int, limit: int, where: str) -> None:
        if size > limit:
            raise ParseError(
                urlsplit(url).hostname or "", url, f"answer above {limit:,} bytes {where}"
            )

    # -- patience ---------------------------------------------------------------------------

    def fetch(self, url: str, check: Callable[[bytes], str]) -> bytes:
        """Return the body at `url`, with patience; see `ingest.records.Fetch`.

        Follows redirects to listed hosts. Waits as the server asks (Retry-After in seconds
        or as a date) or ever longer, within a budget.

        Raises:
            FetchError: Not now: the budget or the tries are used up.
            ParseError: Not ever: the host is not listed, or the server says that the request
                is wrong.
        """
        host = urlsplit(url).hostname or url
        waited = 0.0
        for attempt in range(self._limits.retries + 1):
            asked: float | None = None
            host_wide = True
            try:
                response = self._follow(url)
            except requests.RequestException as error:
                reason = _reason(error)
            else:
                if response.status_code in _LATER:
                    reason = f"HTTP {response.status_code}"
                    asked = retry_after(response.headers)
                elif response.status_code != 200:
                    raise ParseError(host, url, _told(response), "the request itself is refused")
                elif not (reason := check(response.content)):
                    return response.content
                else:
                    host_wide = False
            wait = self._limits.backoff * 2**attempt if asked is None else asked
            if waited + wait > self._limits.budget:
                said = "asked us" if asked is not None else "we would have"
                raise FetchError(
                    host,
                    url,
                    f"{reason}, {said} to wait {wait:.0f} s more",
                    "run it again later",
                    is_host_wide=host_wide,
                )
            if attempt < self._limits.retries:
                waited += wait
                self._sleep(wait)
        raise FetchError(
            host,
            url,
            f"{reason}, {self._limits.retries + 1} times",
            "run it again later",
            is_host_wide=host_wide,
        )

    def _follow(self, url: str) -> requests.Response:
        for _ in range(_REDIRECTS):
            response = self.get(url)
            target = self.get_redirect_target(response)
            if not target:
                return response
            try:
                url = urljoin(url, target)
            except ValueError as error:
                raise ParseError(url, target[:200], "the redirect is not an address") from error
        raise ParseError(urlsplit(url).hostname or "", url[:200], "too many redirects")


class _Slow(requests.Timeout):
    """The deadline for a whole answer passed."""


def user_agent(contact: str = "") -> str:
    """Return what we call ourselves: the name, the version, and whom to write to.

    Examples:
        >>> user_agent("ada@example.org").partition("/")[0]
        'dissensus'
    """
    try:
        number = version("dissensus")
    except PackageNotFoundError:  # run from a bare checkout
        number = "0"
    about = f"; {_plain(contact)}" if contact else ""
    return f"dissensus/{number} (literature knowledge base{about})"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait, None where it does not say.

    A date is measured against the answer's own Date, so that our clock does not matter.

    Source:
        RFC 9110, section 10.2.3.

    Examples:
        >>> retry_after({"Retry-After": "7"})
        7.0
        >>> retry_after({"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT",
        ...              "Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
        60.0
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    try:
        now = email.utils.parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        now = dt.datetime.now(dt.UTC)
    if until.tzinfo is None or now.tzinfo is None:  # "-0000" says that the zone is unknown
        until, now = until.replace(tzinfo=dt.UTC), now.replace(tzinfo=dt.UTC)
    return max(0.0, (until - now).total_seconds())


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, _Slow):
        return str(error)
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate cannot be verified"
    return f"the connection failed: {_plain(str(error))[-160:]}"


def _plain(text: str) -> str:
    """Text of others on one line that is safe to print on a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _told(response: requests.Response) -> str:
    """The status, with the start of what the page says in plain text."""
    text = response.content[:4000].decode("utf-8", "replace")
    said = _plain(re.sub(r"<[^>]*>", " ", text))[:300]
    return f"HTTP {response.status_code}" + (f", which says: {said}" if said else "")


# -- connections ----------------------------------------------------------------------------


class _Adapter(HTTPAdapter):
    """An adapter whose connections report the socket they opened, before anything is sent."""

    def __init__(self, connected: Callable[[socket.socket], None]) -> None:
        self._connected = connected
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, see `requests.adapters.HTTPAdapter`."""
        super().init_poolmanager(*args, **kwargs)
        connected = self._connected

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                connected(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                connected(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
