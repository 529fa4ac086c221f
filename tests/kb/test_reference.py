import html

from kb.query import KnowledgeBase
from kb.render.reference import reference


def test_every_public_query_is_on_the_page():
    page = html.unescape(reference())
    for name in dir(KnowledgeBase):
        if not name.startswith("_"):
            assert f"#### {name}\n" in page, name


def test_errors_and_arguments_of_a_query_are_told():
    page = html.unescape(reference())
    part = page[page.index("#### timeline\n") :]
    part = part[: part.index("#### ", 5)]
    assert "NotFoundError" in part
    assert "EDTF" in part


def test_the_page_is_the_same_every_time():
    assert reference() == reference()
