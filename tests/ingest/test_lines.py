import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import lines
from ingest.lines import Form, Subject, cluster, read

TITLE = "Why kettles remember: the role of lime in a long and quiet life"


@pytest.mark.parametrize(
    ("text", "title", "form"),
    [
        (f"[2502.99901] {TITLE}", TITLE, Form.arxiv),
        (f"[2502.99901v2] {TITLE} - arXiv", TITLE, Form.arxiv),
        (f"{TITLE} - arXiv", TITLE, Form.arxiv),
        (f"{TITLE} | OpenReview", TITLE, Form.openreview),
        (f"NeurIPS Poster {TITLE}", TITLE, Form.proceedings),
        (f"ICLR 2025 Oral {TITLE}", TITLE, Form.proceedings),
        (f"NeurIPS {TITLE}", TITLE, Form.proceedings),
        (f"[PDF] {TITLE}", TITLE, Form.pdf),
        (f"(PDF) {TITLE}", TITLE, Form.pdf),
        (f"[PDF] {TITLE} - Nature", TITLE, Form.journal),
        (f"{TITLE} - YouTube", TITLE, Form.video),
        (f"{TITLE} [R] - Reddit", TITLE, Form.thread),
        (f"{TITLE} - Medium", TITLE, Form.post),
        (f"{TITLE} \u2014 Tea Forum (2025-02-03)", TITLE, Form.post),
        (f"CS PhD Blog - {TITLE}", TITLE, Form.post),
        (f"Daily Papers - {TITLE}", TITLE, Form.digest),
        (f"Paper page - {TITLE}", TITLE, Form.digest),
        (f"Review for {TITLE}", TITLE, Form.review),
        (f"[Quick Review] {TITLE}", TITLE, Form.review),
        (f"[NeurIPS 2025] {TITLE}", TITLE, Form.page),
        (f"Best paper NeurIPS 2025: {TITLE}", TITLE, Form.page),
        (f"{TITLE} (Ada B. Example) - NeurIPS", TITLE, Form.talk),
        (f"{TITLE} (Apr 2026)", TITLE, Form.page),
        (f"{TITLE} | Somewhere Else", TITLE, Form.page),
        ("Ada Example - Google Scholar", "Ada Example", Form.profile),
        ("Ada Example's personal homepage", "Ada Example", Form.profile),
        ("Ada Example's Post - Kettles - LinkedIn", "Kettles", Form.post),
        (TITLE, TITLE, Form.page),
    ],
)
def test_a_line_is_taken_apart(text, title, form):
    line = read(text)
    assert (line.title, line.form) == (title, form)


def test_a_host_that_is_given_apart_is_used():
    assert read(TITLE, "OpenReview") == read(f"{TITLE} | OpenReview")


def test_a_dash_within_a_title_is_no_host():
    for text in ("Kettles - a survey of the field", "Kettles - how they remember what they boiled"):
        assert (read(text).title, read(text).host) == (text, "")


def test_an_arxiv_number_is_an_identifier_and_another_is_not():
    assert read("[2502.99901v2] Kettles").identifiers == ("arxiv:2502.99901",)
    assert read("[math/0309136] Kettles").identifiers == ("arxiv:math/0309136",)
    assert read("[17] Kettles").identifiers == ()


def test_an_ellipsis_is_a_cut():
    assert read("Why kettles remember ...").is_cut
    assert read("Why kettles remember\u2026").title == "Why kettles remember"


@pytest.mark.parametrize(
    "text",
    [
        "Kettle Workshop @ ICML 2026",
        "ICML 2026 Schedule",
        "Schedule",
        "Workshop on Kettles - ICML 2026",
        "Announcing the ICML 2026 Workshops",
    ],
)
def test_a_gathering_is_no_work(text):
    assert read(text).subject == Subject.event
    assert not read(text).is_version


@given(st.text(max_size=80), st.sampled_from(["", "arXiv", "YouTube", "Tea Blog"]))
def test_what_was_taken_apart_has_no_more_to_take(text, publisher):
    line = read(f"[2502.99901] {TITLE} {text}", publisher)
    again = read(line.title, line.host)
    assert cluster([line, again, read(line.title)])[0] == 0
    assert read(TITLE).title == read(read(TITLE).title).title


@given(st.text(max_size=200), st.text(max_size=40))
def test_reading_never_fails_and_is_deterministic(text, publisher):
    assert read(text, publisher) == read(text, publisher)


# -- together -----------------------------------------------------------------------------------


def together(*texts):
    return len(set(cluster([read(text) for text in texts]))) == 1


