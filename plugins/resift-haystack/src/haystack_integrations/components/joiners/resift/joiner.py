"""`ResiftJoiner`: the lists of any number of branches, merged and reranked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from haystack import Document, component
from haystack.core.component.types import Variadic

from resift_adapter import Given, fuse
from resift_haystack import READER, Settled, scored

__all__ = ["ResiftJoiner"]

_ALL = "documents"


@component
class ResiftJoiner(Settled):
    """Merge the lists of several retrievers, and rerank the best, by name.

    Takes the place of `DocumentJoiner`. A document is the same in two lists where
    *id_key* says so, else where the id does. It counts once in a list. The documents
    it returns are copies with the new score.

    Args:
        reranker: A name of the config file or of an installed reranker, a table with
            ``use``, or a `resift.Reranker`. One that only merges, such as ``"rrf"``,
            needs no query.
        names: An input for each branch, called so. By default there is one,
            ``documents``, that takes any number of branches, in the order in which
            they ran: by the names of the components.
        weights: What each list counts for: in order, or by its name.
        top_k: How many documents to return; all by default, or the reranker's own.
        id_key: The key of the meta that tells documents apart.
        timeout: Seconds for scoring, for rerankers that can honour it.
        explain: Whether to say under ``meta["resift"]`` where each list had the
            document.
    """

    def __init__(
        self,
        reranker: Given,
        *,
        names: Sequence[str] | None = None,
        weights: Sequence[float] | Mapping[str, float] | None = None,
        top_k: int | None = None,
        id_key: str | None = None,
        timeout: float | None = None,
        explain: bool = False,
    ) -> None:
        self._settle(
            reranker,
            names=None if names is None else list(names),
            weights=weights,
            top_k=top_k,
            id_key=id_key,
            timeout=timeout,
            explain=explain,
        )
        self.names = names
        self.weights = weights
        self.top_k = top_k
        self.id_key = id_key
        self.timeout = timeout
        self.explain = explain
        if names is None:
            component.set_input_type(self, _ALL, Variadic[list[Document]])
        for name in names or ():
            component.set_input_type(self, name, list[Document], [])

    @component.output_types(documents=list[Document], notes=list[str])
    def run(
        self,
        query: str = "",
        top_k: int | None = None,
        **lists: Any,  # noqa: ANN401  # the sockets' types are Haystack's to check
    ) -> dict[str, Any]:
        """Return ``documents``, best first, and ``notes`` on the answer.

        Args:
            query: The query; may be blank for a reranker that only merges.
            top_k: How many documents to return; the component's *top_k* by default.
            lists: ``documents``, the lists of all branches; or a list for each name.

        Raises:
            InputError: If the query is blank and the reranker scores, or a document
                has no *id_key*.
        """
        answer = fuse(
            self._choice.reranker(),
            query,
            self._named(lists),
            READER,
            id_key=self.id_key,
            weights=self.weights,
            top_k=self.top_k if top_k is None else top_k,
            timeout=self.timeout,
            explain=self.explain,
            who=type(self).__name__,
        )
        return {
            "documents": scored(answer, explain=self.explain),
            "notes": list(map(str, answer.notes)),
        }

    @component.output_types(documents=list[Document], notes=list[str])
    async def run_async(
        self,
        query: str = "",
        top_k: int | None = None,
        **lists: Any,  # noqa: ANN401  # the sockets' types are Haystack's to check
    ) -> dict[str, Any]:
        """`run` in a thread, off the event loop."""
        return await asyncio.to_thread(self.run, query, top_k, **lists)

    def _named(self, lists: Mapping[str, Any]) -> Mapping[str, list[Document]]:
        """Return the lists by name."""
        if self.names is None:
            found = lists.get(_ALL, ())
            return {f"list_{i}": one for i, one in enumerate(found, start=1)}
        return {name: lists.get(name) or [] for name in self.names}
