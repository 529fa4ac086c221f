"""JSON-LD and nanopublications, read by rdflib and judged by SHACL shapes through pyshacl."""

import dataclasses
from pathlib import Path

import pyshacl
import pytest
import rdflib
from hypothesis import given
from rdflib import RDF, URIRef
from rdflib.namespace import Namespace

from kb.export import DOCUMENTS, Selection
from kb.export.text import line

from .made import by_machine, claim, hostile, link, ref, titled, whole, work

SHAPES = Path(__file__).parents[2] / "fixtures/export"
SCHEMA = Namespace("https://schema.org/")
CITO = Namespace("http://purl.org/spar/cito/")
NP = Namespace("http://www.nanopub.org/nschema#")
KB = Namespace("urn:x-dissensus:term:")
PROV = Namespace("http://www.w3.org/ns/prov#")
OA = Namespace("http://www.w3.org/ns/oa#")
WORK = URIRef("https://arxiv.org/abs/3001.00001")
C01 = URIRef("urn:x-dissensus:claim:c01")

# rdflib's own parsers still use its old names.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")


def told(name, selection):
    return b"".join(DOCUMENTS[name].write(selection)).decode()


def graph(selection):
    return rdflib.Graph().parse(data=told("jsonld", selection), format="json-ld")


def dataset(selection):
    return rdflib.Dataset().parse(data=told("nanopub", selection), format="trig")


def union(data):
    out = rdflib.Graph()
    for s, p, o, _ in data.quads():
        out.add((s, p, o))
    return out


def judged(data, shapes):
    conforms, _, text = pyshacl.validate(data, shacl_graph=str(SHAPES / shapes))
    return conforms, text


def curated(debate):
    return Selection(
        claims=tuple(debate.claims()),
        tensions=tuple(debate.tensions()),
        works=tuple(debate.works()),
        voices=tuple(debate.voices()),
        events=tuple(debate.events()),
    )


@given(titled)
def test_texts_come_back_from_json_ld(text):
    data = graph(whole(text))
    assert str(data.value(WORK, SCHEMA.name)) == line(text)
    assert str(data.value(C01, SCHEMA.text)) == line(f"A claim: {text}")
    assert "<" not in told("jsonld", whole(text))  # it may stand inside a script element


@given(hostile)
def test_texts_come_back_from_nanopublications(text):
    data = union(dataset(whole(text)))
    quotes = {str(value) for value in data.objects(None, OA.exact)}
    assert line(text) in quotes or not line(text)
    labels = {str(value) for value in data.objects(WORK, rdflib.RDFS.label)}
    assert labels == {line(text)}


def test_only_what_is_read_becomes_a_cito_property():
    first = ref()
    links = (
        link(first, stance="qualifies"),
        by_machine(first, stance="supports"),
        link(first, stance="disputes", review="rejected"),
    )
    data = graph(Selection(claims=(claim(links=links),), works=(work(first, links),)))
    assert (WORK, CITO.qualifies, C01) in data
    assert (WORK, CITO.supports, None) not in data
    assert (WORK, CITO.disputes, None) not in data
    stances = {str(o): s for s, _, o in data.triples((None, KB.stance, None))}
    assert set(stances) == {"qualifies", "supports"}
    assert str(data.value(stances["supports"], KB.agentKind)) == "model"
    assert float(data.value(stances["supports"], KB.score)) == pytest.approx(0.714)


def test_a_year_is_no_date_of_a_day_and_a_choice_of_days_no_iso_date():
    works = (work(ref(date="2030")), work(ref("key:b", date="[2030-04-24,2030-04-25]")))
    data = graph(Selection(works=works))
    assert str(data.value(WORK, SCHEMA.datePublished)) == "2030"
    other = URIRef("urn:x-dissensus:work:b")
    assert data.value(other, SCHEMA.datePublished) is None
    assert str(data.value(other, KB.date)) == "[2030-04-24,2030-04-25]"


def test_a_nanopublication_has_one_assertion_and_says_who_says_so():
    first = ref()
    guess = by_machine(first, quote="It rises.")
    rejected = link(first, stance="disputes", review="rejected")
    data = dataset(Selection(works=(work(first, (guess, rejected)),)))
    (head,) = data.quads((None, RDF.type, NP.Nanopublication, None))
    name = head[0]
    said = union(data)
    parts = {
        p: said.value(name, p) for p in (NP.hasAssertion, NP.hasProvenance, NP.hasPublicationInfo)
    }
    assert len({head[3], *parts.values()}) == 4
    (asserted,) = data.quads((None, None, None, parts[NP.hasAssertion]))
    assert asserted[:3] == (WORK, CITO.supports, C01)
    provenance = data.graph(parts[NP.hasProvenance])
    assert provenance.value(asserted[3], KB.curated).toPython() is False
    assert str(provenance.value(asserted[3], KB.agentKind)) == "model"
    assert ":model:linker-1" in str(provenance.value(asserted[3], PROV.wasAttributedTo))
    info = data.graph(parts[NP.hasPublicationInfo])
    assert str(info.value(name, KB.review)) == "proposed"


def test_equal_statements_have_equal_names_and_other_ones_do_not():
    first = ref()

    def name(made):
        data = union(dataset(Selection(works=(work(first, (made,)),))))
        return next(data.subjects(RDF.type, NP.Nanopublication))

    assert name(link(first)) == name(link(first))
    assert name(link(first)) != name(link(first, stance="disputes"))
    assert name(link(first)) != name(by_machine(first))


def test_the_curated_debate_fits_the_shapes(debate):
    conforms, text = judged(graph(curated(debate)), "debate-shapes.ttl")
    assert conforms, text


def test_the_curated_nanopublications_fit_the_shapes(debate):
    part = curated(debate).only(strand="grokking")
    data = union(dataset(part))
    assert len(list(data.subjects(RDF.type, NP.Nanopublication))) == len(list(part.links()))
    conforms, text = judged(data, "nanopub-shapes.ttl")
    assert conforms, text


def test_the_shapes_find_what_is_missing():
    data = union(dataset(whole()))
    data.remove((None, PROV.wasAttributedTo, None))
    assert not judged(data, "nanopub-shapes.ttl")[0]
    data = graph(whole())
    data.remove((None, KB.review, None))
    assert not judged(data, "debate-shapes.ttl")[0]


def test_with_a_site_claims_are_named_by_their_pages():
    part = dataclasses.replace(whole(), base="https://example.org/d/")
    assert (URIRef("https://example.org/d/claims/c01.html"), RDF.type, SCHEMA.Claim) in graph(part)
