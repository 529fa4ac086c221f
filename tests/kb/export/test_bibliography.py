"""BibTeX, BibLaTeX, CSL-JSON and RIS, read by pybtex, bibtexparser, citeproc and rispy."""

import json

import bibtexparser
import pybtex.database
import pytest
import rispy
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle
from citeproc import formatter as formatters
from citeproc.source.json import CiteProcJSON
from hypothesis import example, given
from pylatexenc import latexwalker
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

from kb.export import DOCUMENTS, Selection
from kb.export.text import line

from .made import by_machine, link, ref, status, titled, work

# Symbols of LaTeX itself that pylatexenc's table does not have.
_SYMBOLS = {
    "textbraceleft": "{", "textbraceright": "}", "textless": "<", "textgreater": ">",
    "textbar": "|", "textquotedbl": '"', "textasciicircum": "^",
}  # fmt: skip
_TABLE = get_default_latex_context_db()
_TABLE.add_context_category(
    "symbols", prepend=True, macros=[MacroTextSpec(name, mark) for name, mark in _SYMBOLS.items()]
)
_READER = LatexNodes2Text(_TABLE, math_mode="verbatim", strict_latex_spaces=True)


def printed(tex):
    """What TeX would print, by a parser that is not ours."""
    nodes, _, _ = latexwalker.LatexWalker(tex, tolerant_parsing=False).get_latex_nodes()
    return _READER.nodelist_to_text(nodes)


def write(name, *works):
    return b"".join(DOCUMENTS[name].write(Selection(works=works))).decode()


def one(name, made):
    (found,) = pybtex.database.parse_string(write(name, made), "bibtex").entries.values()
    return found


@given(titled)
@example("$μ$P and $μ\\mathsf{P}$ of \\emph{x}")
@example("Sub-$n$-grams, $\\ell_2$ and $\\input{x}$ at 100%")
@example("{unbalanced \\ ''quotes'' -- and --- dashes")
def test_a_title_comes_back_from_pybtex_and_bibtexparser(title):
    for name in ("bibtex", "biblatex"):
        text = write(name, work(ref(title=title)))
        (entry,) = pybtex.database.parse_string(text, "bibtex").entries.values()
        assert printed(entry.fields["title"]) == line(title)
        library = bibtexparser.parse_string(text)
        assert not library.failed_blocks
        assert printed(library.entries[0]["title"]) == line(title)


@given(titled, titled)
def test_a_name_comes_back_from_pybtex(given_name, family):
    name = line(f"{given_name} {family}")
    (person,) = one("bibtex", work(ref(), authors=(name,))).persons["author"]
    parts = [*person.first_names, *person.middle_names, *person.prelast_names, *person.last_names]
    assert printed(" ".join(parts)) == name


def test_and_commas_and_particles_do_not_split_a_name():
    made = work(ref(), authors=("Rock and Roll Inc", "Laurens van der Maaten", "A, B"))
    people = one("bibtex", made).persons["author"]
    assert [printed(" ".join(p.last_names)) for p in people] == ["Inc", "Maaten", "B"]
    assert [p.prelast_names for p in people] == [[], ["van", "der"], []]
    assert [printed(" ".join(p.first_names)) for p in people] == ["Rock and Roll", "Laurens", "A,"]


def test_a_formula_stays_a_formula_when_nothing_in_it_can_act():
    kept = "Sub-$n$-grams, $\\ell_2$ and $μ\\mathsf{P}$"
    assert kept in write("bibtex", work(ref(title=kept)))
    for acts in ("$\\def\\x{}$", "$}{$", "$\\$", "$a%b$", "$x", "$" + "x" * 300 + "$"):
        assert f"{{{{{acts}}}}}" not in write("bibtex", work(ref(title=acts)))


def test_no_title_can_make_tex_read_a_file():
    text = write("bibtex", work(ref(title="\\input{/etc/passwd} $\\write18{rm}$ \\csname x")))
    for word in ("\\input", "\\write", "\\csname"):
        assert word not in text


