"""What the adapters for frameworks add: to an import, to a call, and to fusing.

    python tests/benchmarks/bench_adapters.py [FRAMEWORK ...]

Prints CPU milliseconds, the least of several runs: importing the framework's part that
an adapter needs, and with the adapter; ranking 100 documents for the best ten with a
scorer that costs nothing, by `Reranker.rank` and through the adapter; and fusing two
lists of 100 through it. A framework that is not installed is left out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

import resift

if TYPE_CHECKING:
    from collections.abc import Callable

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


def langchain_core() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a call of the compressor, and one of the retriever."""
    from langchain_core.documents import Document
    from langchain_core.runnables import RunnableLambda

    from resift_langchain import ResiftReranker, ResiftRetriever

    documents = [Document(text, id=text[:8]) for text in TEXTS]
    one = ResiftReranker(reranker=FREE, top_n=10)
    lists = [RunnableLambda(lambda _, d=d: d) for d in (documents, documents[::-1])]
    many = ResiftRetriever(reranker="rrf", retrievers=lists, k=10)
    return lambda: one.compress_documents(documents, "q"), lambda: many.invoke("q")


def llama_index() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a call of the postprocessor, and one of the retriever."""
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    from resift_llama_index import ResiftFusionRetriever, ResiftRerank

    nodes = [NodeWithScore(node=TextNode(text=t, id_=t[:8]), score=1.0) for t in TEXTS]

    class Fixed(BaseRetriever):
        def __init__(self, found: list[NodeWithScore]) -> None:
            self.found = found
            super().__init__()

        def _retrieve(self, query_bundle: object) -> list[NodeWithScore]:
            return self.found

    one = ResiftRerank(reranker=FREE, top_n=10)
    many = ResiftFusionRetriever([Fixed(nodes), Fixed(nodes[::-1])])
    return (
        lambda: one.postprocess_nodes(nodes, query_str="q"),
        lambda: many.retrieve("q"),
    )


def haystack() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return a call of the ranker, and one of the joiner."""
    from haystack import Document

    from haystack_integrations.components.joiners.resift import ResiftJoiner
    from haystack_integrations.components.rankers.resift import ResiftRanker

    documents = [Document(content=text, id=text[:8]) for text in TEXTS]
    one, many = ResiftRanker(FREE, top_k=10), ResiftJoiner("rrf", top_k=10)
    lists = [documents, documents[::-1]]
    return (
        lambda: one.run("q", documents),
        lambda: many.run(documents=lists),
    )


def least(call: Callable[[], object], times: int = 200) -> float:
    """Return the least CPU milliseconds of a call."""
    spent = []
    for _ in range(times):
        start = time.process_time_ns()
        call()
        spent.append(time.process_time_ns() - start)
    return min(spent) / 1e6


def imported(modules: str) -> float:
    """Return the least CPU milliseconds of an import, of five."""
    code = (
        "import time, sys; start = time.process_time_ns()\n"
        f"import {modules}\n"
        "print(time.process_time_ns() - start)"
    )
    line = [sys.executable, "-W", "ignore", "-c", code]
    runs = [subprocess.check_output(line) for _ in range(5)]  # our own
    return min(map(int, runs)) / 1e6


def main() -> None:
    """Print a line for each framework."""
    names = ("import", "+ ours", "rank", "+ ours", "fusing 2 x 100")
    print(f"{'':16}", *(f"{name:>15}" for name in names))
    rank = least(lambda: list(FREE.rank("q", TEXTS, 10)))
    calls = {"langchain_core": langchain_core, "llama_index": llama_index}
    calls["haystack"] = haystack
    for name in sys.argv[1:] or IMPORTS:
        if not find_spec(name):
            print(f"{name:16} is not installed")
            continue
        theirs, ours = IMPORTS[name]
        before = imported(theirs)
        row = [before, imported(f"{theirs}, {ours}") - before]
        if name in calls:
            one, many = calls[name]()
            row += [rank, least(one) - rank, least(many)]
        print(f"{name:16}", *(f"{value:15.2f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
