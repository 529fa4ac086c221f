import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import identity
from kb import ids

NEW = st.from_regex(r"\A[01][0-9](0[1-9]|1[0-2])\.[0-9]{4,5}\Z").map(lambda x: f"arxiv:{x}")
OLD = st.from_regex(r"\A(math|hep-th|quant-ph|cs)/[09][0-9](0[1-9]|1[0-2])[0-9]{3}\Z")
FORUM = st.from_regex(r"\Aopenreview:[A-Za-z0-9_-]{8,14}\Z")
DOI = st.from_regex(r"\Adoi:10\.[1-9][0-9]{3}/[a-z0-9._-]{1,20}\Z")
KEY = st.from_regex(r"\Akey:[a-z][a-z0-9-]{1,20}\Z")
ANY_ID = st.one_of(NEW, OLD.map(lambda x: f"arxiv:{x}"), FORUM, DOI, KEY)


@given(ANY_ID)
def test_parsing_an_identifier_again_changes_nothing(id):
    assert ids.parse(id) == id


@given(st.one_of(NEW, OLD), st.integers(1, 40))
def test_every_version_of_a_paper_has_its_id(paper, version):
    bare = paper.removeprefix("arxiv:")
    for form in (f"http://arxiv.org/abs/{bare}v{version}", f"https://arxiv.org/pdf/{bare}",
                 f"arXiv:{bare}v{version}"):  # fmt: skip
        assert ids.parse(form) == f"arxiv:{bare}"
    assert ids.arxiv_version(f"http://arxiv.org/abs/{bare}v{version}") == version


@given(st.lists(ANY_ID, min_size=1, max_size=5, unique=True), st.randoms())
def test_the_order_of_identifiers_does_not_matter(identifiers, random):
    owners = {id: random.choice(["w1", "w2"]) for id in identifiers if random.random() < 0.5}
    names = {work: {id for id, w in owners.items() if w == work} for work in owners.values()}
    shuffled = random.sample(identifiers, len(identifiers))
    assert identity.resolve(shuffled, owners, names) == identity.resolve(identifiers, owners, names)


def test_a_new_work_is_named_by_its_best_identifier():
    match = identity.resolve(["key:kettle", "doi:10.5555/kettle", "arxiv:2502.99901"], {}, {})
    assert match == identity.Match("arxiv:2502.99901", ())


def test_any_known_identifier_finds_the_work():
    match = identity.resolve(
        ["arxiv:2502.99901", "doi:10.5555/kettle"],
        {"doi:10.5555/kettle": "openreview:abcdefghij"},
        {"openreview:abcdefghij": {"openreview:abcdefghij", "doi:10.5555/kettle"}},
    )
    assert match == identity.Match("openreview:abcdefghij", ())


def test_two_papers_with_one_doi_stay_two():
    match = identity.resolve(
        ["arxiv:2502.99901", "doi:10.5555/volume"],
        {"doi:10.5555/volume": "arxiv:2501.99902"},
        {"arxiv:2501.99902": {"arxiv:2501.99902", "doi:10.5555/volume"}},
    )
    assert match == identity.Match("arxiv:2502.99901", ("doi:10.5555/volume",))


def test_identifiers_of_two_works_go_to_the_better_one_and_are_reported():
    match = identity.resolve(
        ["arxiv:2502.99901", "doi:10.5555/kettle"],
        {"arxiv:2502.99901": "arxiv:2502.99901", "doi:10.5555/kettle": "doi:10.5555/kettle"},
        {"arxiv:2502.99901": {"arxiv:2502.99901"}, "doi:10.5555/kettle": {"doi:10.5555/kettle"}},
    )
    assert match == identity.Match("arxiv:2502.99901", ("doi:10.5555/kettle",))


def test_a_record_without_identifiers_is_no_work():
    with pytest.raises(ValueError, match="identifier"):
        identity.resolve([], {}, {})
