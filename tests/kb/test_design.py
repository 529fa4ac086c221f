"""Colors that can be read: every token against every ground, in light and in dark."""

import itertools
import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "site/assets/dissensus.css").read_text()
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([a-z]+\d?): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS
    )
}
GROUNDS = ("paper", "panel", "raised")
STANCES = ("supports", "disputes", "qualifies", "mentions")


def channels(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def linear(color):
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(color)]


def contrast(a, b):
    """WCAG 2.2's contrast ratio."""
    lights = sorted(
        sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True)) + 0.05
        for x in (a, b)
    )
    return lights[1] / lights[0]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("token", ["ink", "muted", "accent", *STANCES])
def test_text_can_be_read_on_every_ground(token, mode):
    for ground in GROUNDS:
        assert contrast(TOKENS[token][mode], TOKENS[ground][mode]) >= 4.5, ground


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("number", range(10))
def test_a_strand_mark_can_be_seen_on_every_ground(number, mode):
    for ground in GROUNDS:
        assert contrast(TOKENS[f"s{number}"][mode], TOKENS[ground][mode]) >= 3, ground


# Brettel, Vienot and Mollon (1997), as simplified by Vienot, Brettel and Mollon (1999), in
# linear RGB: what a reader without red or without green cones sees.
BLIND = {
    "protan": [(0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)],
    "deutan": [(0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)],
}


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("kind", BLIND)
def test_stances_differ_for_color_blind_readers(kind, mode):
    seen = {}
    for stance in ("supports", "disputes", "qualifies"):
        rgb = linear(TOKENS[stance][mode])
        seen[stance] = [
            max(0, sum(w * c for w, c in zip(row, rgb, strict=True))) ** (1 / 2.2)
            for row in BLIND[kind]
        ]
    for a, b in itertools.combinations(seen, 2):
        apart = sum((x - y) ** 2 for x, y in zip(seen[a], seen[b], strict=True)) ** 0.5
        assert apart > 0.15, (a, b, round(apart, 3))
