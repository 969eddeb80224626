"""`ResiftReranker`: a document compressor, for `ContextualCompressionRetriever`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document

from resift_adapter import Answer, rank
from resift_adapter.field import Chosen
from resift_langchain.documents import DocumentReader, scored
from resift_langchain.tracing import atraced, traced

__all__ = ["ResiftReranker"]


class ResiftReranker(Chosen, BaseDocumentCompressor):
    """Rerank the documents of a retriever with any reranker, picked by name.

    The documents it returns are copies, with the score in their metadata; what it was
    given stays as it is.

    Args:
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`.
        top_n: How many documents to return; all by default, or the reranker's *top_k*.
        timeout: Seconds for a call, for rerankers that can honour it.
        score_key: The key of the metadata that gets the score, a float, or None where
            a document was not scored.
        explain: Whether to say under ``metadata["resift"]`` what the reranker knows
            beside the score, and its notes.

    Example:
        >>> from langchain_core.documents import Document
        >>> from resift_langchain import ResiftReranker
        >>> reranker = ResiftReranker(reranker="bm25", top_n=1)
        >>> documents = [Document("a blue whale"), Document("the quick red fox")]
        >>> reranker.compress_documents(documents, "red fox")[0].page_content
        'the quick red fox'
    """

    top_n: int | None = None
    timeout: float | None = None
    score_key: str = "relevance_score"
    explain: bool = False

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
    ) -> list[Document]:
        """Return copies of the best documents, best first.

        Raises:
            InputError: If the query is blank.
            ResiftError: If the reranker cannot be loaded, or fails.
        """
        call = self._call(documents, query)
        name, asked = self.loaded().name, self._asked(documents)
        answer = traced(callbacks, name, asked, call)
        return scored(answer, self.score_key, explain=self.explain)

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
    ) -> list[Document]:
        """`compress_documents` off the event loop."""
        call = partial(asyncio.to_thread, self._call(documents, query))
        name, asked = self.loaded().name, self._asked(documents)
        answer = await atraced(callbacks, name, asked, call)
        return scored(answer, self.score_key, explain=self.explain)

    def _call(
        self, documents: Sequence[Document], query: str
    ) -> Callable[[], Answer[Document]]:
        return partial(
            rank,
            self.loaded(),
            query,
            documents,
            DocumentReader(self.score_key),
            top_k=self.top_n,
            timeout=self.timeout,
            explain=self.explain,
        )

    def _asked(self, documents: Sequence[Document]) -> dict[str, object]:
        return {"documents": len(documents), "top_n": self.top_n}
