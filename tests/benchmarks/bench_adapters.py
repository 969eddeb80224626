"""What the adapters for frameworks add: to an import, to a call, and to fusing.

    python tests/benchmarks/bench_adapters.py [FRAMEWORK ...]

Prints CPU milliseconds, the least of several runs: importing the framework's part that
an adapter needs, and what the adapter adds; ranking 100 documents for the best ten with
a scorer that costs nothing, by `Reranker.rank`, and what the adapter adds; fusing two
lists of 100 by ranks for the best ten, and the same by the framework's own class. A
framework that is not installed is left out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

import resift

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.documents import Document

TEXTS = [f"text {i} " + "word " * 30 for i in range(100)]
IMPORTS = {
    "langchain_core": ("langchain_core.retrievers", "resift_langchain"),
    "llama_index": ("llama_index.core", "resift_llama_index"),
    "haystack": (
        "haystack",
        "haystack_integrations.components.rankers.resift, "
        "haystack_integrations.components.joiners.resift",
    ),
    "pyterrier": ("pyterrier", "resift_pyterrier"),
}


class Free:
    """Scores at no cost: what is left is that of resift and of the adapter."""

    @resift.hookimpl
    def score(self, documents: list[str]) -> np.ndarray:
        """Give falling scores."""
        return -np.arange(float(len(documents)))


FREE = resift.Reranker(Free())


Call: TypeAlias = "Callable[[], object]"


def langchain_core() -> tuple[Call, Call, Call | None]:
    """Return a call of the compressor, of the retriever, and of LangChain's own."""
    from langchain_core.documents import Document
    from langchain_core.runnables import RunnableLambda

    from resift_langchain import ResiftReranker, ResiftRetriever

    documents = [Document(text, id=text[:8]) for text in TEXTS]
    one = ResiftReranker(reranker=FREE, top_n=10)
    lists = [
        RunnableLambda(partial(_given, documents)),
        RunnableLambda(partial(_given, documents[::-1])),
    ]
    many = ResiftRetriever(reranker="rrf", retrievers=lists, k=10)
    try:
        from langchain_classic.retrievers import EnsembleRetriever
    except ImportError:
        theirs = None
    else:
        theirs = partial(EnsembleRetriever(retrievers=lists).invoke, "q")
    return (
        partial(one.compress_documents, documents, "q"),
        partial(many.invoke, "q"),
        theirs,
    )


def llama_index() -> tuple[Call, Call, Call]:
    """Return a call of the postprocessor, of the retriever, and of LlamaIndex's own."""
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import BaseRetriever, QueryFusionRetriever
    from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
    from llama_index.core.schema import NodeWithScore, TextNode

    from resift_llama_index import ResiftFusionRetriever, ResiftRerank

    nodes = [NodeWithScore(node=TextNode(text=t, id_=t[:8]), score=1.0) for t in TEXTS]

    class Fixed(BaseRetriever):
        def __init__(self, found: list[NodeWithScore]) -> None:
            self.found = found
            super().__init__()

        def _retrieve(self, query_bundle: object) -> list[NodeWithScore]:
            return self.found

    lists: list[BaseRetriever] = [Fixed(nodes), Fixed(nodes[::-1])]
    one = ResiftRerank(reranker=FREE, top_n=10)
    many = ResiftFusionRetriever(lists, similarity_top_k=10)
    theirs = QueryFusionRetriever(
        lists,
        llm=MockLLM(),
        mode=FUSION_MODES.RECIPROCAL_RANK,
        num_queries=1,
        use_async=False,
        similarity_top_k=10,
    )
    return (
        partial(one.postprocess_nodes, nodes, query_str="q"),
        partial(many.retrieve, "q"),
        partial(theirs.retrieve, "q"),
    )


def haystack() -> tuple[Call, Call, Call]:
    """Return a call of the ranker, of the joiner, and of Haystack's own."""
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner

    from haystack_integrations.components.joiners.resift import ResiftJoiner
    from haystack_integrations.components.rankers.resift import ResiftRanker

    documents = [Document(content=text, id=text[:8]) for text in TEXTS]
    one, many = ResiftRanker(FREE, top_k=10), ResiftJoiner("rrf", top_k=10)
    theirs = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10)
    lists = [documents, documents[::-1]]
    return (
        partial(one.run, "q", documents),
        partial(many.run, documents=lists),
        partial(theirs.run, documents=lists),
    )


def pyterrier() -> tuple[Call, None, None]:
    """Return a call of the transformer."""
    import pandas as pd

    from resift_pyterrier import ResiftReranker

    found = {"docno": [text[:8] for text in TEXTS], "text": TEXTS}
    frame = pd.DataFrame(found).assign(qid="1", query="q")
    return partial(ResiftReranker(FREE, top_k=10), frame), None, None


def _given(documents: list[Document], _: str) -> list[Document]:
    return documents


def least(call: Callable[[], object], times: int = 200) -> float:
    """Return the least CPU milliseconds of a call."""
    spent = []
    for _ in range(times):
        start = time.process_time_ns()
        call()
        spent.append(time.process_time_ns() - start)
    return min(spent) / 1e6


def imported(theirs: str, ours: str, times: int = 3) -> tuple[float, float]:
    """Return the least CPU milliseconds of one import, and of another after it."""
    code = (
        "from time import process_time_ns as now; start = now()\n"
        f"import {theirs}\n"
        "middle = now()\n"
        f"import {ours}\n"
        "print(middle - start, now() - middle)"
    )
    line = [sys.executable, "-W", "ignore", "-c", code]
    runs = [subprocess.check_output(line).split() for _ in range(times)]  # our own
    first, second = (min(int(run[i]) for run in runs) / 1e6 for i in range(2))
    return first, second


def main() -> None:
    """Print a line for each framework."""
    names = ("import", "+ ours", "rank", "+ ours", "2 x 100", "theirs")
    print(f"{'':16}", *(f"{name:>10}" for name in names))
    rank = least(lambda: list(FREE.rank("q", TEXTS, 10)))
    makers = {f.__name__: f for f in (langchain_core, llama_index, haystack, pyterrier)}
    for name in sys.argv[1:] or IMPORTS:
        if not find_spec(name):
            print(f"{name:16} is not installed")
            continue
        theirs, ours = IMPORTS[name]
        one, many, own = makers[name]()
        row = [*imported(theirs, ours), rank, least(one) - rank]
        row += [least(call) for call in (many, own) if call is not None]
        print(f"{name:16}", *(f"{value:10.2f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
