"""Train the cross-encoder that reads a thesis and a sentence together.

    python bench/train_reader.py ABSTRACTS.jsonl ... [--out FILE]
    python bench/train_reader.py ABSTRACTS.jsonl ... --without THESIS ... --out FILE [--labels FILE]

From our own sentences (labels/sentences.yaml, and the statements of the theses) and from the
labelled abstracts whose texts are in the files given. all-MiniLM-L6-v2 is moved a little; written
are the moves alone, each matrix as two factors of rank 32, half a percent of the model's size a
rank. `--without` leaves theses out, sentences, statements and labels, and tells how the model then
does on the labelled sentences of these, beside the margin between the nearest statement for and
against; intervals are by bootstrap. Labels come from a language-model annotator, not from people.
About ten minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from labelled import SENTENCES, read

from ingest.link import crossencoder, gold, theses
from ingest.link.crossencoder import CLASSES, CrossEncoder
from ingest.link.evaluation import auroc
from kb import content
from kb.encoder import SentenceTransformerEncoder, packaged_model
from kb.sentences import passages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.link.gold import Labelled
    from ingest.link.theses import Thesis

    Example = tuple[str, str, int]

EPOCHS, BATCH, RATE, RANK = 3, 32, 1e-4, 32
OTHERS = 3000
"""Sentences of abstracts beside a thesis that they do not bear on, each epoch."""
TURNED, STRANGE = 0.3, 0.6
"""How often a sentence is also set beside an opposite statement, or another thesis."""
COMMON = "mechanistic-explanations"
"""Two in five of the labelled links are with this thesis; some are left out each epoch."""
FOR, AGAINST, NONE = (CLASSES.index(name) for name in ("supports", "disputes", "none"))


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("abstracts", type=Path, nargs="+")
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--labels", type=Path, help="more labelled abstracts to judge it by")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    told = parser.parse_args()
    out = told.out or Path(crossencoder.__file__).with_name(crossencoder.WEIGHTS)
    if told.without and not told.out:
        parser.error("--without makes a model for measuring only: name another file with --out")
    every = theses.from_file(content.load().theses)
    works, chance = read(told.abstracts), random.Random(0)  # noqa: S311
    train([t for t in every if t.id not in told.without], works, chance, out, told.epochs)
    if told.without:
        unseen = [thesis for thesis in every if thesis.id in told.without]
        for name, given in (
            ("training", works),
            ("other", gold.read(told.labels) if told.labels else []),
        ):
            if given:
                print(f"{name} abstracts, theses not seen:")
                judge(unseen, given, CrossEncoder(out))


def judge(unseen: Sequence[Thesis], works: Sequence[Labelled], reader: CrossEncoder) -> None:
    """Print how the model and the margin of statements tell the stance of labelled sentences."""
    known = {thesis.id: thesis for thesis in unseen}
    pairs = [
        (known[label.claim], label.evidence[0], CLASSES.index(label.stance))
        for work in works
        for label in work.links
        if label.claim in known and label.sure and label.stance and label.evidence
    ]
    truth = np.array([place for *_, place in pairs])
    rows = np.concatenate(
        [
            reader.read([thesis.text for thesis, *_ in part], [text for _, text, _ in part])
            for part in (pairs[i : i + 64] for i in range(0, len(pairs), 64))
        ]
    )
    encoder = SentenceTransformerEncoder()
    said = encoder.encode([text for _, text, _ in pairs])
    margin = np.array(
        [
            (encoder.encode(thesis.for_) @ row).max() - (encoder.encode(thesis.against) @ row).max()
            for (thesis, *_), row in zip(pairs, said, strict=True)
        ]
    )
    sides = np.isin(truth, [FOR, AGAINST])
    print(f"  {len(pairs)} sentences, {(truth == AGAINST).sum()} of them against")
    draw = np.random.default_rng(0)
    for name, score in (("cross-encoder", rows[:, FOR] - rows[:, AGAINST]), ("margin", margin)):
        positive, value = truth[sides] == FOR, score[sides].astype(float)
        picked = draw.integers(len(value), size=(1000, len(value)))
        drawn = [auroc(positive[each], value[each]) for each in picked]
        low, high = np.percentile([each for each in drawn if each is not None], [2.5, 97.5])
        print(f"  {name}: supports against disputes AUROC {auroc(positive, value):.3f} "
              f"({low:.3f} to {high:.3f})")  # fmt: skip


def examples(
    listed: Sequence[Thesis], works: Sequence[Labelled], chance: random.Random
) -> list[Example]:
    """Return one epoch: a thesis or statement, a sentence, and the class of the two."""
    found = [one for thesis in listed for one in _written(thesis, listed, chance)]
    texts = {thesis.id: thesis.text for thesis in listed}
    for work in works:
        for label in work.links:
            is_spare = label.claim == COMMON and label.stance in ("supports", "mentions")
            if label.claim in texts and label.stance and not (is_spare and chance.random() < 0.6):
                shown = label.evidence[0] if label.evidence else work.title
                found.append((texts[label.claim], shown, CLASSES.index(label.stance)))
    for work in chance.choices(works, k=OTHERS):
        linked = {label.claim for label in work.links}
        sentences = passages(work.title, work.abstract).sentences
        if sentences:
            near = _nearest(sentences, [t for t in listed if t.id not in linked], chance)
            found.append((*near, NONE))
    return found


def _written(thesis: Thesis, listed: Sequence[Thesis], chance: random.Random) -> Iterator[Example]:
    ours = yaml.safe_load(SENTENCES.read_text("utf-8"))[thesis.id]
    said = [(text, name) for text, name in _statements(thesis)]
    for yes, no in ours["pairs"]:
        said += [(yes, "supports"), (no, "disputes")]
    said += [(text, name) for name in CLASSES[:-1] for text in ours[name]]
    strangers = [t for t in listed if not _kin(t, thesis)] or list(listed)
    for text, name in said:
        place = CLASSES.index(name)
        yield thesis.text, text, place
        beside = chance.choice(thesis.for_)
        if beside != text:
            yield beside, text, place
        if place in (FOR, AGAINST) and chance.random() < TURNED:
            beside = chance.choice(thesis.against)
            if beside != text:  # what is for the one is against the other
                yield beside, text, AGAINST if place == FOR else FOR
        if chance.random() < STRANGE:
            yield chance.choice(strangers).text, text, NONE
    for text in ours["unrelated"]:
        yield thesis.text, text, NONE


def _statements(thesis: Thesis) -> Iterator[tuple[str, str]]:
    kinds = (thesis.for_, "supports"), (thesis.against, "disputes"), (thesis.qualifies, "qualifies")
    for texts, name in kinds:
        for text in texts:
            yield text, name


def _kin(one: Thesis, other: Thesis) -> bool:
    """Whether a sentence on one thesis may bear on the other: they share a key term."""
    return bool(set(one.terms) & set(other.terms))


def _nearest(
    sentences: Sequence[str], others: Sequence[Thesis], chance: random.Random
) -> tuple[str, str]:
    """A sentence and a thesis not linked to its abstract that share the most key terms."""
    text = " ".join(sentences).lower()
    ranked = sorted(
        others, key=lambda t: (sum(term.lower() in text for term in t.terms), chance.random())
    )
    thesis = chance.choice(ranked[-3:])
    best = sorted(
        sentences, key=lambda s: (sum(term.lower() in s.lower() for term in thesis.terms), len(s))
    )
    return thesis.text, chance.choice(best[-2:])


def train(
    listed: Sequence[Thesis],
    works: Sequence[Labelled],
    chance: random.Random,
    out: Path,
    epochs: int,
) -> None:
    """Fit and write the moves."""
    model, tokenizer, torch = packaged_model()
    torch.manual_seed(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for each in model.embeddings.parameters():
        each.requires_grad = False
    head = torch.nn.Linear(2 * model.config.hidden_size, len(CLASSES))
    drop = torch.nn.Dropout(0.1)
    moved = [each for each in (*model.parameters(), *head.parameters()) if each.requires_grad]
    steps = epochs * (len(examples(listed, works, random.Random(1))) // BATCH + 20)  # noqa: S311
    optimizer = torch.optim.AdamW(moved, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=0.1
    )
    model.train()
    done = 0
    for epoch in range(epochs):
        total = count = 0.0
        for batch in _batches(examples(listed, works, chance), chance):
            if done >= steps:
                break
            marks = tokenizer(
                [one for one, _, _ in batch],
                [text for _, text, _ in batch],
                truncation=True,
                max_length=112,
                padding=True,
                return_tensors="pt",
            )
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = model(**marks).last_hidden_state
                mask = marks["attention_mask"].unsqueeze(-1)
                mean = (hidden * mask).sum(1) / mask.sum(1)
                rows = head(drop(torch.cat([hidden[:, 0], mean], -1)))
            loss = torch.nn.functional.cross_entropy(
                rows.float(), torch.tensor([place for *_, place in batch]), label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(moved, 1.0)
            optimizer.step()
            schedule.step()
            done, total, count = done + 1, total + loss.item(), count + 1
            if done % 100 == 0:
                print(f"epoch {epoch + 1}: {done} of {steps} steps, loss {total / count:.3f}")
    _write(torch, model.state_dict(), before, head.state_dict(), out)


def _batches(found: list[Example], chance: random.Random) -> Iterator[list[Example]]:
    """Batches of like length, since one costs as much as its longest."""
    chance.shuffle(found)
    for start in range(0, len(found), BATCH * 20):
        chunk = sorted(found[start : start + BATCH * 20], key=lambda e: len(e[0]) + len(e[1]))
        cut = [chunk[i : i + BATCH] for i in range(0, len(chunk), BATCH)]
        chance.shuffle(cut)
        yield from cut


def _write(torch: Any, after: Any, before: Any, head: Any, out: Path) -> None:
    from safetensors.torch import save_file

    moves = {f"head.{name}": value.float().contiguous() for name, value in head.items()}
    for name, value in after.items():
        move = (value - before[name]).float()
        if name.startswith("embeddings.") or not move.any():
            continue
        if move.ndim == 2:
            left, middle, right = torch.linalg.svd(move, full_matrices=False)
            root = middle[:RANK].sqrt()
            moves[f"{name}.left"] = (left[:, :RANK] * root).half().contiguous()
            moves[f"{name}.right"] = (right[:RANK] * root[:, None]).half().contiguous()
        else:
            moves[name] = move.half().contiguous()
    save_file(moves, str(out))
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
