"""`ResiftRetriever`: several retrievers side by side, fused and reranked by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, patch_config
from langchain_core.runnables.utils import (
    ConfigurableFieldSpec,
    get_unique_config_specs,
)
from pydantic import Field

from resift_adapter import Answer, aask, ask, fuse
from resift_adapter.field import Chosen
from resift_langchain.documents import DocumentReader, scored
from resift_langchain.tracing import atraced, traced

__all__ = ["ResiftRetriever"]

Retriever: TypeAlias = Runnable[str, list[Document]]
Lists: TypeAlias = Mapping[str, list[Document] | None]


class ResiftRetriever(Chosen, BaseRetriever):
    """Ask several retrievers at once; merge and rerank what they find, by name.

    Takes the place of `EnsembleRetriever`. A document is the same in two lists where
    *id_key* says so, else where the id does, if all documents have one, else where the
    text does. It counts once in a list. A retriever that fails costs its list, not the
    answer, and a note says so. What is returned are copies with the score in their
    metadata.

    Args:
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`. One that only merges, such as ``"rrf"``,
            takes a blank query, too.
        retrievers: Retrievers, or whatever is invoked with a query and returns
            documents: in order, or by name.
        k: How many documents to return; all by default, or the reranker's *top_k*.
        weights: What each retriever counts for: in order, or by name.
        id_key: The key of the metadata that tells documents apart.
        timeout: Seconds that the retrievers have, and after them the reranker, if it
            can honour it. Nothing stops a retriever that takes longer in `invoke`; it
            is not waited for.
        score_key: The key of the metadata that gets the score, and where the score of
            a retriever is read.
        explain: Whether to say under ``metadata["resift"]`` where each retriever had
            the document, and the notes.

    Example:
        >>> from langchain_core.documents import Document
        >>> from langchain_core.runnables import RunnableLambda
        >>> from resift_langchain import ResiftRetriever
        >>> texts = RunnableLambda(lambda query: [Document("a fox"), Document("a hen")])
        >>> vectors = RunnableLambda(lambda query: [Document("a hen")])
        >>> retriever = ResiftRetriever(reranker="rrf", retrievers=[texts, vectors])
        >>> [found.page_content for found in retriever.invoke("animals", k=1)]
        ['a hen']
    """

    retrievers: Sequence[Retriever] | Mapping[str, Retriever] = Field(min_length=1)
    k: int | None = None
    weights: Sequence[float] | Mapping[str, float] | None = None
    id_key: str | None = None
    timeout: float | None = None
    score_key: str = "relevance_score"
    explain: bool = False

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """What can be configured: all that the retrievers can."""
        children = self._named().values()
        return get_unique_config_specs(
            s for child in children for s in child.config_specs
        )

    def invoke(
        self,
        input: str,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401  # k, or refused
    ) -> list[Document]:
        """Return the best documents for a query; *k* may be given with the call."""
        config = ensure_config(config)
        return super().invoke(input, config, **{**kwargs, "within": config})

    async def ainvoke(
        self,
        input: str,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401  # k, or refused
    ) -> list[Document]:
        """`invoke` on the event loop."""
        config = ensure_config(config)
        return await super().ainvoke(input, config, **{**kwargs, "within": config})

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        within: RunnableConfig | None = None,
    ) -> list[Document]:
        config = patch_config(within, callbacks=run_manager.get_child())
        lists, notes = ask(
            {
                name: partial(child.invoke, query, config)
                for name, child in self._named().items()
            },
            type(self).__name__,
            timeout=self.timeout,
            limit=config.get("max_concurrency"),
        )
        call = self._fusing(query, lists, notes, k)
        asked, name = _asked(lists), self.loaded().name
        answer = traced(run_manager.get_child(), name, asked, call)
        return scored(answer, self.score_key, explain=self.explain)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        within: RunnableConfig | None = None,
    ) -> list[Document]:
        config = patch_config(within, callbacks=run_manager.get_child())
        lists, notes = await aask(
            {
                name: partial(child.ainvoke, query, config)
                for name, child in self._named().items()
            },
            type(self).__name__,
            timeout=self.timeout,
            limit=config.get("max_concurrency"),
        )
        call = partial(asyncio.to_thread, self._fusing(query, lists, notes, k))
        asked, name = _asked(lists), self.loaded().name
        answer = await atraced(run_manager.get_child(), name, asked, call)
        return scored(answer, self.score_key, explain=self.explain)

    def _named(self) -> Mapping[str, Retriever]:
        """Return the retrievers by name."""
        if isinstance(self.retrievers, Mapping):
            return self.retrievers
        return {f"list_{i}": r for i, r in enumerate(self.retrievers, start=1)}

    def _fusing(
        self, query: str, lists: Lists, notes: tuple[str, ...], k: int | None
    ) -> Callable[[], Answer[Document]]:
        return partial(
            fuse,
            self.loaded(),
            query,
            {name: found or [] for name, found in lists.items()},
            DocumentReader(self.score_key),
            id_key=self.id_key,
            weights=self.weights,
            top_k=self.k if k is None else k,
            timeout=self.timeout,
            explain=self.explain,
            notes=notes,
            who=type(self).__name__,
        )


def _asked(lists: Lists) -> dict[str, object]:
    """Return how many documents came from each retriever; None where it failed."""
    counts = {n: None if found is None else len(found) for n, found in lists.items()}
    return {"documents": counts}
