"""`BiEncoder`: the reranker and its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from resift import Scores, hookimpl
from resift.errors import InputError
from resift_bi_encoder.deadline import Deadline
from resift_bi_encoder.encoder import Encoder
from resift_bi_encoder.options import Options
from resift_bi_encoder.similarity import similarities
from resift_local import Resident, tokens_cut, truncation

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["BiEncoder"]


class BiEncoder(Options):
    """Score by how alike the embeddings of query and document are.

    Encodes both with any `sentence_transformers.SentenceTransformer`, or reads the
    documents' vectors from a column, so that only the query is encoded.

    Args:
        model: A name on the Hub, or the folder of a saved model.
        embeddings: The column of the candidates that holds the documents' vectors,
            made by the same model; by default the texts are encoded.
        similarity: ``"cosine"``, ``"dot"``, ``"euclidean"`` or ``"manhattan"`` (the
            last two as 1 / (1 + distance)); ``"auto"`` is the model's own.
        query_prompt: What goes before the query, as text or as the name of a prompt
            stored in the model; by default the model's own for queries.
        document_prompt: The same for documents.
        dimensions: How many dimensions of an embedding to keep, for models trained so
            that their first ones suffice.
        revision: The branch, tag or commit on the Hub; pin it in production.
        backend: ``"torch"``; or ``"openvino"``, ``"onnx"`` as sentence-transformers has
            them, with its extra of that name.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; by default the fastest.
        dtype: ``"auto"`` computes in bfloat16 on a CPU that has it (float32 for stored
            vectors), in 16 bits on an NVIDIA GPU, and in float32 elsewhere.
        max_length: The most tokens of a text; by default what the model was made for.
            What is cut is reported.
        batch_size: Texts per batch.
        threads: CPU threads, for the whole process; by default those of torch.
        trust_remote_code: Whether to run code that comes with the model.
        local_files_only: Whether to read the local cache only.
        show_progress: Whether to show a progress bar; by default on a terminal, for a
            call that takes more than two seconds.
        remember: Megabytes of encoded documents to keep from one call to the next, for
            queries that share candidates; by default none. A text's vector depends, in
            its last digits, on the texts it was encoded with.

    Raises:
        ValueError: If a number is not positive.
    """

    resift_api: ClassVar[int] = 1
    pointwise: ClassVar[bool] = True
    score_kind: ClassVar[str] = "similarity"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._encoder: Resident[Encoder] = Resident()

    @property
    def score_range(self) -> tuple[float, float] | None:
        """Of cosines; ``"auto"`` is known once the model is loaded."""
        loaded = self._encoder.loaded
        measure = self.similarity if loaded is None else loaded.measure
        return (-1.0, 1.0) if measure == "cosine" else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of stored vectors, if they are read."""
        return () if self.embeddings is None else (self.embeddings,)

    @property
    def needs_text(self) -> bool:
        """Whether the documents themselves are encoded."""
        return self.embeddings is None

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None = None,
        timeout: float | None = None,
    ) -> Scores:
        """Score each document, by its text or its stored vector.

        Returns:
            Scores; where documents were cut, with the column ``tokens_cut`` and a note.

        Raises:
            ModelError: If the model cannot be loaded, fails, or gives NaN.
            InputError: If the stored vectors cannot be read.
            BackendTimeoutError: If *timeout* is over before the last batch.
        """
        deadline = Deadline(timeout)
        if self.embeddings is None:
            return self._from_texts([query], [documents], deadline)[0]
        return self._from_vectors(query, candidates, self.embeddings, deadline)

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None = None,
    ) -> list[Scores]:
        """Score the documents of all queries, each distinct text encoded once.

        Raises:
            InputError: If vectors are to be read: there are no candidates here.
        """
        if self.embeddings is not None:
            msg = (
                f"option 'embeddings': column {self.embeddings!r} comes "
                "with the candidates of one query. Rerank the queries one by one."
            )
            raise InputError(msg, who="bi-encoder")
        return self._from_texts(queries, documents, Deadline(timeout))

    @hookimpl
    def warmup(self) -> None:
        """Load the model, and encode one text."""
        deadline = Deadline()
        self._loaded(deadline).encode(["a"], "query", deadline)

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
        deadline = Deadline()
        encoder = self._loaded(deadline)
        asked = encoder.encode([query], "query", deadline)[0]
        return asked, encoder.encode(documents, "document", deadline)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of *text* lies, for `chunk` around it."""
        return self._loaded(Deadline()).spans(text)

    def _from_texts(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        deadline: Deadline,
    ) -> list[Scores]:
        encoder = self._loaded(deadline)
        texts = list(dict.fromkeys(text for given in documents for text in given))
        row = {text: i for i, text in enumerate(texts)}
        asked = encoder.encode(queries, "query", deadline)
        found, read, cut = encoder.documents(texts, deadline)
        query_read, query_cut = encoder.lengths(queries, "query")
        counted = np.zeros(len(texts), dtype=bool)
        answers = []
        for i, given in enumerate(documents):
            rows = np.array([row[text] for text in given], dtype=np.int64)
            values = similarities(asked[i], found[rows], encoder.measure)
            columns, notes = _truncation(encoder, cut[rows], int(query_cut[i]))
            new = np.unique(rows[~counted[rows]])  # a text costs once, wherever it is
            counted[new] = True
            usage = _usage(int(query_read[i] + read[new].sum()))
            usage |= tokens_cut(columns)
            answers.append(Scores(values, columns, notes, usage=usage))
        return answers

    def _from_vectors(
        self, query: str, candidates: pa.Table | None, column: str, deadline: Deadline
    ) -> Scores:
        from resift_bi_encoder.vectors import stored_vectors

        encoder = self._loaded(deadline)
        asked = encoder.encode([query], "query", deadline)[0]
        parts = [
            similarities(asked, vectors, encoder.measure)
            for vectors in stored_vectors(candidates, column, len(asked))
        ]
        read, cut = encoder.lengths([query], "query")
        _, notes = _truncation(encoder, np.zeros(0, dtype=np.int64), int(cut[0]))
        values = np.concatenate([np.empty(0), *parts])
        return Scores(values, {}, notes, usage=_usage(int(read[0])))

    def _loaded(self, deadline: Deadline) -> Encoder:
        return self._encoder.get(lambda: Encoder(self), deadline)


def _usage(tokens: int) -> dict[str, float]:
    """Return what an answer cost; nothing where the tokenizer does not tell."""
    return {"input_tokens": tokens} if tokens else {}


def _truncation(
    encoder: Encoder, cut: NDArray[np.int64], query_cut: int
) -> tuple[dict[str, NDArray[np.integer]], tuple[str, ...]]:
    """Return the column and the notes that say what the model did not read."""
    reads = (encoder.reads("document") or 0, encoder.reads("query") or 0)
    return truncation("bi-encoder", cut, query_cut, reads=reads)
