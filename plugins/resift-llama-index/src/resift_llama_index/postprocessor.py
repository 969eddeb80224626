"""`ResiftRerank`: a node postprocessor, for query engines."""

from __future__ import annotations

import pickle
from typing import Any

from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation import (  # type: ignore[attr-defined]
    get_dispatcher,  # as its documentation has it
)
from llama_index.core.instrumentation.events.rerank import (
    ReRankEndEvent,
    ReRankStartEvent,
)
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from resift.errors import InputError
from resift_adapter import rank
from resift_adapter.field import Chosen
from resift_llama_index.nodes import NodeReader, scored

__all__ = ["ResiftRerank"]

_dispatcher = get_dispatcher(__name__)


class ResiftRerank(Chosen, BaseNodePostprocessor):
    """Rerank nodes with any reranker, picked by name.

    The nodes it returns are copies with the new score, a float, or None where one was
    not scored; what it was given stays as it is.

    Args:
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`.
        top_n: How many nodes to return; all by default, or the reranker's *top_k*.
        timeout: Seconds for a call, for rerankers that can honour it.
        metadata_mode: Which of the metadata is part of the text that is scored.
        explain: Whether to say under ``metadata["resift"]`` what the reranker knows
            beside the score, and its notes; no model reads that key.

    Example:
        >>> from llama_index.core.schema import NodeWithScore, TextNode
        >>> from resift_llama_index import ResiftRerank
        >>> texts = ["a blue whale", "the quick red fox"]
        >>> nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
        >>> rerank = ResiftRerank(reranker="bm25", top_n=1)
        >>> rerank.postprocess_nodes(nodes, query_str="red fox")[0].text
        'the quick red fox'
    """

    top_n: int | None = None
    timeout: float | None = None
    metadata_mode: MetadataMode = MetadataMode.EMBED
    explain: bool = False

    @classmethod
    def class_name(cls) -> str:
        """Return the name under which LlamaIndex writes it down."""
        return "ResiftRerank"

    def __getstate__(self) -> dict[str, Any]:
        pickle.dumps(self.reranker)  # LlamaIndex drops what refuses to be pickled
        return super().__getstate__()

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            msg = "needs a query. Give query_str or query_bundle."
            raise InputError(msg, who=type(self).__name__)
        reranker, query = self.loaded(), query_bundle.query_str
        top_n = len(nodes) if self.top_n is None else self.top_n
        _dispatcher.event(
            ReRankStartEvent(
                query=query_bundle, nodes=nodes, top_n=top_n, model_name=reranker.name
            )
        )
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: reranker.name,
            EventPayload.QUERY_STR: query,
            EventPayload.TOP_K: top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload) as event:
            answer = rank(
                reranker,
                query,
                nodes,
                NodeReader(self.metadata_mode),
                top_k=self.top_n,
                timeout=self.timeout,
                explain=self.explain,
            )
            found = scored(answer, explain=self.explain)
            event.on_end(payload={EventPayload.NODES: found})
        _dispatcher.event(ReRankEndEvent(nodes=found))
        return found
