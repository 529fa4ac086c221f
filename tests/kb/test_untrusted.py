"""No text, whatever it holds, becomes anything but text."""

import html
import json
import string
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import markdown
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, TemplateSyntaxError, UndefinedError
from markupsafe import Markup

from kb.render import environment, untrusted
from kb.render.untrusted import LIMIT, address, joined

ROOT = Path(__file__).parents[2]
ACTIVE = set(string.punctuation) - set("&#;")
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"

anything = st.text(st.characters(exclude_categories=()), max_size=300) | st.text(
    st.sampled_from(string.punctuation + " \n\tab1" + BIDI), max_size=60
)


def visible(text):
    """What a browser should show of a text, worked out apart from the filter."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    kept = [
        c
        for c in plain
        if unicodedata.category(c) not in ("Cc", "Cs")
        and c not in BIDI
        and ord(c) & 0xFFFE != 0xFFFE
        and not (ord(c) in range(0x2060, 0x2070) or ord(c) in range(0xFFF9, 0xFFFC))
        and ord(c) not in (0x200B, 0xFEFF)
        and not 0xE0000 <= ord(c) < 0xE0080
    ]
    return " ".join("".join(kept).split())


@given(anything)
def test_nothing_that_acts_is_left(text):
    out = str(untrusted(text))
    assert not ACTIVE & set(out)
    bare = "".join(part.partition(";")[2] if i else part for i, part in enumerate(out.split("&#")))
    assert not set("&#;") & set(bare)
    assert "\n" not in out


@given(anything)
def test_a_browser_shows_the_same_text(text):
    assert html.unescape(str(untrusted(text))) == visible(text)


@given(anything)
def test_no_direction_override_or_control_survives(text):
    assert all(
        unicodedata.category(c) not in ("Cc", "Cs") and c not in BIDI for c in untrusted(text)
    )


def test_a_text_has_a_longest_length():
    assert len(untrusted("x" * (LIMIT + 5))) == LIMIT
    assert html.unescape(untrusted("abc def", limit=4)) == "abc…"


@given(anything | st.from_regex(r"\A(https?|javascript|data|file|vbscript):.{0,40}\Z"))
def test_an_address_is_http_or_nothing(text):
    out = html.unescape(str(address(text)))
    assert out == "" or urlsplit(out).scheme in ("http", "https")
    assert not set("<>\"'` \n") & set(str(address(text)))


@pytest.mark.parametrize(
    "bad",
    [
        "javascript:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "//example.org/x",
        "data:text/html,x", "https:example", "http://[bad", "https://user:pass@example.org/", "file:///etc",
        "https://example.org/\x85", "http://" + "a" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_dropped(bad):
    assert address(bad) == ""


def test_an_address_keeps_its_meaning():
    url = "https://example.org/a_(b)?x=1&y='2'#z"
    assert html.unescape(str(address(url))) == url


# -- templates ----------------------------------------------------------------------------------


def render(source, **values):
    return (
        environment(DictLoader({"t": source}), {"joined": joined}).get_template("t").render(values)
    )


def test_a_template_cannot_forget_the_filter():
    assert render("{{ x }}", x="<b>") == "&#60;b&#62;"
    assert render("{% set y = x %}{{ y }}", x="<b>") == "&#60;b&#62;"
    assert render("{% macro m(a) %}<i>{{ a }}</i>{% endmacro %}{{ m(x) }}", x="<b>") == (
        "<i>&#60;b&#62;</i>"
    )
    assert render("{{ joined([x, y]) }}", x="<b>", y=Markup("<i>")) == "&#60;b&#62;, <i>"


@pytest.mark.parametrize("expression", ["x ~ x", "x + x", "'%s' % x"])
def test_an_expression_that_joins_text_is_refused(expression):
    with pytest.raises(TemplateSyntaxError):
        render("{{ " + expression + " }}", x="a")


@pytest.mark.parametrize(
    "name", ["safe", "join", "format", "replace", "escape", "tojson", "indent"]
)
def test_no_filter_that_makes_markup_is_there(name):
    with pytest.raises(TemplateSyntaxError, match="No filter"):
        render("{{ x | " + name + " }}", x="a")


def test_an_unknown_name_is_an_error():
    with pytest.raises(UndefinedError):
        render("{{ nowhere }}")


def test_text_is_never_a_template():
    assert html.unescape(render("{{ x }}", x="{{ 7*7 }}{% raw %}")) == "{{ 7*7 }}{% raw %}"


def test_every_address_in_a_template_comes_from_a_checked_function():
    templates = sorted((ROOT / "site/templates").glob("*.j2"))
    assert templates
    for path in templates:
        for part in path.read_text().split('href="')[1:]:
            checked = (
                "{{ here.",
                "{{ address(",
                "{{ id_url(",
                "{{ target }}",
                "{{ form }}",
                '#judging"',
                "#{{ y.anchor }}",
                "#{{ e.id }}",
            )
            assert part.startswith(checked), f"{path.name}: {part[:40]}"


# -- the real Markdown configuration --------------------------------------------------------------


def extensions():
    names, settings = [], {}
    for entry in yaml.safe_load((ROOT / "mkdocs.yml").read_text())["markdown_extensions"]:
        name, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
        names.append(name)
        settings[name] = options
    return {"extensions": names, "extension_configs": settings}


class Outline(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self.odd = [], "", []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.odd.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def vectors():
    return json.loads((ROOT / "tests/fixtures/hostile.json").read_text())


def test_every_vector_is_one_plain_paragraph():
    found = vectors()
    assert len(found) > 300
    converter = markdown.Markdown(**extensions())
    for vector in found:
        shown = untrusted(vector)
        for frame in ("{}", '<div class="x">{}</div>', "before {} after", "- {}"):
            outline = Outline()
            outline.feed(converter.reset().convert(frame.format(shown)))
            outline.close()
            allowed = {("p", ()), ("div", ("class",)), ("ul", ()), ("li", ())}
            assert set(outline.elements) <= allowed, (vector[:80], outline.elements)
            assert not outline.odd, vector[:80]
            expected = frame.format("\0").replace('<div class="x">', "").replace("</div>", "")
            expected = expected.removeprefix("- ").replace("\0", html.unescape(shown))
            assert " ".join(outline.text.split()) == " ".join(expected.split()), vector[:80]


def test_a_vector_in_a_heading_stays_in_the_heading():
    converter = markdown.Markdown(**extensions())
    for vector in vectors():
        outline = Outline()
        outline.feed(converter.reset().convert(f"# {untrusted(vector)}"))
        kinds = {tag for tag, _ in outline.elements}
        assert kinds <= {"h1", "a", "p"}, (vector[:80], outline.elements)
        assert not any(n.startswith("on") for _, names in outline.elements for n in names)
