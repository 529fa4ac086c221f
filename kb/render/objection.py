"""How a reader says that a machine is wrong, or right: no server is asked, an entry is copied."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from markupsafe import Markup

from kb.plain import plain
from kb.render.untrusted import address, untrusted
from kb.views import shorten

if TYPE_CHECKING:
    from kb.views import LinkView


MACHINES = ("model", "rule")
"""Kinds of agent that are no person and not our own hand."""

_ENTRY = """\
  - work: {}
    claim: {}
    verdict: rejected
    by: your-handle
    on: "YYYY-MM-DD"
    note: Why, in your own words."""
_COMMAND = "kb review --work {} --claim {} --by your-handle"


def is_open(link: LinkView) -> bool:
    """Tell whether a link is a machine's and stands: who disagrees with it may say so."""
    return link.agent_kind in MACHINES and link.review in ("proposed", "confirmed")


def spot(link: LinkView) -> str:
    """Return the id of the place on its work's page where a machine's link stands.

    A work has one current link of each kind of agent to a claim, so no two share a place.
    """
    return f"{link.claim.id}-by-{link.agent_kind}"


def entry(link: LinkView) -> Markup:
    """Return the entry for a reader's file of verdicts, to be filled in."""
    work, claim = _named(link)
    return Markup(_ENTRY).format(untrusted(work), untrusted(claim))  # noqa: S704 - our own text


def command(link: LinkView) -> Markup:
    """Return the command that asks about a link in a terminal."""
    work, claim = shlex.quote(plain(link.work.id)), shlex.quote(plain(link.claim.id))
    return Markup(_COMMAND).format(untrusted(work), untrusted(claim))  # noqa: S704 - our own


def issue(form: str, link: LinkView) -> Markup:
    """Return the address that opens an issue about a link with the entry in it.

    Args:
        form: Address of the page on which an issue is written; "" where there is none.
        link: What the issue is about.

    Returns:
        "" without a form, and where the address would be too long for browsers.
    """
    score = "" if link.score is None else f", score {link.score:.2f}"
    title = f"{link.work.id} {link.stance} {link.claim.id}: wrong or right?"
    told = f"Proposed: {link.stance}{score}, by {plain(link.agent)}."
    body = f"{told}\n\n```yaml\n{_ENTRY.format(*_named(link))}\n```"
    values = {"title": shorten(plain(title), 120), "body": body}
    # Everything but letters, digits and "_.-~" goes as %XX, so that no value ends another.
    return address(f"{form}?{urlencode(values, safe='', quote_via=quote)}" if form else "")


def _named(link: LinkView) -> tuple[str, str]:
    """Return the work as a string of YAML, and the claim, each on one line."""
    return json.dumps(plain(link.work.id), ensure_ascii=False), plain(link.claim.id)