@pytest.mark.parametrize(
    ("date", "year", "month", "biblatex"),
    [
        ("2030-01-05", "2030", "January", "2030-01-05"),
        ("2030-02", "2030", "February", "2030-02"),
        ("2030", "2030", None, "2030"),
        ("2030/2031", None, None, "2030/2031"),
        ("2030-05/..", None, None, "2030-05/"),
        ("[2030-04-24,2030-04-25]", "2030", None, None),
        ("", None, None, None),
    ],
)
def test_a_date_is_told_as_precisely_as_it_is_known(date, year, month, biblatex):
    old, new = (one(name, work(ref(date=date))).fields for name in ("bibtex", "biblatex"))
    assert (old.get("year"), old.get("month")) == (year, month)
    assert new.get("date") == biblatex


def test_identifiers_and_addresses_are_given_as_they_are():
    url = "https://example.org/a_b?x=1&y=%7Bz%7D#~c"
    made = work(
        ref("doi:10.1000/a_b"), identifiers=("doi:10.1000/a_b", f"url:{url}", "arxiv:math/0309136")
    )
    fields = one("bibtex", made).fields
    assert (fields["doi"], fields["eprint"]) == ("10.1000/a_b", "math/0309136")
    assert fields["url"] == "https://doi.org/10.1000/a_b"
    hostile = work(ref(), identifiers=("url:https://x.org/}\\input{y}", "doi:10.1/}\\x{%"))
    fields = one("bibtex", hostile).fields
    assert fields["url"] == "https://x.org/%7D%5Cinput%7By%7D"
    assert fields["doi"] == "10.1/x"
    assert one("bibtex", work(ref(), identifiers=(f"url:{url}",))).fields["url"] == url


def test_the_published_form_is_cited_and_the_preprint_named():
    made = work(
        ref(),
        statuses=(status("preprint", "arXiv", "2030-01-05"), status("oral", "Bread Conf", "2031")),
        withdrawn=True,
    )
    entry = one("bibtex", made)
    assert entry.type == "inproceedings"
    assert entry.fields["booktitle"] == "Bread Conf"
    assert (entry.fields["year"], entry.fields["eprint"]) == ("2031", "3001.00001")
    assert "Withdrawn" in entry.fields["note"]


def test_a_machine_proposal_is_called_one_in_every_bibliography():
    first = ref()
    made = work(first, (link(first), by_machine(first, stance="disputes", review="rejected")))
    guess = work(first, (by_machine(first),))
    for name in ("bibtex", "biblatex", "csl-json", "ris"):
        assert "supports C01 (curated)" in write(name, made)
        assert "disputes" not in write(name, made)
        assert "supports C01 (proposed by a machine" in write(name, guess)


@given(titled)
def test_a_title_comes_back_from_rispy(title):
    made = work(ref(title=title), authors=(title,))
    (entry,) = rispy.loads(write("ris", made))
    assert entry["title"] == line(title)
    assert sorted(" ".join(entry["authors"]).replace(",", " ").split()) == sorted(
        line(title).replace(",", " ").split()
    )


def test_ris_leaves_unknown_parts_of_a_date_open():
    (entry,) = rispy.loads(write("ris", work(ref(date="2030-02"))))
    assert (entry["year"], entry["date"]) == ("2030", "2030/02/")


@given(titled)
def test_a_title_comes_back_from_citeproc(title):
    items = json.loads(write("csl-json", work(ref(title=title))))
    (entry,) = CiteProcJSON(items).values()
    assert str(entry.title) == line(title)


def test_citeproc_makes_a_bibliography_of_the_curated_works(debate):
    works = [w for w in debate.works() if w.ref.key][:20]
    items = json.loads(write("csl-json", *works))
    style = CitationStylesStyle("harvard-cite-them-right", validate=False)
    source = CiteProcJSON(items)
    made = CitationStylesBibliography(style, source, formatters.plain)
    for item in items:
        made.register(Citation([CitationItem(item["id"])]))
    told = [str(entry) for entry in made.bibliography()]
    assert len(told) == len(works)
    assert any(works[0].title in text for text in told)


def test_the_curated_works_have_unique_keys_and_no_entry_fails(debate):
    works = debate.works()
    library = bibtexparser.parse_string(write("bibtex", *works))
    assert not library.failed_blocks
    assert len({entry.key for entry in library.entries}) == len(works)
    assert len(rispy.loads(write("ris", *works))) == len(works)


def test_two_works_never_share_a_key():
    twice = (work(ref("key:x", key="same")), work(ref("url:https://x.org/", key="same")))
    found = pybtex.database.parse_string(write("bibtex", *twice), "bibtex").entries
    assert len(found) == 2
