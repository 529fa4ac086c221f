import pytest
import yaml
from sqlmodel import col, select

from kb import content, curation, models
from kb.store import now


@pytest.fixture
def curated(any_curated):
    return any_curated


def change(files, name, edit):
    path = files / f"{name}.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return content.load(files)


def current(session, kind, **where):
    query = select(kind).where(col(kind.superseded_at).is_(None))
    for name, value in where.items():
        query = query.where(getattr(kind, name) == value)
    return session.exec(query).all()


def test_applying_the_same_files_again_changes_nothing(curated):
    assert curation.apply(curated, content.load()) == {}
    with curated.write() as session:
        session.merge(models.Setting(name=curation.SETTING, value="something else"))
    assert curation.apply(curated, content.load()) == {}


def test_a_changed_stance_supersedes_the_old_link(curated, files):
    def edit(data):
        link = data["works"][0]["links"][0]
        link["stance"] = "disputes" if link["stance"] != "disputes" else "supports"

    changed = change(files, "works", edit)
    entry = changed.works.works[0]
    curation.apply(curated, changed)
    with curated.read() as session:
        work_id = session.get(models.Identifier, f"key:{entry.key}").work_id
        rows = session.exec(
            select(models.Link)
            .where(models.Link.work_id == work_id, models.Link.claim_id == entry.links[0].claim)
            .order_by(models.Link.id)
        ).all()
    assert len(rows) == 2
    assert rows[0].superseded_at is not None
    assert (rows[1].superseded_at, rows[1].stance) == (None, entry.links[0].stance)


def test_what_the_files_no_longer_name_is_retired_and_kept(curated, files):
    loaded = content.load(files)
    voice = loaded.voices.voices.pop()
    loaded.voices.independence[:] = [
        e for e in loaded.voices.independence if voice.id not in e.voices
    ]
    trimmed = content.Content(**{**loaded.__dict__, "digest": "another"})
    curation.apply(curated, trimmed)
    with curated.read() as session:
        assert session.get(models.Voice, voice.id).retired
        assert not current(session, models.VoiceHolding, voice_id=voice.id)


def test_a_verdict_confirms_a_link_and_names_the_person(curated, files):
    entry = content.load().works.works[0]

    given = verdict(entry.key, entry.links[0].claim, "confirmed")
    curation.apply(curated, judged(files, someone=[given]))
    with curated.read() as session:
        work_id = session.get(models.Identifier, f"key:{entry.key}").work_id
        [row] = current(session, models.Link, work_id=work_id, claim_id=entry.links[0].claim)
    assert (row.review, row.reviewed_by) == ("confirmed", "someone")


def test_a_work_that_was_ingested_first_keeps_its_id_and_abstract(store):
    loaded = content.load()
    entry = next(w for w in loaded.works.works if w.key == "bonnaire-2025")
    arxiv = f"arxiv:{entry.ids.arxiv[0]}"
    with store.write() as session:
        session.add(
            models.Work.model_validate(
                {
                    "id": arxiv,
                    "kind": "paper",
                    "title": "as ingested",
                    "abstract": "Ours, invented.",
                }
            )
        )
        session.flush()
        session.add(models.Identifier(id=arxiv, work_id=arxiv))
    curation.apply(store, loaded)
    with store.read() as session:
        work = session.get(models.Work, arxiv)
        assert session.get(models.Identifier, "key:bonnaire-2025").work_id == arxiv
    assert (work.key, work.title, work.abstract) == (
        "bonnaire-2025",
        entry.title,
        "Ours, invented.",
    )


def test_a_status_that_a_source_gave_stays_where_the_files_say_nothing_better(curated):
    with curated.write() as session:
        session.add(
            models.Work.model_validate({"id": "arxiv:2601.00001", "kind": "paper", "title": "t"})
        )
        session.flush()
        session.add(
            models.StatusEvent.model_validate(
                {
                    "work_id": "arxiv:2601.00001",
                    "status": "preprint",
                    "valid": "2026-01",
                    "source": "arXiv",
                    "recorded_at": now(),
                }
            )
        )
        session.merge(models.Setting(name=curation.SETTING, value="something else"))
    curation.apply(curated, content.load())
    with curated.read() as session:
        assert len(current(session, models.StatusEvent, work_id="arxiv:2601.00001")) == 1


def test_awards_and_coverage_make_no_link(curated):
    with curated.read() as session:
        covered = {row.work_id for row in session.exec(select(models.Coverage))}
        linked = session.exec(select(models.Link)).all()
    assert covered
    assert all(link.why for link in linked)


def test_no_work_is_left_without_identifier(curated):
    with curated.read() as session:
        works = set(session.exec(select(models.Work.id)))
        named = set(session.exec(select(models.Identifier.work_id)))
    assert works == named


def verdict(work, claim, word, by="someone"):
    return {"work": work, "claim": claim, "verdict": word, "by": by, "on": "2026-11-22"}


def judged(files, **by_reader):
    for reader, entries in by_reader.items():
        given = {"verdicts": [{**entry, "by": reader} for entry in entries]}
        (files / f"verdicts/{reader}.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    return content.load(files)


def state(store, entry):
    with store.read() as session:
        work_id = session.get(models.Identifier, f"key:{entry.key}").work_id
        [row] = current(session, models.Link, work_id=work_id, claim_id=entry.links[0].claim)
    return row.review, row.reviewed_by, row.stance


def test_a_readers_later_verdict_stands_in_place_of_the_earlier_one(curated, files):
    entry = content.load().works.works[0]
    claim = entry.links[0].claim
    told = [
        verdict(entry.key, claim, "confirmed"),
        verdict(f"arxiv:{entry.ids.arxiv[0]}", claim, "rejected"),
    ]
    curation.apply(curated, judged(files, someone=told))
    with curated.read() as session:
        [row] = session.exec(select(models.Verdict)).all()
    assert (row.verdict, row.by) == ("rejected", "someone")
    assert state(curated, entry) == ("rejected", "someone", entry.links[0].stance)


def test_readers_who_disagree_leave_a_link_proposed_and_are_named(curated, files):
    entry = content.load().works.works[0]
    claim, stance = entry.links[0].claim, entry.links[0].stance
    yes, no = (verdict(entry.key, claim, word) for word in ("confirmed", "rejected"))
    curation.apply(curated, judged(files, ada=[yes], bob=[no]))
    assert state(curated, entry) == ("proposed", "ada, bob", stance)
    curation.apply(curated, judged(files, ada=[yes], bob=[no, yes]))
    assert state(curated, entry) == ("confirmed", "ada, bob", stance)
    mentions = {**yes, "stance": "mentions"}
    curation.apply(curated, judged(files, ada=[mentions], bob=[mentions]))
    assert state(curated, entry) == ("confirmed", "ada, bob", "mentions")


def test_a_verdict_waits_for_its_work_and_is_applied_when_it_comes(curated, files):
    loaded = judged(files, someone=[verdict("arxiv:2601.00001", "C02", "rejected")])
    assert curation.apply(curated, loaded) == {"verdict waiting": 1}
    with curated.write() as session:
        session.add(
            models.Work.model_validate({"id": "arxiv:2601.00001", "kind": "paper", "title": "t"})
        )
        session.flush()
        session.add(models.Identifier(id="arxiv:2601.00001", work_id="arxiv:2601.00001"))
    curation.apply(curated, loaded)
    with curated.read() as session:
        assert (
            session.get(models.Verdict, ("arxiv:2601.00001", "C02", "someone")).verdict
            == "rejected"
        )
    assert curation.apply(curated, loaded) == {}
