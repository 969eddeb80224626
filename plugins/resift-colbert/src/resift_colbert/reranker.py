"""`ColBERT`: the reranker and its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from resift import hookimpl
from resift.errors import InputError
from resift_colbert.deadline import Deadline
from resift_colbert.options import Options
from resift_colbert.stored import check_model, stored_embeddings
from resift_colbert.tokens import TokenEmbeddings
from resift_local import Resident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resift import Scores
    from resift_colbert.answer import Answer
    from resift_colbert.encoder import Encoder, Query
    from resift_colbert.maxsim import IntArray

__all__ = ["ColBERT"]


class ColBERT(Options):
    """Score by late interaction: every query token looks for its best document token.

    Documents are encoded at the call. Or, with *embeddings*, their token embeddings are
    read from a column of the candidates, and only the query goes through the model.

    A score is the sum over the query's tokens of the best cosine similarity, at most
    the number of query tokens; for a model trained with ``meanmaxsim`` it is the mean.

    Args:
        model: A ColBERT, PyLate or MultiVectorEncoder checkpoint: a folder, or a name
            on the Hugging Face Hub.
        revision: Branch, tag or commit of the checkpoint.
        device: Where the model runs: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``;
            unset, the best there is.
        dtype: Precision of the weights; ``"auto"`` or unset, 16 bits on an NVIDIA GPU
            and float32 elsewhere.
        batch_size: How many documents go through the model together.
        query_length: How many tokens of a query to read; unset, as the model was saved.
        document_length: How many tokens of a document to read; unset, as the model was
            saved, which for ColBERT v2 is less than it could read.
        embeddings: The column that holds the documents' token embeddings, of the
            type ``list<fixed_size_list<float16 or float32>>``; unset, the texts are
            encoded.
        missing: What to do about a document whose stored embeddings are null: stop with
            an ``"error"``, or ``"skip"`` it, which leaves it unscored.
        matches: Say which document token each query token matched, in a column
            ``_matches`` that ``explain=True`` shows, and where those stand in the text,
            in ``_spans``.
        trust_remote_code: Run code that comes with the checkpoint.
        local_files_only: Never download anything.
        threads: Threads that torch may use, in the whole process; unset, as it is.
        show_progress: Show a progress bar; unset, on a terminal, for a call that takes
            more than two seconds.
        remember: Megabytes of encoded documents to keep from one call to the next, for
            queries that share candidates; unset, none.

    Raises:
        ValueError: If a number is not positive.

    Example:
        >>> import resift
        >>> reranker = resift.load("colbert", config=None, batch_size=16)
        >>> reranker.score_kind
        'similarity'
    """

    resift_api: ClassVar[int] = 1
    pointwise: ClassVar[bool] = True
    score_kind: ClassVar[str] = "similarity"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._encoder: Resident[Encoder] = Resident()

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of stored token embeddings, if they are read."""
        return () if self.embeddings is None else (self.embeddings,)

    @property
    def needs_text(self) -> bool:
        """Whether the documents themselves are read."""
        return self.embeddings is None or self.matches

    @hookimpl
    def score(
        self,
        query: str,
        documents: Sequence[str],
        candidates: pa.Table | None = None,
        timeout: float | None = None,
    ) -> Scores:
        """Score each document, by its text or its stored token embeddings.

        Returns:
            Scores; where documents were cut, with the column ``tokens_cut`` and a note.

        Raises:
            ModelError: If the model cannot be loaded, fails, or gives NaN.
            InputError: If the stored embeddings cannot be read.
            BackendTimeoutError: If *timeout* is over before the last batch.
        """
        deadline = Deadline(timeout)
        if self.embeddings is None:
            return self._score_texts([query], [documents], deadline)[0]
        if candidates is not None and self.embeddings in candidates.column_names:
            check_model(candidates.schema, self.embeddings, str(self.model))
        chunks = list(stored_embeddings(candidates, self.embeddings, self.missing))
        encoder = self.encoder(deadline)
        (asked,) = encoder.queries([query], deadline)
        answer = self._answer(asked, len(documents), encoder)
        for rows, tokens in self._named(chunks, documents, encoder, deadline):
            self._check_width(tokens, asked)
            if len(broken := answer.add(rows, tokens)):
                msg = (
                    f"the column {self.embeddings!r} (option embeddings) has "
                    f"NaN or infinity for {len(broken)} of {len(documents)} documents, "
                    f"first for document {broken.min()}. Write it again with 'resift "
                    "colbert-index --overwrite'."
                )
                raise InputError(msg, who="colbert")
        return answer.scores()

    @hookimpl
    def score_many(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        timeout: float | None = None,
    ) -> list[Scores]:
        """Score the documents of all queries, each distinct text encoded once.

        Raises:
            InputError: If stored embeddings are to be read: there are no candidates.
        """
        if self.embeddings is not None:
            msg = (
                "texts alone cannot be scored, because the option embeddings "
                f"names a column ({self.embeddings!r}). Rerank tables that have it, or "
                "unset embeddings to encode the texts."
            )
            raise InputError(msg, who="colbert")
        return self._score_texts(queries, documents, Deadline(timeout))

    @hookimpl
    def warmup(self) -> None:
        """Load the model, and encode one text."""
        deadline = Deadline()
        self.encoder(deadline).queries(["a"], deadline)

    @hookimpl
    def close(self) -> None:
        """Let go of the model."""
        self._encoder.release()

    def encoder(self, deadline: Deadline | None = None) -> Encoder:
        """Return the model, loading it on first use.

        Raises:
            ModelError: If it cannot be loaded.
            BackendTimeoutError: If another thread is still loading it at the deadline.
        """
        from resift_colbert.encoder import Encoder

        return self._encoder.get(lambda: Encoder(self), deadline or Deadline())

    def _score_texts(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str]],
        deadline: Deadline,
    ) -> list[Scores]:
        """Encode every distinct text once, whichever queries it belongs to."""
        encoder = self.encoder(deadline)
        answers = [
            self._answer(query, len(texts), encoder)
            for query, texts in zip(
                encoder.queries(queries, deadline), documents, strict=True
            )
        ]
        wanted: dict[str, list[tuple[int, int]]] = {}  # text -> (query, row) pairs
        for i, texts in enumerate(documents):
            for row, text in enumerate(texts):
                wanted.setdefault(text, []).append((i, row))
        uses = list(wanted.values())
        for batch in encoder.remembered(list(wanted), deadline):
            by_query: dict[int, list[tuple[int, int]]] = {}
            for place, text_number in enumerate(batch.rows.tolist()):
                first, _ = uses[text_number][0]  # a text costs once, wherever it is
                answers[first].charge(int(batch.tokens_read[place]))
                for i, row in uses[text_number]:
                    by_query.setdefault(i, []).append((place, row))
            for i, pairs in by_query.items():
                places, rows = (list(column) for column in zip(*pairs, strict=True))
                answers[i].add(
                    np.array(rows), batch.tokens.take(places), batch.tokens_cut[places]
                )
        return [answer.scores() for answer in answers]

    def _answer(self, query: Query, n_documents: int, encoder: Encoder) -> Answer:
        from resift_colbert.answer import Answer

        return Answer(query, n_documents, encoder, with_matches=self.matches)

    def _named(
        self,
        chunks: Sequence[tuple[IntArray, TokenEmbeddings]],
        documents: Sequence[str],
        encoder: Encoder,
        deadline: Deadline,
    ) -> Iterator[tuple[IntArray, TokenEmbeddings]]:
        """Add the tokens themselves, where the texts have as many as are stored."""
        for rows, tokens in chunks:
            named = tokens
            if self.matches and len(rows):
                texts = [documents[row] for row in rows]
                ids, lengths = encoder.ids(texts, deadline)
                if np.array_equal(lengths, tokens.lengths):
                    named = TokenEmbeddings(tokens.values, tokens.lengths, ids)
                    named = encoder.placed(named, texts, deadline)
            yield rows, named

    def _check_width(self, tokens: TokenEmbeddings, query: Query) -> None:
        stored, width = tokens.values.shape[1], query.values.shape[1]
        if stored != width and len(tokens.values):
            msg = (
                f"the column {self.embeddings!r} (option embeddings) holds "
                f"vectors of width {stored}, but the model {str(self.model)!r} "
                f"makes them {width} wide. Give the model that wrote it, or write it "
                "again with 'resift colbert-index --overwrite'."
            )
            raise InputError(msg, who="colbert")
