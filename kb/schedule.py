"""What makes `kb run` run every night: a systemd unit, a cron line, a GitHub workflow. Pure.

Nothing is installed; the text is printed, and says itself where it goes. A lock keeps two runs
apart, so none of them brings one of its own. A source is due by its own period: a timer that
comes more often asks nobody more often.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kb.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_AT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
DELAY = 45
"""Minutes by which a start is put off at random, at most: thousands of machines that ask one
service at the same minute are a burden to it."""
_LONGEST = 6
"""Hours after which a run is given up; what it did is kept and the next one goes on."""

PINS = {
    "actions/checkout": ("de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6.0.2"),
    "actions/setup-python": ("e797f83bcb11b83ae66e0230d6156d7c80228e7c", "v6.0.0"),
    "actions/upload-artifact": ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4.6.2"),
    "actions/download-artifact": ("d3f86a106a0bac45b974a628896c90dbdf5c8093", "v4.3.0"),
    "actions/upload-pages-artifact": ("56afc609e74202658d3ffba0e8f6dda462b719fa", "v3.0.1"),
    "actions/deploy-pages": ("d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e", "v4.0.5"),
}
"""Action -> commit and the version it is: a tag can be moved, a commit cannot."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What of this machine goes into a schedule."""

    python: Path
    """The interpreter that has the packages."""
    folder: Path
    """Where the run starts: the checkout, which holds the site's sources."""
    database: str
    """A path or a SQLAlchemy URL."""
    out: Path
    """The folder for the pages and the site."""

    def __post_init__(self) -> None:
        """Refuse what no line of a file can hold.

        Raises:
            ConfigError: A path has a line break or another control character.
        """
        for text in (str(self.python), str(self.folder), self.database, str(self.out)):
            if not text.isprintable():
                raise ConfigError(f"a schedule cannot hold this path: {text!r}")

    def command(self) -> list[str]:
        """Return the words of the command that does all that is due.

        A database on a server is not among them: its URL may hold a password, and everybody on
        a machine sees its command lines. The schedules say where to put it.
        """
        words = [str(self.python), "-m", "kb"]
        if not self.on_server:
            words += ["--db", str(self.folder / self.database)]
        return [*words, "run", "--out", str(self._out())]

    @property
    def on_server(self) -> bool:
        """Whether the database is one that a URL names."""
        return "://" in self.database

    def writes(self) -> list[str]:
        """Return the folders that a run writes to."""
        folders = [str(self._out())]
        if not self.on_server:
            folders.insert(0, str((self.folder / self.database).parent))
        return folders

    def _out(self) -> Path:
        return self.folder / self.out


def time_of_day(text: str) -> tuple[int, int]:
    """Return hour and minute.

    Raises:
        ConfigError: It is not a time of day.

    Examples:
        >>> time_of_day("03:40")
        (3, 40)
    """
    found = _AT.fullmatch(text)
    if found is None:
        raise ConfigError(f'not a time of day: {text!r} (write "03:40")')
    return int(found[1]), int(found[2])


# -- systemd --------------------------------------------------------------------------------


def systemd(here: Installation, at: str) -> dict[str, str]:
    """Return the files of a user's systemd units: name -> text.

    Args:
        here: What is run, and where.
        at: Time of day by the machine's clock, "HH:MM".

    Raises:
        ConfigError: `at` is not a time of day.
    """
    hour, minute = time_of_day(at)
    names = f"{'KB_DB=, ' if here.on_server else ''}KB_CONTACT=, OPENREVIEW_USERNAME=, ..."
    paths = "\n".join(f"ReadWritePaths={_quoted(path)}" for path in here.writes())
    service = f"""\
[Unit]
Description=Dissensus: read the sources and rebuild the debate
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_escaped(str(here.folder))}
ExecStart={" ".join(_quoted(word).replace("$", "$$") for word in here.command())}
# Deferred and partial are no faults of this machine; kb sources tells which source is ill.
SuccessExitStatus=8 10
# Secrets and a contact address, one NAME=value a line: {names}
EnvironmentFile=-%h/.config/dissensus.env
TimeoutStartSec={_LONGEST}h
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
{paths}
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectControlGroups=true
RestrictSUIDSGID=true
RestrictRealtime=true
LockPersonality=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
"""
    timer = f"""\
[Unit]
Description=Dissensus, every night

[Timer]
OnCalendar=*-*-* {hour:02}:{minute:02}:00
RandomizedDelaySec={DELAY}m
# A machine that was off at that hour catches up when it is on again.
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {"dissensus.service": service, "dissensus.timer": timer}


def _escaped(text: str) -> str:
    """Text in a unit file: % begins a specifier there."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """One word of a unit's line, in double quotes.

    Source:
        systemd.syntax(7), "Quoting". A command line wants $ doubled besides.
    """
    text = _escaped(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


# -- cron -----------------------------------------------------------------------------------


def cron(here: Installation, at: str) -> str:
    """Return lines for a crontab.

    Args:
        here: What is run, and where.
        at: Time of day by the machine's clock, "HH:MM".

    Raises:
        ConfigError: `at` is not a time of day.
    """
    hour, minute = time_of_day(at)
    # cron's shell is sh, which has no $RANDOM; in a crontab % ends the command unless escaped.
    wait = shlex.join(
        [str(here.python), "-c", f"import random, time; time.sleep(random.random() * {DELAY * 60})"]
    )
    command = f"{wait} && cd {shlex.quote(str(here.folder))} && {shlex.join(here.command())}"
    command = command.replace("%", "\\%")
    server = "\n# KB_DB=... on a line above names the database." if here.on_server else ""
    return f"""\
