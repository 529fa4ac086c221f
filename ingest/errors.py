"""What can go wrong at a source.

* SourceError
  * FetchError     it could not be reached, or asked us to wait: try again later
    * BlockedError it does not let us in: what we have is kept, and grows stale
  * ParseError     it answered, or a file was there, but not in the form we know: a person must look
  * HaltError      it answered, and what it says would undo too much: a person must agree

These are the only distinctions a nightly job needs.
"""

from __future__ import annotations

from kb.errors import KnowledgeBaseError


class SourceError(KnowledgeBaseError):
    """A source failed us."""

    exit_code = 8

    def __init__(self, source: str, where: str, reason: str, remedy: str = "") -> None:
        """Keep what failed and what to do about it.

        Args:
            source: The adapter's name, or the host where no adapter is involved.
            where: The address, identifier, or file and line.
            reason: What went wrong, on one line.
            remedy: What the user can do; "" where nothing but waiting helps.
        """
        more = f"; {remedy}" if remedy else ""
        super().__init__(f"{source}: {reason} ({where}){more}")
        self.source = source
        self.where = where
        self.reason = reason
        self.remedy = remedy


class FetchError(SourceError):
    """It could not be reached, or asked us to wait; what came before is kept."""

    exit_code = 8

    def __init__(
        self,
        source: str,
        where: str,
        reason: str,
        remedy: str = "",
        *,
        is_host_wide: bool = False,
        is_unfound: bool = False,
        wait: float | None = None,
    ) -> None:
        """Keep what failed; see `SourceError`.

        Args:
            source: The adapter's name, or the host.
            where: The address.
            reason: What went wrong, on one line.
            remedy: What the user can do.
            is_host_wide: The host is down or wants to be left alone, so that asking it for
                anything else would fail too.
            is_unfound: The host's name leads nowhere. As likely as the host's, it is this
                machine's network that is absent.
            wait: Seconds that the host asked us to wait, counted from its last answer; None
                where it did not say.
        """
        super().__init__(source, where, reason, remedy)
        self.is_host_wide = is_host_wide
        self.is_unfound = is_unfound
        self.wait = wait


class BlockedError(FetchError):
    """It does not let us in: it wants credentials, a proof of being human, or us gone."""

    def __init__(
        self,
        source: str,
        where: str,
        reason: str,
        remedy: str = "",
        *,
        wait: float | None = None,
    ) -> None:
        """Keep what failed; see `FetchError`."""
        super().__init__(source, where, reason, remedy, is_host_wide=True, wait=wait)


class HaltError(SourceError):
    """What it says would undo too much of what it said before; a person must agree."""

    exit_code = 9


class ParseError(SourceError):
    """It answered, but not in the form we know; a person must look."""

    exit_code = 9
