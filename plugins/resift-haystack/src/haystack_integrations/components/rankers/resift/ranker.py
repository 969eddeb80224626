"""`ResiftRanker`: the documents of one list, reranked."""

from __future__ import annotations

import asyncio
from typing import Any

from haystack import Document, component

from resift_adapter import Given, rank
from resift_haystack import READER, Settled, scored

__all__ = ["ResiftRanker"]


@component
class ResiftRanker(Settled):
    """Rerank documents with any reranker, picked by name.

    The documents it returns are copies with the new score, a float, or None where one
    was not scored.

    Args:
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`. A key may be a `Secret` that names its
            variable.
        top_k: How many documents to return; all by default, or the reranker's own.
        timeout: Seconds for a call, for rerankers that can honour it.
        explain: Whether to say under ``meta["resift"]`` what the reranker knows beside
            the score.

    Example:
        >>> from haystack import Document
        >>> from haystack_integrations.components.rankers.resift import ResiftRanker
        >>> ranker = ResiftRanker("bm25", top_k=1)
        >>> documents = [Document(content="a whale"), Document(content="a red fox")]
        >>> ranker.run("red fox", documents)["documents"][0].content
        'a red fox'
    """

    def __init__(
        self,
        reranker: Given,
        *,
        top_k: int | None = None,
        timeout: float | None = None,
        explain: bool = False,
    ) -> None:
        self._settle(reranker, top_k=top_k, timeout=timeout, explain=explain)
        self.top_k = top_k
        self.timeout = timeout
        self.explain = explain

    @component.output_types(documents=list[Document], notes=list[str])
    def run(
        self, query: str, documents: list[Document], top_k: int | None = None
    ) -> dict[str, Any]:
        """Return ``documents``, best first, and ``notes`` on the answer.

        Args:
            query: The query, not blank.
            documents: In the order they were retrieved.
            top_k: How many to return; the component's *top_k* by default.

        Raises:
            InputError: If the query is blank, or the reranker only merges.
        """
        answer = rank(
            self._choice.reranker(),
            query,
            documents,
            READER,
            top_k=self.top_k if top_k is None else top_k,
            timeout=self.timeout,
            explain=self.explain,
        )
        return {
            "documents": scored(answer, explain=self.explain),
            "notes": list(map(str, answer.notes)),
        }

    @component.output_types(documents=list[Document], notes=list[str])
    async def run_async(
        self, query: str, documents: list[Document], top_k: int | None = None
    ) -> dict[str, Any]:
        """`run` in a thread, off the event loop."""
        return await asyncio.to_thread(self.run, query, documents, top_k)
