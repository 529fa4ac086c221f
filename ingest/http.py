"""The one room with a network in it: pacing, deadlines, retries, size caps, host allow-list.

What leaves is one request at a time, over https, to a host on the list, under an honest name.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import io
import ipaddress
import json
import re
import socket
import threading
import time
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ingest.cache import Cache, Kept
from ingest.errors import BlockedError, FetchError, ParseError
from kb.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_CHUNK = 64 * 1024  # bytes
_REDIRECTS = 5
_LATER = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that mean "not now"."""
_CLOSED = {
    401: "check the credentials for this source",
    403: "it may want credentials, or to be left alone; what is known of it is kept",
}
"""Statuses that mean "not you", and what to do; any other above 399 means that the request is
wrong."""
_OURS = {
    "accept-encoding", "connection", "content-length", "cookie", "host", "transfer-encoding",
    "user-agent",
}  # fmt: skip
"""Headers that no source sets."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What may be the name of a header: RFC 9110, section 5.6.2."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that end in an IPv4 address: RFC 6052, section 2.1."""


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


@dataclass(slots=True)
class Tally:
    """What was asked and what came, each retry and each redirect counted."""

    requests: int = 0
    bytes: int = 0
    """Of the answers' bodies as they came over the wire, compressed where they were."""
    hosts: dict[str, Tally] = field(default_factory=dict)
    """The same for each host."""

    def add(self, host: str, requests: int = 0, bytes: int = 0) -> None:
        """Count something for one host and in all."""
        for tally in (self, self.hosts.setdefault(host, Tally())):
            tally.requests += requests
            tally.bytes += bytes


