"""The dialects that `RerankServer` speaks: a table, and how to read it.

This is written from the servers' own documentation and from their clients, and apart
from the clients of this project, so that a mistake in one shows in the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Literal, TypedDict, cast

__all__ = ["DIALECTS", "Corruption", "Dialect", "phrase"]

Corruption = Literal[
    "nan",
    "infinite",
    "null",
    "text",
    "unsorted",
    "missing",
    "empty",
    "duplicate",
    "out-of-range",
    "negative-index",
    "no-results",
    "not-json",
]
"""What `RerankServer.corrupt` can do to an answer."""


class Result(TypedDict):
    """The score of one document, before it takes the shape of a dialect."""

    index: int
    score: object


@dataclass(frozen=True)
class Dialect:
    """How one kind of server is asked, and how it answers.

    Args:
        path: A regular expression for its rerank path.
        options: The fields it takes beside the ones below. Fields are dotted where
            they are nested.
        documents: The field of the documents.
        query: The field of the query.
        model: The field of the model, or None.
        top: The field (dotted where it is nested) that cuts the answer, or None.
        wrapped: Whether each document is ``{"text": ...}`` instead of a string.
        wrapped_query: Whether the query is one too.
        paired: Whether it takes one query per document.
        results: The field of the answer that holds the results; ``""`` for a bare list.
        score: The field of a result that holds its score; ``""`` where the results
            are bare scores, in the order of the documents.
        echo: The option that asks for the documents back, or None.
        key: The header that holds the key.
        tokens: Where the answer (dotted where it is nested) tells the tokens that were
            read, one for each word; None for nowhere.
        units: Where it tells the search units, one for every 100 documents, or None.
        headers: Headers it insists on.
        parameters: Parameters of the query string it insists on.
        error: Builds the body of an error from a status and a text.
    """

    path: str
    options: tuple[str, ...] = ()
    documents: str = "documents"
    query: str = "query"
    model: str | None = "model"
    top: str | None = "top_n"
    wrapped: bool = False
    wrapped_query: bool = False
    paired: bool = False
    results: str = "results"
    score: str = "relevance_score"
    echo: str | None = None
    key: str = "Authorization"
    tokens: str | None = "usage.total_tokens"
    units: str | None = None
    headers: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    error: Callable[[int, str], object] = lambda _status, text: {"message": text}

    def serves(self, path: str) -> bool:
        """Tell whether *path* is its rerank path."""
        return re.fullmatch(self.path, path) is not None

    def refusal(self, body: Mapping[str, object] | None, most: int | None) -> str:
        """Return why a real server would refuse *body*, or ``""``.

        Args:
            body: The JSON object of the request; None if it is not one.
            most: The most documents it takes.
        """
        if body is None:
            return "The body is not a JSON object."
        fields = (self.query, self.documents, self.model, self.top, *self.options)
        known = {field.split(".")[0] for field in fields if field}
        if unknown := sorted(set(body) - known):
            return f"Unknown field: {unknown[0]}"
        documents = _at(body, self.documents)
        shape = dict if self.wrapped else str
        if not isinstance(documents, list) or not documents:
            return f"{self.documents} must be a list with at least one document."
        if not all(isinstance(document, shape) for document in documents):
            return f"{self.documents} must be a list of {shape.__name__}."
        if most is not None and len(documents) > most:
            return f"{len(documents)} documents are more than {most}."
        return self._wrong_query(body, len(documents))

    def answer(
        self,
        body: Mapping[str, object],
        score: Callable[[str, str], float],
        corruption: str = "",
    ) -> object:
        """Return the answer to *body*: JSON, or bytes where it is spoiled beyond JSON.

        Args:
            body: A body that `refusal` passes.
            score: Scores one document against the query.
            corruption: A `Corruption`, or ``""``.
        """
        if corruption == "not-json":
            return b"<html>Bad gateway</html>"
        if corruption == "no-results":
            return {"object": "list"}
        query = _at(body, self.query)
        query = _text(query[0] if isinstance(query, list) else query)
        texts = [_text(d) for d in cast("list[object]", _at(body, self.documents))]
        scores = [score(query, text) for text in texts]
        order = range(len(texts)) if not self.score else _best_first(scores)
        cut = cast("int | None", self.top and _at(body, self.top))
        results = [Result(index=i, score=scores[i]) for i in order][:cut]
        results = _corrupted(results, corruption, len(texts))
        shaped = self._shaped(results, texts, body)
        if isinstance(shaped, dict):
            words = sum(len(f"{query} {text}".split()) for text in texts)
            _put(shaped, self.tokens, words)
            _put(shaped, self.units, -(-len(texts) // 100))
        return shaped

    def _wrong_query(self, body: Mapping[str, object], n_documents: int) -> str:
        query = _at(body, self.query)
        if self.paired:
            if not isinstance(query, list) or len(query) != n_documents:
                return f"{self.query} must be a list, one for each document."
        elif not isinstance(query, dict if self.wrapped_query else str):
            return f"{self.query} is missing or of the wrong type."
        top = self.top and _at(body, self.top)
        if top is not None and not (isinstance(top, int) and 1 <= top <= n_documents):
            return f"{self.top} must be between 1 and {n_documents}."
        return ""

    def _shaped(
        self, results: list[Result], texts: list[str], body: Mapping[str, object]
    ) -> object:
        if not self.score:
            return {self.results: [result["score"] for result in results]}
        echo = self.echo is not None and body.get(self.echo)
        shaped: list[dict[str, object]] = []
        for result in results:
            index = result["index"]
            item: dict[str, object] = {"index": index, self.score: result["score"]}
            if echo and 0 <= index < len(texts):
                item["document"] = {"text": texts[index]}
            shaped.append(item)
        if not self.results:
            return shaped
        answer: dict[str, object] = {"id": "0"}
        _put(answer, self.results, shaped)
        return answer


def phrase(status: int) -> str:
    """Return what an HTTP status is called, also one that no standard knows."""
    return responses.get(status, "Unknown")


def _openai_error(status: int, text: str) -> object:
    return {"error": {"message": text, "type": phrase(status)}}


def _detail(_status: int, text: str) -> object:
    return {"detail": text}


DIALECTS: Mapping[str, Dialect] = {
    "cohere": Dialect(
        "/v2/rerank",
        ("max_tokens_per_doc", "priority"),
        tokens=None,
        units="meta.billed_units.search_units",
    ),
    "cohere-v1": Dialect(
        "/v1/rerank",
        ("max_chunks_per_doc", "rank_fields", "return_documents"),
        echo="return_documents",
        tokens=None,
        units="meta.billed_units.search_units",
    ),
    "jina": Dialect(
        "/v1/rerank",
        ("return_documents", "truncation"),
        echo="return_documents",
        error=_detail,
    ),
    "voyage": Dialect(
        "/v1/rerank",
        ("return_documents", "truncation"),
        top="top_k",
        results="data",
        echo="return_documents",
        error=_detail,
    ),
    "mixedbread": Dialect(
        "/v1/reranking",
        ("return_input", "rank_fields", "rewrite_query"),
        documents="input",
        top="top_k",
        results="data",
        score="score",
        echo="return_input",
        error=_detail,
    ),
    "pinecone": Dialect(
        "/rerank",
        ("rank_fields", "return_documents", "parameters"),
        wrapped=True,
        results="data",
        score="score",
        echo="return_documents",
        key="Api-Key",
        tokens=None,
        units="usage.rerank_units",
        headers=("X-Pinecone-Api-Version",),
        error=lambda status, text: {
            "error": {
                "code": phrase(status).upper().replace(" ", "_"),
                "message": text,
            },
            "status": status,
        },
    ),
    "together": Dialect(
        "/v1/rerank",
        ("rank_fields", "return_documents"),
        echo="return_documents",
        error=_openai_error,
    ),
    "nvidia": Dialect(
        r"/v1/retrieval/[\w-]+/[\w-]+/reranking",
        ("truncate",),
        documents="passages",
        top=None,
        wrapped=True,
        wrapped_query=True,
        results="rankings",
        score="logit",
        tokens="usage.prompt_tokens",
        error=_detail,
    ),
    "nim": Dialect(
        "/v1/ranking",
        ("truncate",),
        documents="passages",
        top=None,
        wrapped=True,
        wrapped_query=True,
        results="rankings",
        score="logit",
        tokens="usage.prompt_tokens",
        error=_detail,
    ),
    "isaacus": Dialect(
        "/v1/rerankings",
        ("is_iql", "scoring_method", "chunking_options"),
        documents="texts",
        score="score",
        tokens="usage.input_tokens",
    ),
    "zeroentropy": Dialect(
        "/v1/models/rerank", ("latency",), tokens="total_tokens", error=_detail
    ),
    "deepinfra": Dialect(
        r"/v1/inference/[\w-]+/[\w.-]+",
        ("instruction",),
        query="queries",
        model=None,
        top=None,
        paired=True,
        results="scores",
        score="",
        tokens="input_tokens",
        error=_detail,
    ),
    "contextual": Dialect(
        "/v1/rerank", ("instruction", "metadata"), tokens=None, error=_detail
    ),
    "dashscope": Dialect(
        "/api/v1/services/rerank/text-rerank/text-rerank",
        ("parameters.instruct", "parameters.return_documents"),
        documents="input.documents",
        query="input.query",
        top="parameters.top_n",
        results="output.results",
        error=lambda status, text: {
            "code": phrase(status).replace(" ", ""),
            "message": text,
            "request_id": "0",
        },
    ),
    "watsonx": Dialect(
        "/ml/v1/text/rerank",
        ("parameters", "project_id", "space_id"),
        documents="inputs",
        model="model_id",
        top="parameters.return_options.top_n",
        wrapped=True,
        score="score",
        tokens="input_token_count",
        parameters=("version",),
        error=lambda status, text: {
            "errors": [
                {"code": phrase(status).lower().replace(" ", "_"), "message": text}
            ],
            "trace": "0",
            "status_code": status,
        },
    ),
    "tei": Dialect(
        "/rerank",
        ("raw_scores", "return_text", "truncate", "truncation_direction"),
        documents="texts",
        model=None,
        top=None,
        results="",
        score="score",
        echo="return_text",
        error=lambda _status, text: {"error": text, "error_type": "Validation"},
    ),
    "infinity": Dialect(
        "/rerank",
        ("return_documents", "raw_scores"),
        echo="return_documents",
        error=_openai_error,
    ),
    "vllm": Dialect(
        "(/v[12])?/rerank",
        ("truncate_prompt_tokens", "use_activation", "priority", "instruction"),
        tokens="usage.prompt_tokens",
        error=_openai_error,
    ),
}
"""The dialects by name."""


def _text(document: object) -> str:
    return str(document["text"] if isinstance(document, dict) else document)


def _best_first(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: -scores[i])


def _corrupted(results: list[Result], how: str, n: int) -> list[Result]:
    first, *others = results
    index, score = first["index"], first["score"]
    changes: dict[str, list[Result]] = {
        "nan": [Result(index=index, score=float("nan")), *others],
        "infinite": [Result(index=index, score=float("inf")), *others],
        "null": [Result(index=index, score=None), *others],
        "text": [Result(index=index, score="1"), *others],
        "unsorted": results[::-1],
        "missing": results[:-1],
        "empty": [],
        "duplicate": [*results[:-1], first],
        "out-of-range": [Result(index=n, score=score), *others],
        "negative-index": [Result(index=-1, score=score), *others],
    }
    return changes.get(how, results)


def _at(body: Mapping[str, object], path: str) -> object:
    value: object = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _put(answer: dict[str, object], path: str | None, value: object) -> None:
    if path is None:
        return
    *parents, name = path.split(".")
    for parent in parents:
        answer = cast("dict[str, object]", answer.setdefault(parent, {}))
    answer[name] = value
