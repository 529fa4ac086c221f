"""What is known of an invented field, how tea steeps: the other half of the fixture digests.

Nothing in it is true.
"""

from kb.audit import Knowledge
from kb.dialectic import balance
from kb.views import (
    ClaimRef,
    ClaimView,
    DigestView,
    HoldingView,
    LinkView,
    PlacedSourceView,
    Ref,
    RelationView,
    VoiceView,
    WorkRef,
    WorkView,
)


def thesis(id, text):
    return ClaimRef(id, "thesis", "tea", text)


def finding(id, text):
    return ClaimRef(id, "finding", "tea", text)


MILDER = thesis("cold-is-milder", "Steeping cold makes tea milder and less bitter.")
INFUSER = thesis("infuser-limits", "An infuser limits extraction.")
AREA = thesis("leaf-area", "Leaf area sets the speed of steeping.")
C01 = finding("C01", "In soft water green tea steeped cold is less bitter.")
C02 = finding("C02", "Praise goes with the size of the cup.")
C03 = finding("C03", "Kettles sing louder while color leaves fast.")
C04 = finding("C04", "An infuser filled to the brim limits extraction.")
C05 = finding("C05", "An infuser filled by a third leaves extraction as it is.")
C06 = finding("C06", "The count of pores sets the speed of steeping.")


def work(key, title, authors, date, kind="paper", lineage="", links=(), **more):
    ref = WorkRef(f"key:{key}", key, kind, title, "", date, lineage or f"key:{key}")
    values = {
        "authors": tuple(authors.split(", ")) if authors else (),
        "identifiers": (f"key:{key}",),
        "venue": "", "year": int(date[:4]), "categories": "", "synopsis": "", "abstract": "",
        "abstract_from": "", "checked": "full", "withdrawn": False, "statuses": (),
        "manifestations": (), "coverage": (), "related": (), "voices": (), "notes": (),
        "unverified": (),
    }  # fmt: skip
    links = tuple(link(ref, *told) for told in links)
    return WorkView(ref=ref, links=links, **(values | more))


def link(ref, claim, stance, how="asserts"):
    return LinkView(
        ref, claim, stance, "", how, "curation", "curation", "proposed", "", "full", None,
        "It says so.", (), ref.date, "",
    )  # fmt: skip


def claim(ref, scope=(), bears=(), notes=()):
    bears_on = tuple(
        RelationView(ref, kind, to, True, (), note, "proposed", "") for kind, to, note in bears
    )
    return ClaimView(
        ref, "", "full", tuple(scope), (), (), (), balance(()), (), (), bears_on, (), (),
        tuple(notes), (),
    )  # fmt: skip


MECHANICS = work("fern-2032", "A Mechanics of Steeping", "Gil Fern, Hana Grove", "2032-04-30")
WORKS = (
    work("moss-2015", "Steeping Without Heat", "Oda Moss, Pim Nettle, Quin Oak", "2015-09"),
    work("post-history", "How steeping without heat was found", "Ivy Hale", "2032-05-26", "post"),
    work(
        "brook-2031",
        "Cold Steeping Sets the Bitterness of Green Tea",
        "Ada Brook, Ben Carr, Cleo Dunn",
        "2031-03-14",
        links=((C01, "supports"), (MILDER, "supports")),
    ),
    MECHANICS,
    work(
        "lark-2031",
        "Exact Limits of the Infuser",
        "Jo Lark, Kai Mead",
        "2031-05",
        links=((C04, "supports"), (C05, "supports"), (INFUSER, "qualifies")),
    ),
    work(
        "rush-2031",
        "Kettle Noise and Extraction",
        "Lea Rush",
        "2031-07-09",
        links=((C03, "supports"),),
    ),
    work("sage-2031", "Cup Size and Praise", "Max Sage", "2031-11", links=((C02, "supports"),)),
    work("news-advances", "Cold Steeping: 12 Flavor Advances of 2032", "", "2032-01-20", "news"),
    work("stir-a", "Is Stirring Needed for Flavor?", "", "2031-02-03"),
    work("stir-b", "Is Stirring Needed for Flavor?", "", "2032-02-11", lineage="key:stir-a"),
    work(
        "post-review",
        'Quick review: "A Mechanics of Steeping"',
        "Ivy Hale",
        "2032-05-02",
        "post",
    ),
    work(
        "thorn-2032",
        "Beyond Leaf Area in Steeping",
        "Nia Thorn, Ole Umber",
        "2032-05-20",
        links=((AREA, "disputes"), (C06, "supports")),
    ),
)
CLAIMS = (
    claim(MILDER),
    claim(INFUSER),
    claim(AREA),
    claim(C01, [("data_regime", "requires", "soft water")], [("supports", MILDER, "")]),
    claim(C02, [("observable", "is", "rank correlation over houses")], notes=("Correlational.",)),
    claim(C03, notes=("Silent on caffeine; C01 says nothing of it either.",)),
    claim(C04, [("scale", "is", "filled to the brim")], [("supports", INFUSER, "")]),
    claim(C05, [("scale", "is", "filled by a third")], [("qualifies", INFUSER, "")]),
    claim(C06),
)
VOICES = (
    VoiceView(
        "V01",
        "Steeping mechanics authors",
        "group",
        ("Gil Fern", "Hana Grove"),
        "",
        (),
        (
            HoldingView(
                Ref("voice", "V01", "Steeping mechanics authors"),
                "holds", MILDER, MECHANICS.ref, "2032-04-30/..", "full", "",
            ),
        ),
        (MECHANICS.ref,),
        (),
        (),
    ),
)  # fmt: skip

PLACES = {
    1: ("moss-2015", "manifestation", "journal", "Steeping Without Heat"),
    9: ("stir-a", "manifestation", "openreview", "Is Stirring Needed for Flavor?"),
    10: ("stir-b", "manifestation", "pdf", "Is Stirring Needed for Flavor?"),
    11: ("fern-2032", "coverage", "talk", "Leaves and time in warm water"),
    13: ("post-review", "manifestation", "post", 'Quick review: "A Mechanics of ...'),
    16: ("news-advances", "coverage", "news", "Cold Steeping Named Advance"),
}
BY_KEY = {work.ref.key: work for work in WORKS}
DIGEST = DigestView(
    "tea-account", "Pot", "How Tea Steeps — A Running Account", "3", "", "thread", "", "", 18,
    tuple(
        PlacedSourceView(n, title, "", placed, kind, BY_KEY[key].ref, None, True, "")
        for n, (key, placed, kind, title) in PLACES.items()
    ),
    (),
)  # fmt: skip

STEEPING = Knowledge(WORKS, CLAIMS, VOICES, (DIGEST,))