class Session(requests.Session):
    """A requests session that asks only as the rules above allow.

    Each request, redirects included, goes through `_exchange`, so a library that is handed
    this session is held to the rules too; it can only GET. `fetch` adds patience: redirects,
    retries, body checks. Proxies and .netrc are ignored: what is checked is what is reached.

    One session serves a whole run, so that the pauses hold over all that the run asks. Two
    sessions know nothing of each other.
    """

    def __init__(
        self,
        hosts: Mapping[str, float],
        *,
        contact: str = "",
        limits: Limits | None = None,
        cache: Path | None = None,
        private: bool = False,
        via: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set the rules.

        Args:
            hosts: The only hosts to talk to, each with the seconds between two requests.
                Hosts of one site share a pace, the slowest of theirs.
            contact: An address at which the operators of a source can reach the user; ""
                for none.
            limits: How long to wait and how much to take.
            cache: The folder for bodies that are kept (`ingest.cache`); None keeps none.
            private: Allow http and addresses that are not public. For tests, and for a server
                on this machine.
            via: Host -> base address to reach in its place, "http://127.0.0.1:8000". For
                tests, and only together with `private`. List, pace and errors go by the
                host; the server is told it in the Host header.
            clock: Seconds that never go back; the wall clock may step.
            sleep: Waits that many seconds.

        Raises:
            ValueError: `via` without `private`.
        """
        if via and not private:
            raise ValueError("via is for tests: it needs private=True")
        super().__init__()
        self.tally = Tally()
        """What this session has asked so far."""
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # keep none
        self.headers["User-Agent"] = user_agent(contact)
        self.headers["Accept-Encoding"] = "gzip"
        self.headers["Connection"] = "close"
        self._hosts = {host.lower() for host in hosts}
        self._pauses: defaultdict[str, float] = defaultdict(float)
        for host, pause in hosts.items():
            self._pauses[_site(host)] = max(self._pauses[_site(host)], pause)
        self._limits = limits or Limits()
        self._cache = Cache(cache) if cache else None
        self._private = private
        self._via = {host.lower(): base.rstrip("/") for host, base in (via or {}).items()}
        self._clock = clock
        self._sleep = sleep
        self._next: defaultdict[str, float] = defaultdict(lambda: float("-inf"))
        self._turn = threading.Lock()  # one request at a time, whoever asks
        self._line: socket.socket | None = None
        self._late = threading.Event()
        self._adapter = _Adapter(self._reached)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    # -- one request ----------------------------------------------------------------------

    def send(self, request: requests.PreparedRequest, **_kwargs: Any) -> requests.Response:
        """Send one GET and read its whole answer, within the limits; follow nothing.

        Raises:
            ParseError: The address is not one we may talk to, or the answer is too large.
            requests.RequestException: The connection failed, or the answer is too slow.
        """
        if request.method != "GET":
            host = self._admit(str(request.url))
            raise ParseError(host, str(request.url), f"refused to send a {request.method} request")
        return self._exchange(request)

    def _exchange(self, request: requests.PreparedRequest) -> requests.Response:
        host = self._admit(str(request.url))
        site = _site(host)
        sent = request
        if base := self._via.get(host):
            sent = request.copy()
            sent.url = base + request.path_url
            sent.headers["Host"] = host
        with self._turn:
            wait = self._next[site] - self._clock()
            if wait > 0:
                self._sleep(wait)
            self.tally.add(host, requests=1)
            try:
                with self._deadline():
                    response = super().send(
                        sent,
                        allow_redirects=False,
                        stream=True,
                        timeout=(self._limits.connect, self._limits.read),
                        verify=True,
                        proxies={},
                    )
                    response.url = str(request.url)
                    try:
                        response._content = self._body(response, host)
                    finally:
                        response.close()
            finally:
                self._next[site] = self._clock() + self._pauses[site]
                self._hang_up()
        return response

    def resolve_redirects(self, *_args: Any, **_kwargs: Any) -> Iterator[Any]:
        """Follow nothing: requests would read a redirect's body without a cap."""
        return iter(())

    def _admit(self, url: str) -> str:
        """The host of a URL we may talk to."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
            # The two parsers must agree on whom this leads to. A name before an @ is not for
            # a public address, and a password there would be printed with it.
            sound = (
                parts.scheme in ("http", "https")
                and (urllib3.util.parse_url(url).host or "").strip("[]") == host
                and "@" not in parts.netloc
            )
            plain = parts.scheme == "https" and parts.port in (None, 443)
        except ValueError:
            host, sound, plain = "", False, False
        shown = _plain(re.sub(r"//[^/?#]*@", "//", url))[:200]
        if host not in self._hosts:
            raise ParseError(
                _plain(host)[:80] or "no host",
                shown,
                "not on the list of hosts we may talk to",
                "check the source's address",
            )
        if not sound or not (plain or self._private):
            raise ParseError(host, shown, "not a plain https address")
        return host

    def _reached(self, sock: socket.socket) -> None:
        """Look at the address that was reached, since a name may resolve to anything."""
        address = ipaddress.ip_address(sock.getpeername()[0].partition("%")[0])
        if not self._private and not public(address):
            raise ParseError(
                "network", str(address), "the host's name leads to an address that is not public"
            )
        # A second handle on the connection: encryption takes the first one over.
        self._line = sock.dup()
        if self._late.is_set():
            raise TimeoutError

    def _hang_up(self) -> None:
        """End the connection now, whoever still holds a handle on it.

        Left to itself it stays open as long as an answer or an error refers to it, beside the
        next one. At one request in three seconds a kept connection saves nothing, and one that
        the server has closed meanwhile costs a try.
        """
        if self._line is not None:
            with contextlib.suppress(OSError):  # already cut
                self._line.shutdown(socket.SHUT_RDWR)
            self._line.close()
            self._line = None
        self._adapter.close()

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Hang up when one answer takes too long.

        A timer, since the time limits of a socket are for one read: a server that drips its
        headers byte by byte would hold us for ever inside a single call.
        """
        late = self._late = threading.Event()

        def hang_up() -> None:
            late.set()
            if (line := self._line) is not None:
                with contextlib.suppress(OSError):  # already closed
                    line.shutdown(socket.SHUT_RDWR)

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

    def _body(self, response: requests.Response, host: str) -> bytes:
        url = response.url
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        inflate = zlib.decompressobj(wbits=31) if coding in ("gzip", "x-gzip") else None
        whole = io.BytesIO()  # gives its bytes away without a second copy
        wire = size = 0
        # read1 returns what one read of the socket brought, so that no limit waits on another.
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            wire += len(chunk)
            self.tally.add(host, bytes=len(chunk))
            self._cap(url, wire, self._limits.wire, "on the wire")
            if coding not in ("identity", "gzip", "x-gzip", ""):
                raise ParseError(host, url, f"unknown coding {_plain(coding)[:40]!r}")
            while chunk:
                piece, rest = chunk, b""
                if inflate:
                    if inflate.eof:  # gzip may come in several members, one after another
                        inflate = zlib.decompressobj(wbits=31)
                    try:
                        piece = inflate.decompress(chunk, _CHUNK)
                    except zlib.error as error:
                        raise requests.exceptions.ContentDecodingError(str(error)) from error
                    rest = inflate.unconsumed_tail or inflate.unused_data
                chunk = rest
                size += len(piece)
                self._cap(url, size, self._limits.inflated, "inflated")
                if size > 1_000_000:
                    self._cap(url, size, wire * self._limits.ratio, "inflated, a bomb's ratio")
                whole.write(piece)
        if inflate and wire and not inflate.eof:
            raise requests.exceptions.ContentDecodingError("the compressed answer is cut off")
        length = response.headers.get("Content-Length", "")
        chunked = response.headers.get("Transfer-Encoding", "").strip().lower() == "chunked"
        if response.status_code in (204, 304):  # may name the length of a body it does not send
            return b""
        if length.isascii() and length.isdigit():
            if wire < int(length[:18]):
                raise requests.ConnectionError(f"{wire} of {length[:18]} bytes arrived")
        elif not wire and not chunked and "Location" not in response.headers:
            # Where the connection ends among the headers, those that came look like all.
            raise requests.ConnectionError("the answer ends before its body")
        return whole.getvalue()

    def _cap(self, url: str, size: int, limit: int, where: str) -> None:
        if size > limit:
            raise ParseError(
                urlsplit(url).hostname or "", url, f"answer above {limit:,} bytes {where}"
            )

    # -- patience ---------------------------------------------------------------------------

    def fetch(
        self,
        url: str,
        check: Callable[[bytes], str],
        *,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        keep: bool = False,
    ) -> bytes:
        """Return the body at `url`, with patience; see `ingest.records.Fetch`.

        Follows redirects to listed hosts, except after a POST. Waits as the server asks
        (Retry-After in seconds or as a date, resetTime in JSON) or ever longer, within a
        budget. What `headers` hold, and the texts right in `json`, are in no error message,
        even where the server repeats them.

        With `keep`, a body is kept on disk and the server asked only whether it changed. The
        answer to a request with headers or JSON of its own is never kept: it may be meant
        for us alone.

        Raises:
            FetchError: Not now: the budget or the tries are used up.
            BlockedError: Not us: HTTP 401 or 403.
            ParseError: Not ever: the host is not listed, or the server says that the request
                is wrong.
            ConfigError: A header cannot be sent.
        """
        host = self._admit(url)
        secrets = _secrets(headers, json)
        cache = self._cache if keep and not headers and json is None else None
        waited = 0.0
        for attempt in count():
            asked: float | None = None
            host_wide, unfound = True, False
            try:
                response, kept = self._follow(url, headers or {}, json, cache)
            except requests.exceptions.InvalidURL as error:
                raise ParseError(host, url, "not an address") from error
            except requests.RequestException as error:
                reason, unfound = _reason(error), _is_unfound(error)
            else:
                status = response.status_code
                if status in _LATER:
                    reason = f"HTTP {status}"
                    asked = retry_after(response.headers, response.content)
                elif status in _CLOSED:
                    raise BlockedError(
                        host,
                        url,
                        _told(response, secrets),
                        _CLOSED[status],
                        wait=retry_after(response.headers, response.content),
                    )
                elif status != 200 and kept is None:
                    raise ParseError(
                        host, url, _told(response, secrets), "the request itself is refused"
                    )
                else:
                    body = response.content if kept is None else kept.body
                    reason = check(body)
                    if cache:
                        _keep(cache, response, wrong=bool(reason))
                    if not reason:
                        return body
                    host_wide = False
            reason = _hide(reason, secrets)
            # A server in trouble may ask for no second at all; the waits still grow.
            wait = self._limits.backoff * 2**attempt
            said = "we would have"
            if asked is not None and asked >= wait:
                wait, said = asked, "asked us"
            if waited + wait > self._limits.budget:
                reason = f"{reason}, {said} to wait {wait:.0f} s more"
                break
            if attempt == self._limits.retries or (unfound and attempt > 1):  # names need no rest
                reason = f"{reason}, {attempt + 1} times"
                break
            waited += wait
            self._sleep(wait)
        raise FetchError(
            host,
            url,
            reason,
            "run it again later",
            is_host_wide=host_wide,
            is_unfound=unfound,
            wait=asked,
        )

    def _follow(
        self,
        url: str,
        headers: Mapping[str, str],
        json: Mapping[str, Any] | None,
        cache: Cache | None,
    ) -> tuple[requests.Response, Kept | None]:
        """The answer at the end of all redirects, and what is kept where that still holds."""
        origin = urlsplit(url)[:2]
        for _ in range(_REDIRECTS):
            host = self._admit(url)
            try:
                request = self.prepare_request(
                    requests.Request(
                        "GET" if json is None else "POST",
                        url,
                        headers=dict(headers),
                        json=None if json is None else dict(json),
                    )
                )
            except ValueError as error:  # requests' own, or a character that no address has
                raise ParseError(host, _plain(url)[:200], "not an address") from error
            kept = cache.get(str(request.url)) if cache else None
            if kept:
                request.headers.update(kept.conditions())
            response = self._exchange(request)
            try:
                target = self.get_redirect_target(response)
                if not target:
                    return response, kept if response.status_code == 304 else None
                if json is not None:
                    raise ParseError(host, url, "a redirect where we sent something")
                url = urljoin(url, target)
                if urlsplit(url)[:2] != origin:
                    headers = {}
            except ValueError as error:
                where = _plain(response.headers["Location"])[:200]
                raise ParseError(host, where, "the redirect is not an address") from error
        raise ParseError(host, _plain(url)[:200], "too many redirects")


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
    # A header is ASCII, and the brackets must close where we close them.
    name = _plain(re.sub(r"[()\\\\]", " ", contact)).encode("ascii", "replace").decode()
    about = f"; {name}" if name else ""
    return f"dissensus/{number} (literature knowledge base{about})"


def public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is one of the open internet, seen through every wrapping.

    Examples:
        >>> public(ipaddress.ip_address("::ffff:10.0.0.1"))
        False
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return public(inner)
    return address.is_global and not address.is_multicast


def retry_after(headers: Mapping[str, str], body: bytes = b"") -> float | None:
    """Return the seconds that a server asks us to wait, None where it does not say.

    The longest of Retry-After in seconds, Retry-After as a date, and `details.resetTime` in
    a JSON body. A moment is measured against the answer's own Date, and says nothing without
    one: our clock may be wrong by a day.

    Source:
        RFC 9110, section 10.2.3.

    Examples:
        >>> retry_after({"Retry-After": "7"})
        7.0
        >>> retry_after({"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT",
        ...              "Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
        60.0
        >>> retry_after({"Date": "Thu, 01 Jan 2026 00:00:00 GMT"},
        ...             b'{"details": {"resetTime": "2026-01-01T00:00:30.5Z"}}')
        30.5
    """
    text = headers.get("Retry-After", "").strip()
    details = _json(body).get("details")
    reset = details.get("resetTime") if isinstance(details, dict) else None
    found = [float(text[:9])] if text.isascii() and text.isdigit() else []
    now = _moment(email.utils.parsedate_to_datetime, headers.get("Date", ""))
    moments = (
        _moment(email.utils.parsedate_to_datetime, text),
        _moment(dt.datetime.fromisoformat, reset if isinstance(reset, str) else ""),
    )
    if now:
        found += [max(0.0, (until - now).total_seconds()) for until in moments if until]
    return max(found, default=None)


def _moment(parse: Callable[[str], dt.datetime], text: str) -> dt.datetime | None:
    try:
        moment = parse(text)
    except (ValueError, OverflowError):
        return None
    # "-0000" says that the zone is unknown, and every server means UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _json(body: bytes) -> dict[str, Any]:
    """What a short JSON object holds; nothing where it is none."""
    if len(body) > _CHUNK or not body.lstrip().startswith(b"{"):
        return {}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _site(host: str) -> str:
    """What a source's limits hold for: all its hosts together."""
    return ".".join(host.lower().split(".")[-2:])


def _keep(cache: Cache, response: requests.Response, *, wrong: bool) -> None:
    """Keep the body of an answer, or what the answer says still holds."""
    url = response.url
    if wrong or "no-store" in response.headers.get("Cache-Control", "").lower():
        cache.drop(url)
    elif response.status_code == 304:
        cache.confirm(url)
    else:
        etag, modified = (response.headers.get(n, "").strip() for n in ("ETag", "Last-Modified"))
        cache.put(url, Kept(response.content, etag, modified))


def _secrets(headers: Mapping[str, str] | None, posted: Mapping[str, Any] | None) -> list[str]:
    """What must not be printed, longest first.

    Raises:
        ConfigError: A header cannot be sent. It does not say what the header holds.
    """
    found = set()
    for name, value in (headers or {}).items():
        if name.lower() in _OURS:
            raise ValueError(f"{name} is not for a source to set")
        sound = value.isascii() and value.isprintable() and value == value.strip()
        if not _TOKEN.fullmatch(name) or not sound:
            raise ConfigError(
                f"the header {_plain(name)[:40]} cannot be sent: it holds a character that no "
                "header may hold; check the credentials for this source"
            )
        found |= {value, value.partition(" ")[2]}  # "Bearer" is none
    found |= {value for value in (posted or {}).values() if isinstance(value, str)}
    found |= {json.dumps(text)[1:-1] for text in found}  # as a server would repeat it in JSON
    return sorted((text for text in found if len(text) > 3), key=len, reverse=True)


def _hide(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…")
    return text


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, _Slow):
        return str(error)
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate cannot be verified"
    if _is_unfound(error):
        return "its name cannot be looked up"
    if isinstance(_cause(error), urllib3.exceptions.NewConnectionError):
        return "no connection can be made"
    return f"the connection failed: {_plain(str(error))[-160:]}"


def _is_unfound(error: requests.RequestException) -> bool:
    return isinstance(_cause(error), urllib3.exceptions.NameResolutionError)


def _cause(error: requests.RequestException) -> object:
    """What the library below says, which requests wraps twice."""
    inner = error.args[0] if error.args else None
    return getattr(inner, "reason", inner)


def _plain(text: str) -> str:
    """Text of others on one line that is safe to print on a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _told(response: requests.Response, secrets: Sequence[str]) -> str:
    """The status, with what a JSON error or the start of a page says, in plain text."""
    body = response.content
    error = _json(body)
    if isinstance(inner := error.get("error"), dict):
        error = inner
    if isinstance(error.get("message"), str):
        parts = [error.get("name"), error["message"]]
        text = ": ".join(part for part in parts if isinstance(part, str) and part)
    else:
        for secret in secrets:  # before a cut can leave half of one
            body = body.replace(secret.encode(), "…".encode())
        text = re.sub(r"<[^>]*>", " ", body[:4000].decode("utf-8", "replace"))
    said = _plain(_hide(text, secrets))[:300]
    return f"HTTP {response.status_code}" + (f", which says: {said}" if said else "")


# -- connections ----------------------------------------------------------------------------


class _Adapter(HTTPAdapter):
    """An adapter whose connections report the socket they opened, before anything is sent."""

    def __init__(self, reached: Callable[[socket.socket], None]) -> None:
        self._reached = reached
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, see `requests.adapters.HTTPAdapter`."""
        super().init_poolmanager(*args, **kwargs)
        reached = self._reached

        def report(sock: socket.socket) -> socket.socket:
            with contextlib.ExitStack() as stack:
                stack.callback(sock.close)
                reached(sock)
                stack.pop_all()
            return sock

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return report(super()._new_conn())

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return report(super()._new_conn())

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