# Into the table that `crontab -e` opens. A machine that is off at that hour misses the night;
# the next run asks for all that came since. No flock: a second run ends at once by itself.
# cron mails what is printed: to whom, say MAILTO=you@example.org on a line above; the
# whole line >/dev/null keeps the summary back and lets errors through.
# KB_CONTACT=you@example.org names whom a source's operators may write to.{server}
{minute} {hour} * * * {command}
"""


# -- GitHub ---------------------------------------------------------------------------------


def github(at: str, secrets: Sequence[str]) -> str:
    """Return a workflow that harvests, builds and publishes every night.

    The database is kept as an asset of a release: artifacts go after 90 days and caches after
    seven, and in a branch every night's copy would stay in the history. Each run uploads a
    copy under a name of its own and only then drops all but the last few, so that no moment
    is without one.

    Args:
        at: Time of day in UTC, "HH:MM".
        secrets: Names of the repository's secrets that the sources need.

    Raises:
        ConfigError: `at` is not a time of day.
    """
    hour, minute = time_of_day(at)
    uses = {name: f"{name}@{commit} # {version}" for name, (commit, version) in PINS.items()}
    given = "\n".join(f"          {name}: ${{{{ secrets.{name} }}}}" for name in secrets)
    return f"""\
# Goes to .github/workflows/nightly.yml. Under Settings, Pages, choose GitHub Actions as the
# source; under Settings, Environments, make one that is called sources and give it the secrets
# {", ".join(secrets)} where you have them, and the variable
# KB_CONTACT: an address that a source's operators may write to.
# GitHub starts schedules late, and stops them in a repository where nothing happened for 60
# days: what a night missed, the next run asks for.
name: nightly

on:
  schedule:
    - cron: "{minute} {hour} * * *"
  workflow_dispatch: {{}}

permissions: {{}}

concurrency:
  group: nightly
  cancel-in-progress: false

defaults:
  run:
    shell: bash # with pipefail

jobs:
  ingest:
    name: Read the sources
    runs-on: ubuntu-24.04
    timeout-minutes: {_LONGEST * 60 - 30}
    permissions:
      contents: write # to keep the database as an asset of a release
    environment: sources # has the secrets, and no other job does
    steps:
      - uses: {uses["actions/checkout"]}
        with:
          persist-credentials: false
      - uses: {uses["actions/setup-python"]}
        with:
          python-version: "3.12"
      - name: Install
        run: python -m pip install -c constraints.txt -e ".[embed]"
      - name: Take the last database
        env:
          GH_TOKEN: ${{{{ github.token }}}}
          GH_REPO: ${{{{ github.repository }}}}
        run: |
          mkdir -p data
          # A release that is not there yet is made; a database that cannot be fetched is an
          # error: to begin from nothing would publish nothing.
          gh release view data >/dev/null || gh release create data --prerelease \\
            --title "Database" --notes "Made by the nightly run."
          last=$(gh release view data --json assets \\
            --jq '[.assets[].name | select(startswith("kb-"))] | sort | last // empty')
          if [ -n "$last" ]; then
            gh release download data --pattern "$last" --output data/kb.sqlite.gz
            gunzip data/kb.sqlite.gz
          fi
      - name: Run
        env:
          KB_CONTACT: ${{{{ vars.KB_CONTACT }}}}
{given}
        run: |
          # 8 and 10: some source is away or ill. What came is kept, and the site says so.
          kb run --no-site || code=$?
          case "${{code:-0}}" in 0|8|10) ;; *) exit "$code" ;; esac
      - name: Keep the database
        env:
          GH_TOKEN: ${{{{ github.token }}}}
          GH_REPO: ${{{{ github.repository }}}}
        run: |
          name="kb-$(date -u +%Y%m%dT%H%M%SZ).sqlite.gz"
          gzip --stdout data/kb.sqlite > "$name"
          gh release upload data "$name"
          gh release view data --json assets \\
            --jq '[.assets[].name | select(startswith("kb-"))] | sort | .[:-7][]' |
            while read -r old; do gh release delete-asset data "$old" --yes; done
      - uses: {uses["actions/upload-artifact"]}
        with:
          name: database
          path: data/kb.sqlite
          retention-days: 1

  build:
    name: Build the site
    needs: ingest
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    permissions:
      contents: read
    steps:
      - uses: {uses["actions/checkout"]}
        with:
          persist-credentials: false
      - uses: {uses["actions/setup-python"]}
        with:
          python-version: "3.12"
      - name: Install
        run: python -m pip install -c constraints.txt -e ".[site]"
      - uses: {uses["actions/download-artifact"]}
        with:
          name: database
          path: data
      - name: Build
        run: kb site
      - uses: {uses["actions/upload-pages-artifact"]}
        with:
          path: build/site

  deploy:
    name: Publish the site
    needs: build
    runs-on: ubuntu-24.04
    timeout-minutes: 15
    permissions:
      pages: write # to publish
      id-token: write # to show where it comes from
    environment:
      name: github-pages
      url: ${{{{ steps.deployment.outputs.page_url }}}}
    steps:
      - id: deployment
        uses: {uses["actions/deploy-pages"]}
"""
