import builtins
import json

import pytest

from kb import frames
from kb.errors import ConfigError
from kb.frames import Views

PLURAL = (
    "strands", "topics", "claims", "tensions", "voices", "events", "works", "digests", "cycles",
    "timeline", "contested", "who_moved",
)  # fmt: skip


@pytest.mark.parametrize("name", PLURAL)
def test_every_list_becomes_a_frame_with_a_row_per_view(debate, name):
    views = getattr(debate, name)()
    assert isinstance(views, list)
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    ours = views.to_pandas()
    theirs = views.to_polars()
    assert isinstance(ours, pandas.DataFrame)
    assert isinstance(theirs, polars.DataFrame)
    assert len(ours) == len(theirs) == len(views) > 0
    assert list(ours.columns) == theirs.columns == list(views.rows()[0])


def test_a_reference_becomes_its_id_and_a_balance_its_counts(debate):
    row = debate.claims("finding").rows()[0]
    assert (row["id"], row["level"]) == ("C01", "finding")
    assert row["balance_supports"] == debate.claim("C01").balance.supports
    assert all(isinstance(name, str) for name in row["bears_on"])
    assert debate.timeline("grokking").rows()[0]["work"].startswith("arxiv:")


def test_a_list_stays_a_list(debate):
    claims = debate.claims()
    assert claims == list(claims)
    assert isinstance(claims[:3], Views)
    assert claims[0].id == claims[:3][0].id
    assert json.dumps([c.id for c in claims[-2:]])
    assert sorted(claims, key=lambda c: c.id)[0].id <= claims[0].id


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_an_absent_package_is_named_in_one_line(debate, monkeypatch, name):
    real = builtins.__import__

    def absent(module, *args, **kwargs):
        if module == name:
            raise ImportError(module)
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match=f"{name} is not installed; pip install"):
        getattr(debate.claims(), f"to_{name}")()


def test_a_notebook_shows_bars_and_says_how_many_more_there_are(debate):
    shown = debate.claims()._repr_html_()
    assert shown.count("<svg") == frames.SHOWN
    assert f"{len(debate.claims()) - frames.SHOWN} more" in shown
    assert "more" not in debate.tensions()._repr_html_().rpartition("</ol>")[2]
    assert "<svg" in debate.claim("C02")._repr_html_()
    assert "<svg" in debate.tension("T2").poles[0]._repr_html_()


def test_a_notebook_shows_markup_in_a_list_as_text(curated):
    from kb import models
    from kb.query import KnowledgeBase

    with curated.write() as session:
        session.get(models.Work, "arxiv:2505.17638").title = "<script>alert(1)</script>"
    with KnowledgeBase(curated) as debate:
        works = Views(w for w in debate.works() if w.id == "arxiv:2505.17638")
        assert "<script>" not in works._repr_html_()
