import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb import ids
from kb.errors import IdentifierError

MODERN = st.from_regex(r"(0[7-9]|[12][0-9])(0[1-9]|1[0-2])\.[0-9]{4,5}", fullmatch=True)
OLD = st.from_regex(r"(math|hep-th|quant-ph|cs)/[0-9]{7}", fullmatch=True)


@given(st.one_of(MODERN, OLD), st.integers(0, 30))
def test_every_spelling_of_an_arxiv_id_is_one_id(bare, version):
    suffix = f"v{version}" if version else ""
    spellings = [
        f"{bare}{suffix}",
        f"arXiv:{bare}{suffix}",
        f"https://arxiv.org/abs/{bare}{suffix}",
        f"http://arxiv.org/pdf/{bare}{suffix}",
        f"https://arxiv.org/pdf/{bare}{suffix}.pdf",
        f"[{bare}{suffix}] A title",
    ]
    assert {ids.arxiv(text) for text in spellings} == {f"arxiv:{bare}"}
    assert {ids.arxiv_version(text) for text in spellings} == {version}


@given(st.one_of(MODERN, OLD))
def test_parsing_is_idempotent(bare):
    once = ids.parse(bare)
    assert ids.parse(once) == once


@pytest.mark.parametrize(
    "text", ["", "zzz 1", "2505", "2505.176", "math/03091", "25051.7638", "10.1"]
)
def test_what_names_no_work_is_refused(text):
    with pytest.raises(IdentifierError, match="not a valid"):
        ids.parse(text)


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("https://openreview.net/forum?id=BSZqpqgqM0&noteId=x", "openreview:BSZqpqgqM0"),
        ("https://openreview.net/pdf?id=BSZqpqgqM0", "openreview:BSZqpqgqM0"),
        ("https://doi.org/10.1145/3446776", "doi:10.1145/3446776"),
        ("10.1145/ABC", "doi:10.1145/abc"),
        ("https://example.org/post", "url:https://example.org/post"),
        ("feldman-2019", "key:feldman-2019"),
    ],
)
def test_other_identifiers_have_one_form(text, id):
    assert ids.parse(text) == id


@given(
    st.lists(
        st.sampled_from(
            ["key:a", "url:https://a.org", "doi:10.1/a", "openreview:abcdefgh", "arxiv:2001.00001"]
        ),
        min_size=1,
    )
)
def test_the_best_identifier_does_not_depend_on_the_order(names):
    assert ids.best(names) == ids.best(names[::-1])


def test_a_work_without_identifier_has_no_best_one():
    with pytest.raises(ValueError, match="at least one"):
        ids.best([])


@given(st.text(max_size=400))
def test_a_slug_is_safe_as_a_file_name(text):
    slug = ids.slug(text)
    assert slug
    assert len(slug) <= 89
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not slug.startswith("-")


def test_ids_that_differ_by_case_have_different_slugs():
    assert ids.slug("openreview:abcdefghij") != ids.slug("openreview:ABCDEFGHIJ")
