"""`ResiftFusionRetriever`: several retrievers side by side, fused by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from llama_index.core.callbacks import CallbackManager
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from resift_adapter import Choice, Given, aask, ask, fuse
from resift_llama_index.nodes import NodeReader, scored

__all__ = ["ResiftFusionRetriever"]


class ResiftFusionRetriever(BaseRetriever):
    """Ask several retrievers at once; merge and rerank what they find, by name.

    Takes the place of `QueryFusionRetriever`. A node is the same in two lists where
    *id_key* says so, else where its id does. It counts once in a list. A retriever that
    fails costs its list, not the answer, and a note says so. What is returned are
    copies with the new score.

    Args:
        retrievers: In order, or by name.
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`. One that only merges, such as ``"rrf"``,
            takes a blank query, too.
        similarity_top_k: How many nodes to return; all by default, or the reranker's
            own *top_k*.
        weights: What each retriever counts for: in order, or by name.
        id_key: The key of the metadata that tells nodes apart.
        timeout: Seconds that the retrievers have, and after them the reranker, if it
            can honour it.
        metadata_mode: Which of the metadata is part of the text that is scored.
        explain: Whether to say under ``metadata["resift"]`` where each retriever had
            the node, and the notes; no model reads that key.
        callback_manager: LlamaIndex's.
    """

    def __init__(
        self,
        retrievers: Sequence[BaseRetriever] | Mapping[str, BaseRetriever],
        reranker: Given = "rrf",
        *,
        similarity_top_k: int | None = None,
        weights: Sequence[float] | Mapping[str, float] | None = None,
        id_key: str | None = None,
        timeout: float | None = None,
        metadata_mode: MetadataMode = MetadataMode.EMBED,
        explain: bool = False,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        if not isinstance(retrievers, Mapping):
            retrievers = {f"list_{i}": r for i, r in enumerate(retrievers, start=1)}
        self.retrievers = dict(retrievers)
        self.similarity_top_k = similarity_top_k
        self.weights = weights
        self.id_key = id_key
        self.timeout = timeout
        self.metadata_mode = metadata_mode
        self.explain = explain
        self._choice = Choice(reranker, type(self).__name__)
        super().__init__(callback_manager=callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        calls = {
            name: partial(child.retrieve, query_bundle)
            for name, child in self.retrievers.items()
        }
        lists, notes = ask(calls, type(self).__name__, timeout=self.timeout)
        return self._fusing(query_bundle, lists, notes)()

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        calls = {
            name: partial(child.aretrieve, query_bundle)
            for name, child in self.retrievers.items()
        }
        lists, notes = await aask(calls, type(self).__name__, timeout=self.timeout)
        return await asyncio.to_thread(self._fusing(query_bundle, lists, notes))

    def _fusing(
        self,
        query_bundle: QueryBundle,
        lists: Mapping[str, list[NodeWithScore] | None],
        notes: tuple[str, ...],
    ) -> Callable[[], list[NodeWithScore]]:
        def fused() -> list[NodeWithScore]:
            answer = fuse(
                self._choice.reranker(),
                query_bundle.query_str,
                {name: found or [] for name, found in lists.items()},
                NodeReader(self.metadata_mode),
                id_key=self.id_key,
                weights=self.weights,
                top_k=self.similarity_top_k,
                timeout=self.timeout,
                explain=self.explain,
                notes=notes,
                who=type(self).__name__,
            )
            return scored(answer, explain=self.explain)

        return fused
