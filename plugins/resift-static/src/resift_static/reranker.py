"""`StaticEmbeddings`: the reranker and its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

import resift_local
from resift import Scores, hookimpl
from resift_local import Resident, truncation
from resift_static.encoder import Encoder
from resift_static.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StaticEmbeddings"]


class StaticEmbeddings(Options):
    """Score by how alike the mean token vectors of query and document are.

    Each token has one fixed vector, whatever stands around it, so no network runs. It
    knows related words, which BM25 does not, and no word order: merge it with BM25
    rather than replace BM25.

    Args:
        model: ``"wordllama"``, the weights inside the package of that name; or a name
            on the Hub or a folder, as model2vec or sentence-transformers
            (`StaticEmbedding`) saves a model.
        dimensions: How many dimensions of a vector to keep, for models trained so that
            their first ones suffice: 64, 128 or 256 of wordllama's.
        revision: The branch, tag or commit on the Hub; pin it in production.
        max_length: The most tokens of a text; by default what the model is made for,
            all of them for wordllama. What is cut is reported.
        local_files_only: Whether to read the local cache only.

    Raises:
        ValueError: If a number is not positive.
    """

    resift_api: ClassVar[int] = 1
    pointwise: ClassVar[bool] = True
    score_kind: ClassVar[str] = "similarity"
    score_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._encoder: Resident[Encoder] = Resident()

    @hookimpl
    def score(
        self, query: str, documents: Sequence[str], timeout: float | None = None
    ) -> Scores:
        """Return the cosine of each document with the query; 0 for one without words.

        Raises:
            ModelError: If the model cannot be loaded.
            BackendTimeoutError: If *timeout* is over before the last batch.
        """
        deadline = _Deadline(timeout)
        encoder = self._loaded(deadline)
        asked, query_cut = encoder.encode([query], deadline)
        found, cut = encoder.encode(documents, deadline)
        values = found.astype(np.float64) @ asked[0].astype(np.float64)
        reads = encoder.max_length or float("inf")
        columns, notes = truncation(
            "static", cut, int(query_cut[0]), reads=(reads, reads)
        )
        return Scores(np.clip(values, -1.0, 1.0), columns, notes)

    @hookimpl
    def warmup(self) -> None:
        """Load the model."""
        self._loaded(_Deadline())

    @hookimpl
    def close(self) -> None:
        """Let go of the model."""
        self._encoder.release()

    def embed(
        self, query: str, documents: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the vectors of the query and of the documents, for `mmr` around it.

        Returns:
            Shapes ``(dim,)`` and ``(n_docs, dim)``.
        """
        return self.encode([query])[0], self.encode(documents)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of texts, shape ``(n_texts, dim)``, unit length."""
        deadline = _Deadline()
        return self._loaded(deadline).encode(texts, deadline)[0]

    def _loaded(self, deadline: resift_local.Deadline) -> Encoder:
        return self._encoder.get(lambda: Encoder(self), deadline)


class _Deadline(resift_local.Deadline):
    """When a call must have ended."""

    who = "static"
    remedy = (
        "Score fewer (window=...), allow more time, or call warmup() before the first "
        "request."
    )