@pytest.mark.parametrize(
    "other",
    [
        f"{TITLE.upper()} | OpenReview",
        f"[PDF] {TITLE[:30]} ...",
        "Why kettles remember",
        "The role of lime in a long and quiet life - YouTube",
        "Why kettles in modern homes remember: the role of lime in a long and quiet life",
        "Why kettles remem- ber: the role of lime in a long and quiet life",
        f"NeurIPS Poster {TITLE}",
    ],
)
def test_titles_that_are_one(other):
    assert together(f"[2502.99901] {TITLE}", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TITLE, TITLE.replace("a", "\u0430")),  # the Cyrillic letter that looks like it
        (
            "The kettle that ended tea as we know it",
            "The other kettle that ended tea as we know it",
        ),
        ("Boiling water in kettles, part I", "Boiling water in kettles, part II"),
        (TITLE, f'Quick Review: "{TITLE}"'),
        ("Kettles", "Kettles"),
        ("[2502.99901] A kettle that remembers", "[2502.99902] A kettle that remembers"),
        ("Stability of kettles on rough and convex stoves", "Stability of kettles on ice ..."),
        ("Convergence of heat in round vessels", "Divergence of heat in round vessels"),
    ],
)
def test_titles_that_are_two(one, other):
    assert not together(one, other)


def test_a_chain_never_joins_two_papers_on_arxiv():
    labels = cluster([read(f"[2502.9990{n}] {TITLE}") for n in (1, 2)] + [read(TITLE)])
    assert labels[0] != labels[1]


def test_a_post_joins_the_work_whose_words_it_repeats():
    assert together(
        "Dynamical decoupling of heat and taste in large two-handed kettles | OpenReview",
        "Heat and taste in two-handed kettles - YouTube",
    )


def test_a_form_of_a_work_joins_by_its_title_alone():
    assert not together(
        "Dynamical decoupling of heat and taste in large two-handed kettles | OpenReview",
        "Heat and taste in two-handed kettles | OpenReview",
    )


def test_pages_of_one_gathering_are_one_and_a_broadcast_is_another():
    assert together(
        "Mechanical Kettles Workshop at ICML 2026",
        "Mech Kettles Workshop @ ICML 2026 - Buttondown",
        "Schedule",
        "ICML 2026 Workshops",
    )
    labels = cluster(
        [
            read(f"[2502.99901] {TITLE}"),
            read(f"Ada Example and Carl Demo, Tea University: {TITLE} - Teacast"),
            read(f"{TITLE} - Teacast"),
        ]
    )
    assert labels == [0, 1, 1]


def test_pages_of_two_gatherings_stay_two_and_a_bare_page_joins_neither():
    labels = cluster(
        [
            read("Kettle Workshop at ICML 2026"),
            read("Teapot Workshop at ICML 2026"),
            read("ICML 2026 Schedule"),
        ]
    )
    assert labels == [0, 1, 2]


WORDS = st.sampled_from(
    ["kettle", "tea", "lime", "heat", "cup", "slow", "two-handed", "boils", "why"]
)
MIXED = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
FEW = st.sampled_from(["Why kettles remember", TITLE, f"{TITLE} again", "Lime and heat in kettles"])
TITLES = st.one_of(MIXED, FEW)
TAILS = st.sampled_from(["", " ...", " | OpenReview", " - arXiv", " - YouTube", ": lime and heat"])
HEADS = st.sampled_from(["", "[PDF] ", "[2502.99901] ", "[2502.99902] ", "NeurIPS Poster "])
PRINTED = st.builds(lambda head, title, tail: f"{head}{title}{tail}", HEADS, TITLES, TAILS)


@given(st.lists(PRINTED, max_size=9, unique=True), st.randoms())
def test_clustering_depends_on_no_order(texts, order):
    shuffled = order.sample(texts, len(texts))
    assert _partition(texts) == _partition(shuffled)


def _partition(texts):
    found = {}
    for text, label in zip(texts, cluster([read(text) for text in texts]), strict=True):
        found.setdefault(label, set()).add(text)
    return sorted(sorted(group) for group in found.values())


@given(st.lists(PRINTED, max_size=6))
def test_coverage_is_never_a_version(texts):
    for text in texts:
        bare = text.removeprefix("[2502.99901] ").removeprefix("[2502.99902] ")
        for host in ("YouTube", "Reddit", "Medium", "Tea Blog", "alphaXiv", "MIT News"):
            assert read(bare, host).form not in lines.VERSIONS


def test_a_hostile_line_is_read_in_part():
    assert len(read("A B, " * 100_000).title) <= 500
