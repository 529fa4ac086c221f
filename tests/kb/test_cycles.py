from sqlmodel import select

from kb import cycles, models
from kb.query import KnowledgeBase


def test_a_cycle_is_closed_only_when_something_changed(curated):
    assert cycles.close(curated) == (1, False)
    with curated.write() as session:
        session.get(models.Tension, "T2").settles = "not part of what is compared"
    assert cycles.close(curated) == (1, False)
    with curated.write() as session:
        session.get(models.Tension, "T2").kind = "open-question"
    assert cycles.close(curated) == (2, True)


def test_a_cycle_keeps_the_hash_of_what_it_holds_and_of_its_parent(curated):
    with curated.write() as session:
        session.get(models.Tension, "T2").kind = "open-question"
    cycles.close(curated)
    with curated.read() as session:
        first, second = session.exec(select(models.Cycle).order_by(models.Cycle.number)).all()
    assert second.parent == first.hash
    import hashlib

    assert hashlib.sha256(cycles.canonical(cycles.read(first))).hexdigest() == first.hash


def test_a_changed_link_is_told_in_one_sentence(curated):
    with curated.write() as session:
        row = session.exec(
            select(models.Link).where(models.Link.claim_id == "C11").order_by(models.Link.work_id)
        ).first()
        row.stance = "mentions"
        work = session.get(models.Work, row.work_id).title
    cycles.close(curated)
    with KnowledgeBase(curated) as debate:
        oldest, newest = debate.cycles()
    assert oldest.changes == ()
    [change] = newest.changes
    assert change.kind == "link"
    assert change.change == "changed"
    assert work[:40] in change.text
    assert "mentions C11" in change.text


def test_equal_snapshots_have_no_difference(curated):
    with curated.read() as session:
        shot = cycles.snapshot(session)
    assert cycles.diff(shot, shot) == []


def test_what_appears_and_disappears_is_told(curated):
    with curated.read() as session:
        shot = cycles.snapshot(session)
    without = {**shot, "tension": {k: v for k, v in shot["tension"].items() if k != "T2"}}
    [gone] = cycles.diff(shot, without)
    [come] = cycles.diff(without, shot)
    assert (gone.change, come.change) == ("removed", "added")
    assert gone.id == come.id == "T2"
