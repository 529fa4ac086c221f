"""Works to link, written straight into a store."""

from kb.models import Manifestation, Work
from kb.vocabulary import ManifestationKind, WorkKind


def add(store, id, title, abstract, version=1, **more):
    with store.write() as session:
        session.merge(
            Work(
                id=id,
                kind=WorkKind.paper,
                title=title,
                abstract=abstract,
                first_public="2025-05-23",
                first_day="2025-05-23",
                **more,
            )
        )
        session.flush()
        session.merge(
            Manifestation(
                id=f"{id}v{version}",
                work_id=id,
                kind=ManifestationKind.arxiv,
                title=title,
                abstract=abstract,
                version=version,
            )
        )
