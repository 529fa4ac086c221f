"""TeX in titles and abstracts becomes MathML, and nothing else."""

import html.parser

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.render.tex import tex, tex_plain
from kb.render.untrusted import untrusted

HARMLESS = {"span", "math", "em", "strong", "code", "mrow", "mi", "mn", "mo", "ms", "mtext",
            "mspace", "msup", "msub", "msubsup", "mfrac", "msqrt", "mroot", "mover", "munder",
            "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom",
            "menclose"}  # fmt: skip


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.said = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.said.append(data)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"$n \to \infty$", "<mi>n</mi><mo>→</mo>"),
        (r"\(x_1\)", "<msub><mi>x</mi><mn>1</mn></msub>"),
        (r"$$\frac{1}{2}$$", "<mfrac>"),
        (r"$\mathbb{E}[f]$", "𝔼"),
    ],
)
def test_a_formula_becomes_mathml(written, shown):
    assert shown in tex(written)


@pytest.mark.parametrize(
    "trap",
    [
        r"$\href{javascript:alert(1)}{x}$",
        r"$\includegraphics{/etc/passwd}$",
        r"$\edef\a{\a\a}\a$",
        r"$\def\x{\x\x}\x$",
        r"$\style{behavior:url(x)}{y}$",
        r"$\input{secrets}$",
        "$" + "{" * 40 + "x" + "}" * 40 + "$",
        "$" + "x" * 5000 + "$",
        r"$\frac{1}{$",
    ],
)
def test_what_is_not_known_is_shown_as_written(trap):
    assert tex(trap) == untrusted(trap)


def test_text_in_a_formula_is_encoded():
    shown = tex(r"$\text{<script>alert(1)</script> \& _x_}$")
    assert {tag for tag, _ in Tags(shown).found} <= HARMLESS
    assert "<script" not in shown


def test_prices_are_not_formulas():
    assert tex("from $5 to $10 a cup") == untrusted("from $5 to $10 a cup")


def test_emphasis_and_signs_outside_formulas():
    assert tex(r"\emph{Kettles} boil 5\% faster -- na\"ive") == (
        "<em>Kettles</em> boil 5&#37; faster – naïve"
    )


def test_markdown_leaves_a_formula_alone():
    page = markdown.markdown(f"# {tex(r'Pour_ $x_1 * y_2 * z$ *and* stop')}")
    assert "<em>" not in page
    assert page.count("<msub>") == 2


def test_a_title_in_plain_text_keeps_its_signs():
    assert tex_plain(r"\textbf{Tea} at $90\%$ and $\mu$P") == "Tea at 90% and μP"


def test_many_formulas_are_bounded():
    assert tex("$x$ " * 500).count("<math>") == 80


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["$", "$$", r"\(", r"\)", r"\text{", r"\frac", "{", "}", "<b>", "&", "_", "^", "`", "*",
             r"\left(", r"\right)", r"\href", "x", "1", " ", "\n", '"', "'", r"\\", "%", "#",
             r"\emph{", "]]>", "<!--", r"\mathbf"]
        ),
        max_size=25,
    ).map("".join)
)  # fmt: skip
def test_nothing_but_harmless_elements_comes_out(written):
    for shown in (tex(written), markdown.markdown(f"# {tex(written)}\n\ntext {tex(written)}")):
        for tag, attributes in Tags(shown).found:
            assert tag in HARMLESS | {"h1", "p"}
            assert not any(name.startswith("on") or "href" in name for name in attributes)
