"""`ResiftReranker`: a transformer of results, for pipelines and experiments."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyterrier as pt

import resift
from resift.errors import InputError
from resift_adapter import Choice, Given, fields_read, picked

__all__ = ["ResiftReranker"]

_LOG = logging.getLogger("resift")
_KEYS = ("qid", "query", "docno")


class ResiftReranker(pt.Transformer):
    """Rerank the results of each query with any reranker, picked by name.

    PyTerrier reads the order of results from their scores. So a result that was not
    scored, or whose score would break the order of the answer, gets one beneath that of
    the result before it. The frame that came in is not changed.

    Args:
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`.
        top_k: How many results of each query to return; all by default, or the
            reranker's own *top_k*. ``% 10`` behind it does the same, and is handed on
            to the reranker where a pipeline is compiled.
        text_field: The column of the text.
        batch_size: Pairs of query and document that the reranker gets at once, more
            only where one query has more.
        timeout: Seconds for a batch, for rerankers that can honour it.

    Example:
        >>> import pandas as pd
        >>> from resift_pyterrier import ResiftReranker
        >>> texts = {"a": "a blue whale", "b": "the quick red fox"}
        >>> found = pd.DataFrame({"docno": texts.keys(), "text": texts.values()})
        >>> pipeline = ResiftReranker("bm25") % 1
        >>> pipeline(found.assign(qid="1", query="red fox")).docno.to_list()
        ['b']
    """

    def __init__(
        self,
        reranker: Given,
        *,
        top_k: int | None = None,
        text_field: str = "text",
        batch_size: int = 3200,
        timeout: float | None = None,
    ) -> None:
        super().__init__()
        who = type(self).__name__
        for name, value in (("top_k", top_k), ("batch_size", batch_size)):
            if value is not None and value < 1:
                requirement = "must be at least 1"
                raise InputError(requirement, who=who, parameter=name, value=value)
        self._choice = Choice(reranker, who)
        self.top_k = top_k
        self.text_field = text_field
        self.batch_size = batch_size
        self.timeout = timeout

    @property
    def reranker(self) -> Given:
        """What stands for the reranker; as a table, its `repr` shows no secret."""
        return self._choice.given

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Return the results with new scores and ranks, query by query, best first.

        Notes on the answer are in ``attrs["resift.notes"]``.

        Raises:
            InputError: If a query is blank, or has two texts.
            pt.validate.InputValidationError: If a column is missing.
        """
        pt.validate.columns(inp, includes=[*_KEYS, self.text_field])
        rows: list[int] = []
        scores: list[float] = []
        ranks: list[int] = []
        notes: dict[str, None] = {}
        groups = inp.groupby("qid", sort=False).indices
        for places, ranked in zip(
            groups.values(), self._ranked(inp, groups), strict=True
        ):
            rows += [places[found.index] for found in ranked]
            scores += falling([found.score for found in ranked])
            first = pt.model.FIRST_RANK
            ranks += range(first, first + len(ranked))
            notes |= dict.fromkeys(map(str, ranked.notes))
        kept = inp.iloc[rows].drop(columns=["score", "rank"], errors="ignore")
        answer = kept.reset_index(drop=True).assign(
            score=pd.Series(scores, dtype="float64"),
            rank=pd.Series(ranks, dtype="int64"),
        )
        answer.attrs["resift.notes"] = list(notes)
        for note in notes:
            _LOG.warning(note)
        return answer

    def transform_inputs(self) -> list[list[str]]:
        """Return the columns that it needs, as `pt.inspect` asks."""
        return [[*_KEYS, self.text_field]]

    def fuse_rank_cutoff(self, k: int) -> pt.Transformer | None:
        """Return a transformer that returns *k* results, for ``self % k``."""
        known = (self.top_k, self._choice.reranker().defaults.top_k, k)
        return type(self)(
            self.reranker,
            top_k=min(n for n in known if n is not None),
            text_field=self.text_field,
            batch_size=self.batch_size,
            timeout=self.timeout,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reranker!r})"

    def _ranked(
        self, frame: pd.DataFrame, groups: Mapping[str, Sequence[int]]
    ) -> list[resift.RankedDocuments[Any]]:
        """Return the ranking of each query, their pairs scored in batches."""
        if frame.empty:  # `pt.inspect` asks so: no model is loaded for that
            return []
        reranker = self._choice.reranker()
        texts = [None if pd.isna(t) else t for t in frame[self.text_field]]
        documents: list[Any] = texts
        names = fields_read(reranker)
        if names != ():
            columns = frame.drop(columns=self.text_field).to_dict("records")
            documents = [
                {**picked({str(k): v for k, v in row.items()}, names), "text": text}
                for row, text in zip(columns, texts, strict=True)
            ]
        queries = frame["query"].to_list()
        pairs = (
            (self._query(qid, [queries[i] for i in mine]), [documents[i] for i in mine])
            for qid, mine in groups.items()
        )
        stream = reranker.rank_stream(
            pairs,
            top_k=self.top_k,
            budget=self.batch_size,
            timeout=self.timeout,
            on_error="return",
        )
        found = []
        for qid, ranked in zip(groups, stream, strict=True):
            if isinstance(ranked, Exception):
                ranked.add_note(f"It was query {qid!r}.")
                raise ranked
            found.append(ranked)
        return found

    def _query(self, qid: object, texts: list[str]) -> str:
        """Return the text of a query, which all of its results must have."""
        if len(set(texts)) > 1:
            msg = f"query {qid!r} must have one text in all of its rows."
            raise InputError(msg, who=type(self).__name__)
        return texts[0]


def falling(scores: Sequence[float | None]) -> list[float]:
    """Return scores that fall as the ranks rise: each its own where it can be.

    Example:
        >>> falling([2.0, None, 7.0])
        [2.0, 1.0, 0.0]
    """
    found: list[float] = []
    for score in scores:
        least = found[-1] if found else None
        if score is not None and (least is None or score <= least):
            found.append(score)
        else:
            found.append(0.0 if least is None else least - 1)
    return found
