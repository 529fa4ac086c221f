import datetime as dt
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import funnel, intake, pipeline
from ingest.funnel import Funnel
from ingest.link import theses
from ingest.link.words import words
from ingest.records import Draft, ManifestationDraft, Raw
from kb import content, cycles, held
from kb.errors import NotFoundError
from kb.models import Setting
from kb.query import KnowledgeBase
from kb.schema import SourcesFile
from kb.store import Store
from kb.vocabulary import ManifestationKind, WorkKind

LISTED = theses.from_file(content.load().theses)
FUNNEL = Funnel(LISTED)
SIFTED = SourcesFile(arxiv=[], funnel=["whole"])
NEAR = "Deep networks memorize noisy labels and still generalize: benign overfitting."
FAR = "We measure the boiling point of tea in copper kettles at sea level."


def scores_by_word(text):
    """The score of one text, a word at a time."""
    found = words(text)
    rows = sorted({FUNNEL._rows[word] for word in found if word in FUNNEL._rows})
    if not rows:
        return 0.0
    return float(FUNNEL._weights[rows].sum(axis=0).max()) / (1 + len(found) / 2) ** funnel._LENGTH


VOCABULARY = sorted({word for each in LISTED for text in each.sentences for word in text.split()})
SAYING = st.lists(
    st.one_of(
        st.sampled_from(VOCABULARY),
        st.sampled_from(["Over-parametrized", "naïve", "the", "x", "—", "Straße", "İ"]),
        st.text(max_size=8),
    ),
    max_size=40,
).map(" ".join)


@settings(deadline=None)  # the first text loads tables
@given(st.lists(SAYING, max_size=5))
def test_many_texts_at_once_score_as_each_does_by_its_words(texts):
    together = FUNNEL.scores(texts)
    assert together.dtype == np.float32
    assert together.tolist() == pytest.approx([scores_by_word(text) for text in texts], rel=1e-4)


def test_each_thesis_passes_and_kettles_do_not():
    said = [". ".join(each.sentences[:8]) for each in LISTED]
    assert (FUNNEL.scores(said) > funnel.THRESHOLD).all()
    assert FUNNEL.scores([FAR])[0] < funnel.THRESHOLD


def test_without_theses_nothing_scores():
    assert Funnel([]).scores([NEAR, ""]).tolist() == [0.0, 0.0]
    assert FUNNEL.scores([]).tolist() == []


class Listing:
    """A source whose records are what they say."""

    position = ""

    def __init__(self, name, *said):
        self.name = name
        at = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
        self.raws = [Raw(name, str(id), at, f"{id}|{text}".encode()) for id, text in said]

    def fetch(self, since=""):
        yield from self.raws

    def read(self, raw):
        id, _, text = raw.body.decode().partition("|")
        name = f"arxiv:2502.{99000 + int(id)}"
        form = ManifestationDraft(name, ManifestationKind.arxiv, f"Work {id}", text, "")
        return Draft((name,), WorkKind.paper, f"Work {id}", text, ("Ada B. Example",), "2025-02",
                     "cs.LG", False, (form,))  # fmt: skip


def take(store, source):
    intake.harvest(store, source, source.fetch(), source.name)


def work(id):
    return f"arxiv:2502.{99000 + id}"


def held_now(store):
    with store.read() as session:
        return held.ids(session)


@pytest.fixture
def stocked(curated_file, tmp_path):
    """The curated debate, with works that a whole category brought, a question, and both."""
    path = tmp_path / "kb.sqlite"
    shutil.copyfile(curated_file, path)
    store = Store(path)
    take(
        store,
        Listing(
            "whole", (1, f"{NEAR} {NEAR}"), (2, f"{FAR} It stands alone."), (3, f"{FAR} Again.")
        ),
    )
    take(store, Listing("asked", (3, f"{FAR} Again."), (4, f"{FAR} Once more.")))
    yield store
    store.close()


def test_only_what_nothing_but_a_whole_category_brought_is_held_back(stocked):
    counts = pipeline.sift(stocked, SIFTED)
    assert (counts["held"], counts["passed"]) == (1, 0)
    assert held_now(stocked) == {work(2)}


def test_a_second_look_finds_nothing_to_do(stocked):
    pipeline.sift(stocked, SIFTED)
    assert pipeline.sift(stocked, SIFTED) == {}


def test_only_what_changed_is_looked_at(stocked):
    pipeline.sift(stocked, SIFTED)
    take(stocked, Listing("whole", (5, FAR + " Too.")))
    assert pipeline.sift(stocked, SIFTED) == {"looked": 1, "held": 1, "passed": 0}
    take(stocked, Listing("asked", (5, FAR + " Too.")))
    assert pipeline.sift(stocked, SIFTED) == {"looked": 1, "held": 0, "passed": 1}
    assert held_now(stocked) == {work(2)}


def test_what_is_held_back_is_in_no_cycle_and_on_no_page_and_has_no_vector(stocked, encoder):
    pipeline.sift(stocked, SIFTED)
    pipeline.embed(stocked, encoder)
    assert not any("stands alone" in text for text in encoder.asked)
    with stocked.read() as session:
        shot = cycles.snapshot(session)
    assert work(2) not in shot["work"]
    assert work(4) in shot["work"]
    with KnowledgeBase(stocked) as debate:
        shown = {view.id for view in debate.works()}
    assert work(2) not in shown
    assert {work(1), work(3), work(4)} <= shown


def test_a_lower_threshold_and_no_sources_let_all_pass_again(stocked, encoder):
    pipeline.sift(stocked, SIFTED)
    pipeline.embed(stocked, encoder)
    asked = len(encoder.asked)
    assert pipeline.sift(stocked, SIFTED, threshold=0.0)["passed"] == 1
    assert held_now(stocked) == set()
    assert pipeline.embed(stocked, encoder)["encoded"] > 0
    assert len(encoder.asked) > asked
    assert pipeline.sift(stocked, SIFTED) == {}  # the threshold is remembered
    pipeline.sift_as_packaged(stocked)
    assert pipeline.sift(stocked, SIFTED)["held"] == 1
    assert pipeline.sift(stocked, SourcesFile(arxiv=[]))["passed"] == 1


def test_what_a_person_lets_pass_stays_passed(stocked):
    pipeline.sift(stocked, SIFTED)
    assert funnel.let_pass(stocked, [work(2)]) == [work(2)]
    assert held_now(stocked) == set()
    assert pipeline.sift(stocked, SIFTED, again=True)["held"] == 0
    with stocked.read() as session:
        assert session.get(Setting, f"{held.PASSED}{work(2)}") is not None


def test_a_work_that_is_not_there_cannot_pass(stocked):
    with pytest.raises(NotFoundError):
        funnel.let_pass(stocked, ["arxiv:2502.98888"])
    assert held_now(stocked) == set()
