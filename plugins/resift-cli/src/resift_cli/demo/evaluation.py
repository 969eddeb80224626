"""Two measures of a ranking with binary relevance, and the demo's judged queries."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = [
    "Difference",
    "answerable",
    "difference",
    "judgements",
    "ndcg",
    "reciprocal_rank",
]

_SAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two methods are apart over the same questions.

    Args:
        mean: The mean difference.
        low: The lower end of its 95 % interval.
        high: The upper end.
        p: How often chance alone gives a difference as large, two-sided.
    """

    mean: float
    low: float
    high: float
    p: float


@cache
def judgements() -> Mapping[str, frozenset[str]]:
    """Return the judged queries: a question, and the names that answer it."""
    text = files(__package__).joinpath("queries.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return MappingProxyType(
        {query: frozenset(names) for query, names in tables.items()}
    )


def answerable(
    judged: Mapping[str, frozenset[str]], names: Collection[str]
) -> dict[str, frozenset[str]]:
    """Keep the answers that a corpus of these *names* has, and their questions."""
    kept = {
        question: answers.intersection(names) for question, answers in judged.items()
    }
    return {question: answers for question, answers in kept.items() if answers}


def ndcg(ranked: Sequence[str], relevant: Collection[str], depth: int = 10) -> float:
    r"""Return the normalised discounted cumulative gain at *depth*, nDCG@depth.

    .. math:: \frac{\sum_{r \le k,\; d_r \in R} 1 / \log_2(1 + r)}
                   {\sum_{r \le \min(k, |R|)} 1 / \log_2(1 + r)}

    Args:
        ranked: What was found, best first, each once.
        relevant: What should have been found.
        depth: How many results count, :math:`k`.

    Returns:
        From 0 to 1; 0 where nothing is relevant.

    References:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques",
        TOIS 2002, with trec_eval's discount. https://doi.org/10.1145/582415.582418

    >>> ndcg(["b", "a"], {"a"})
    0.6309297535714575
    """
    gain = sum(
        1 / math.log2(rank + 1)
        for rank, name in enumerate(ranked[:depth], start=1)
        if name in relevant
    )
    ideal = sum(1 / math.log2(r + 1) for r in range(1, min(depth, len(relevant)) + 1))
    return gain / ideal if ideal else 0.0


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """Return 1 over the rank of the first relevant result, 0 where there is none.

    >>> reciprocal_rank(["b", "a"], {"a"})
    0.5
    """
    ranks = (r for r, name in enumerate(ranked, start=1) if name in relevant)
    return 1 / next(ranks, math.inf)


def difference(one: Sequence[float], other: Sequence[float]) -> Difference:
    """Compare two methods question by question.

    The interval is a bootstrap's over the questions; *p* is that of the randomisation
    test, which flips the signs of the differences. Both are seeded.

    Args:
        one: A measure of each question.
        other: The same of the method that it is compared with.

    References:
        Smucker, Allan and Carterette, "A comparison of statistical significance tests
        for information retrieval evaluation", CIKM 2007.
        https://doi.org/10.1145/1321440.1321528

    >>> difference([1.0, 1.0], [0.5, 0.5]).mean
    0.5
    """
    gaps = np.subtract(one, other)
    generator = np.random.default_rng(7)
    drawn = generator.integers(len(gaps), size=(_SAMPLES, len(gaps)))
    low, high = np.quantile(gaps[drawn].mean(axis=1), [0.025, 0.975]).tolist()
    signs = generator.choice([-1.0, 1.0], size=(_SAMPLES, len(gaps)))
    chance = np.abs((signs * gaps).mean(axis=1)) >= abs(gaps.mean()) - 1e-12
    p = (1 + int(chance.sum())) / (1 + _SAMPLES)
    return Difference(float(gaps.mean()), low, high, p)
